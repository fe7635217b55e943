import { mkdir, rm, writeFile } from "node:fs/promises"
import { cpus, loadavg, totalmem } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { openProgram } from "@landfall/sandbox/stack/ending"
import { openTerminal, StepFailed } from "@landfall/sandbox/terminal"
import { type Options, optionsOf, usage } from "./options.ts"
import { brokenOf } from "./outcome.ts"
import { inWords, planOf } from "./plan.ts"
import { repetition, reportOf } from "./report.ts"
import { runPlan } from "./run.ts"
import { saying } from "./waiting.ts"

const here = fileURLToPath(new URL("../../../.chaos/", import.meta.url))
const terminal = openTerminal(process.stdout, process.env)
const { cleanup, end, told, isUnderWay } = openProgram(terminal)

const run = async (options: Options): Promise<number> => {
  const { seed, minutes, rate, keep } = options
  const plan = planOf(seed, minutes)
  const folder = join(here, `seed-${seed}-${process.pid}`)
  const file = resolve(options.report ?? join(here, `seed-${seed}.md`))
  await mkdir(folder, { recursive: true })
  // Known before the run: one of ten minutes must not end without a place for its report.
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `# Chaos, seed ${seed}\n\nUnder way.\n`)
  const started_at = new Date().toISOString()
  const outcome = await runPlan({ plan, minutes, rate, folder, terminal, cleanup })
  const [load = 0] = loadavg()
  const report = reportOf(outcome, {
    started_at,
    machine: `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
    load: load.toFixed(1),
  })
  await writeFile(file, report)
  const broken = brokenOf(outcome)
  terminal.heading(broken.length === 0 ? "Everything held" : `${broken.length} did not hold`)
  for (const line of broken.slice(0, 20)) terminal.line(`  ${line}`)
  terminal.line(`  report: ${file}`)
  if (broken.length > 0) terminal.line(`  logs and data: ${folder}\n  repeat it with: ${repetition(outcome)}`)
  else if (!keep) {
    await cleanup.run()
    await rm(folder, { recursive: true, force: true })
  }
  return broken.length === 0 ? 0 : 1
}

const options = optionsOf(process.argv.slice(2))
if (options === "help") process.stdout.write(`${usage}\n`)
else if ("problems" in options) {
  process.stderr.write(`${options.problems.join("\n")}\n\n${usage}\n`)
  process.exitCode = 2
} else if (options.planOnly) {
  const { faults } = planOf(options.seed, options.minutes)
  for (const { at_ms, fault } of faults)
    process.stdout.write(`${(at_ms / 1000).toFixed(1).padStart(7)} s  ${inWords(fault)}\n`)
} else {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => told(signal === "SIGINT" ? 130 : 143))
  try {
    await end(await run(options))
  } catch (error) {
    if (!isUnderWay() && !(error instanceof StepFailed)) terminal.failed("the chaos run", saying(error))
    if (!isUnderWay())
      terminal.line(
        `\nLogs are in ${here}. Repeat it with: ${repetition(options)}. Try \`npm run setup\` if a part is missing.`,
      )
    await end(1)
  }
}
