import { parseArgs } from "node:util"
import { simulate } from "./simulate.ts"

const usage = `usage: npm run simulate -- [--seeds N] [--seed S] [--tell]
  --seeds N  how many seeds, one after another (1000)
  --seed S   the first of them (1)
  --tell     also tells what happened in each of them`

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    tell: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
})
const [seeds, first] = [Number(values.seeds), Number(values.seed)]
if (values.help || !Number.isSafeInteger(seeds) || !Number.isSafeInteger(first) || seeds < 1) {
  process.stderr.write(`${usage}\n`)
  process.exit(values.help ? 0 : 2)
}

const began_ms = performance.now()
let [events, failed] = [0, 0]
for (let seed = first; seed < first + seeds; seed++) {
  const outcome = await simulate(seed, { tells: values.tell })
  events += outcome.events
  if (values.tell) process.stdout.write(`${JSON.stringify(outcome.plan)}\n${outcome.story.join("\n")}\n`)
  if (outcome.problems.length === 0) continue
  failed++
  process.stdout.write(
    `seed ${seed} failed; repeat it with: npm run simulate -- --seeds 1 --seed ${seed} --tell\n${outcome.problems.map((problem) => `  ${problem}\n`).join("")}`,
  )
}
const minutes = (performance.now() - began_ms) / 60_000
process.stdout.write(
  `${seeds} seeds, ${events} events, ${failed} failed; ${Math.round(seeds / minutes)} seeds a minute\n`,
)
process.exitCode = failed === 0 ? 0 : 1
