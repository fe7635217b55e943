import { fork } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Outcome } from "./simulate.ts"
import type { Share } from "./worker.ts"

const usage = `usage: npm run simulate -- [--seeds N] [--seed S] [--processes P] [--tell]
  --seeds N      how many seeds (1000)
  --seed S       the first of them (1)
  --processes P  among how many processes they are shared (one a core)
  --tell         also tells what happened in each of them

Ends with 1 when a seed failed, and says how to repeat it.`

const wholeNumber = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN)

interface Arguments {
  readonly seeds: number
  readonly first: number
  readonly processes: number
  readonly tells: boolean
}

const readArguments = (): Arguments | "help" | null => {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string", default: "1000" },
        seed: { type: "string", default: "1" },
        processes: { type: "string", default: String(availableParallelism()) },
        tell: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    })
    const [seeds, first] = [wholeNumber(values.seeds), wholeNumber(values.seed)]
    const processes = wholeNumber(values.processes)
    if (values.help || seeds < 1 || Number.isNaN(seeds + first) || !(processes > 0))
      return values.help ? "help" : null
    return { seeds, first, processes: Math.min(processes, seeds), tells: values.tell }
  } catch {
    return null
  }
}

const report = ({ plan, problems, story }: Outcome): void => {
  if (story.length > 0) process.stdout.write(`${JSON.stringify(plan)}\n${story.join("\n")}\n`)
  if (problems.length === 0) return
  const lines = problems.map((problem) => `  ${problem}\n`).join("")
  process.stdout.write(
    `seed ${plan.seed} failed; repeat it with: npm run simulate -- --seeds 1 --seed ${plan.seed} --tell\n${lines}`,
  )
}

const run = async ({ seeds, first, processes, tells }: Arguments): Promise<number> => {
  const began_ms = performance.now()
  let [events, failed] = [0, 0]
  const ended = Array.from({ length: processes }, async (_, place) => {
    const worker = fork(fileURLToPath(new URL("./worker.ts", import.meta.url)))
    worker.on("message", (outcome: Outcome) => {
      events += outcome.events
      if (outcome.problems.length > 0) failed++
      report(outcome)
    })
    const share: Share = { first: first + place, end: first + seeds, stride: processes, tells }
    worker.send(share)
    const [code] = await once(worker, "exit")
    if (code !== 0)
      throw new Error(`a process of the simulation ended with ${code}: its last words are above`)
  })
  await Promise.all(ended)
  const minutes = (performance.now() - began_ms) / 60_000
  process.stdout.write(
    `${seeds} seeds, ${events} events, ${failed} failed; ${Math.round(seeds / minutes)} seeds a minute\n`,
  )
  return failed === 0 ? 0 : 1
}

const given = readArguments()
if (given === null || given === "help") process.stderr.write(`${usage}\n`)
process.exitCode = given === null ? 2 : given === "help" ? 0 : await run(given)
