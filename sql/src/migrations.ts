import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** One numbered step forward; there is no way back but a further step. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly text: string
  /** Of the file as it was applied: an applied migration may not change. */
  readonly sha256: string
}

const ours = fileURLToPath(new URL("../migrations/", import.meta.url))

/** All migrations in their order, `0001_…` first. Throws when the numbers have a gap or repeat. */
export const migrations = (folder: string = ours): ReadonlyArray<Migration> =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file, index) => {
      const expected = String(index + 1).padStart(4, "0")
      if (!file.startsWith(`${expected}_`))
        throw new Error(
          `migration ${file} should begin with ${expected}_: the numbers must run from 0001 without gaps or repetitions`,
        )
      const text = readFileSync(join(folder, file), "utf8")
      return {
        number: index + 1,
        name: file.slice(5, -4),
        text,
        sha256: createHash("sha256").update(text).digest("hex"),
      }
    })
