/** How long work goes: one line on a terminal that is drawn anew, and nothing elsewhere until it is done. */
export interface Progress {
  /** So much is done by now, of the total if it is known. */
  readonly at: (done: number, total: number | null) => void
  /** Takes the line away. */
  readonly end: () => void
}

/** Drawn at most so often: a terminal is slower than the work. */
const drawEveryMs = 100
const barCells = 24

/** `12,345` */
export const grouped = (count: number): string => Math.round(count).toLocaleString("en-US")

const duration = (seconds: number): string =>
  seconds < 60 ? `${Math.ceil(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.ceil(seconds % 60)} s`

/** The line: a bar, the share, the count, the rate and the time left, as far as they are known. */
export const progressLine = (
  label: string,
  {
    done,
    total,
    elapsed_ms,
  }: { readonly done: number; readonly total: number | null; readonly elapsed_ms: number },
): string => {
  const rate = elapsed_ms > 0 ? (done / elapsed_ms) * 1000 : 0
  const speed = `${grouped(done)}${total === null ? "" : ` of ${grouped(total)}`}  ${grouped(rate)}/s`
  if (total === null || total <= 0) return `${label}  ${speed}`
  const share = Math.min(1, done / total)
  const filled = Math.floor(share * barCells)
  const bar = `${"█".repeat(filled)}${"░".repeat(barCells - filled)}`
  const left = rate > 0 ? `  ${duration(Math.max(0, total - done) / rate)} left` : ""
  return `${label}  ${bar} ${Math.floor(share * 100)}%  ${speed}${left}`
}

/** Shows progress on the stream, which is stderr; a pipe or a file is told nothing on the way. */
export const openProgress = (
  stream: Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">,
  label: string,
): Progress => {
  if (!stream.isTTY) return { at: () => {}, end: () => {} }
  const start_ms = performance.now()
  let drawn_ms = Number.NEGATIVE_INFINITY
  return {
    at: (done, total) => {
      const now_ms = performance.now()
      if (now_ms - drawn_ms < drawEveryMs) return
      drawn_ms = now_ms
      const line = progressLine(label, { done, total, elapsed_ms: now_ms - start_ms })
      stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`)
    },
    end: () => {
      if (drawn_ms > 0) stream.write("\r\u001b[K")
    },
  }
}
