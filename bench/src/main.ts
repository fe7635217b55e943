import { cpus, totalmem } from "node:os"
import { parseArgs } from "node:util"
import { benchIngest, describe, type IngestRun } from "./ingest/ingest.ts"
import { benchLatency } from "./latency/latency.ts"

const usage = `usage: npm run bench -- [ingest | latency] [--events N] [--runs N] [--deposits N]`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: "string", default: "200000" },
    runs: { type: "string", default: "5" },
    deposits: { type: "string", default: "50" },
  },
})

const [what = "all"] = positionals
const line = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

line(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`,
)
if (what !== "all" && what !== "ingest" && what !== "latency") {
  process.stderr.write(`${usage}\n`)
  process.exit(2)
}
if (what !== "latency") {
  line("\nTopics to evidence, leaf hashes, snapshot and checkpoint, exactly once")
  const runs = await benchIngest(Number(values.events), Number(values.runs), line)
  line(`median  ${describe(medianOf(runs))}`)
}
if (what !== "ingest") {
  line("\nBroadcast to row in PostgreSQL")
  await benchLatency(Number(values.deposits), line)
}
process.exit(0)

function medianOf(runs: ReadonlyArray<IngestRun>): IngestRun {
  const median = (of: (run: IngestRun) => number): number => {
    const sorted = runs.map(of).sort((left, right) => left - right)
    return sorted[Math.floor(sorted.length / 2)] ?? 0
  }
  return {
    consume: median((run) => run.consume),
    copy: median((run) => run.copy),
    ingest: median((run) => run.ingest),
    batches: median((run) => run.batches),
    rss_bytes_max: Math.max(...runs.map((run) => run.rss_bytes_max)),
  }
}
