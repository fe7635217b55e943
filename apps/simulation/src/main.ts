import { fork } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Outcome } from "./simulate.ts"
import type { Share } from "./worker.ts"

const usage = `usage: npm run simulate -- [--seeds N] [--seed S] [--tell]
  --seeds N  how many seeds (1000)
  --seed S   the first of them (1)
  --tell     also tells what happened in each of them

Ends with 1 when a seed failed, and says how to repeat it.`

const wholeNumber = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN)

const readArguments = () => {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string", default: "1000" },
        seed: { type: "string", default: "1" },
        tell: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    })
    const [seeds, first] = [wholeNumber(values.seeds), wholeNumber(values.seed)]
    if (values.help || seeds < 1 || Number.isNaN(seeds + first)) return values.help ? "help" : null
    return { seeds, first, tells: values.tell }
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

const run = async (seeds: number, first: number, tells: boolean): Promise<number> => {
  const began_ms = performance.now()
  let [events, failed] = [0, 0]
  const processes = Math.min(availableParallelism(), seeds)
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
process.exitCode =
  given === null ? 2 : given === "help" ? 0 : await run(given.seeds, given.first, given.tells)
