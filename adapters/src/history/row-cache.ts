import type { StoredRow } from "./snapshot-table.ts"

/**
 * Rows used lately, the least recently used given up first. It only saves reads: every write names the version it was
 * folded from, so a stale entry makes the transaction fail and never a wrong row.
 */
export class RowCache {
  private readonly rows = new Map<string, StoredRow>()
  private readonly rowsMax: number

  constructor(rowsMax: number) {
    this.rowsMax = rowsMax
  }

  get(key: string): StoredRow | undefined {
    return this.rows.get(key)
  }

  set(key: string, row: StoredRow): void {
    this.rows.delete(key)
    this.rows.set(key, row)
    if (this.rows.size <= this.rowsMax) return
    for (const oldest of this.rows.keys()) {
      this.rows.delete(oldest)
      break
    }
  }
}
