import { fork } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { benches } from "./registry.ts"
import { circumstances } from "./report/machine.ts"
import { reportText, terminalText } from "./report/render.ts"
import type { Section } from "./report/section.ts"
import type { Answer, Order } from "./run-bench.ts"
import { readSettings, type Settings, usage } from "./settings.ts"

const graceMs = 25_000

/** Runs one benchmark as a process and gives what it found; rejects when it failed or took too long. */
const run = async (order: Order, limit_s: number, stop: AbortSignal): Promise<ReadonlyArray<Section>> => {
  const child = fork(new URL("run-bench.ts", import.meta.url), [JSON.stringify(order)])
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const end = (): void => {
    child.kill("SIGTERM")
    setTimeout(() => child.kill("SIGKILL"), graceMs).unref()
  }
  let why = "it ended without an answer"
  const timer = setTimeout(() => {
    why = `it took longer than ${limit_s} s and was ended`
    end()
  }, limit_s * 1000)
  stop.addEventListener("abort", end, { once: true })
  const told = new Promise<Answer>((resolve) => child.once("message", (answer: Answer) => resolve(answer)))
  const answer = await Promise.race([told, exited.then((): Answer => ({ failed: why }))])
  clearTimeout(timer)
  await exited
  stop.removeEventListener("abort", end)
  if ("failed" in answer) throw new Error(answer.failed)
  return answer.sections
}

const readArguments = (): Settings => {
  try {
    return readSettings(process.argv.slice(2), fileURLToPath(new URL("../REPORT.md", import.meta.url)))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}\n`)
    process.exit(2)
  }
}

const settings = readArguments()
const stop = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort())
const lines = circumstances(new Date())
process.stdout.write(`${lines.join("\n")}\n`)
const began_ms = performance.now()
const sections: Section[] = []
const failures: string[] = []
for (const [module, bench] of Object.entries(benches)) {
  const names = bench.covers.filter((name) => settings.names.includes(name))
  if (names.length === 0 || stop.signal.aborted) continue
  process.stderr.write(`\n${names.join(", ")} …\n`)
  const from_ms = performance.now()
  try {
    for (const section of await run({ module, names, sizes: settings.sizes }, bench.limit_s, stop.signal)) {
      sections.push(section)
      process.stdout.write(terminalText(section))
    }
    process.stderr.write(`${names.join(", ")} took ${Math.round((performance.now() - from_ms) / 1000)} s\n`)
  } catch (error) {
    if (stop.signal.aborted) break
    const why = error instanceof Error ? error.message : String(error)
    failures.push(`${names.join(", ")}: ${why.split("\n")[0]}`)
    process.stderr.write(`${names.join(", ")} failed: ${why}\n`)
  }
}
const took_s = Math.round((performance.now() - began_ms) / 1000)
process.stdout.write(`\nAll in ${took_s} s.\n`)
if (settings.report !== null && !stop.signal.aborted) {
  const command = ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])]
  const text = reportText(
    command.join(" "),
    [...lines, `The whole run took ${took_s} s.`],
    sections,
    failures,
  )
  await writeFile(settings.report, text)
  process.stdout.write(`The report is in ${settings.report}.\n`)
}
process.exit(stop.signal.aborted ? 130 : failures.length > 0 ? 1 : 0)
