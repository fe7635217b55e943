import { mkdir, rm } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { Section } from "./report/section.ts"
import type { BenchName, Sizes } from "./settings.ts"

// One benchmark as a process of its own: what it leaves in memory slows no other, and when it is ended everything
// that it started ends with it.

/** What it is told, as JSON in its first argument. */
export interface Order {
  readonly module: string
  readonly names: ReadonlyArray<BenchName>
  readonly sizes: Sizes
}

/** What it tells its parent in the end. */
export type Answer = { readonly sections: ReadonlyArray<Section> } | { readonly failed: string }

const order: Order = JSON.parse(process.argv[2] ?? "{}")
const stack = new AsyncDisposableStack()
let ending = false
const folder = fileURLToPath(new URL(`../../.sandbox/bench/${order.module}/`, import.meta.url))
const empty = (): Promise<void> => rm(folder, { recursive: true, force: true })
const end = (code: number): void => {
  if (ending) return
  ending = true
  // What does not end in order is on a leash, and ends with this process.
  setTimeout(() => process.exit(code), 20_000).unref()
  void stack
    .disposeAsync()
    // Data that nobody needs any more; the logs of what failed are kept until the next run.
    .then(() => (code === 0 ? empty() : undefined))
    .catch(() => {})
    .then(() => process.exit(code))
}
process.on("SIGTERM", () => end(143))
process.on("SIGINT", () => {}) // the parent hears it too, and decides
process.on("disconnect", () => end(1))

try {
  await empty()
  await mkdir(folder, { recursive: true })
  const { benches } = await import("./registry.ts")
  const bench = benches[order.module]
  if (bench === undefined) throw new Error(`there is no benchmark ${order.module}`)
  const { names, sizes } = order
  const say = (line: string): void => void process.stderr.write(`  ${line}\n`)
  const sections = await bench.run({ names, sizes, folder, say, stack })
  process.send?.({ sections } satisfies Answer)
  end(0)
} catch (error) {
  process.send?.({
    failed: error instanceof Error ? (error.stack ?? error.message) : String(error),
  } satisfies Answer)
  end(1)
}
