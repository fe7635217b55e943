import type { Finding } from "@landfall/adapters/doctor/finding"
import { findingsOf } from "@landfall/adapters/doctor/finding"
import { examineKafka } from "@landfall/adapters/doctor/kafka"
import { examinePostgres } from "@landfall/adapters/doctor/postgres"
import { type Checkpoint, readCheckpoints } from "@landfall/adapters/history/checkpoint"
import { timestamp } from "@landfall/domain/timestamp"
import type { Context } from "../context.ts"
import { defineCommand } from "../define-command.ts"
import { CommandFailed, exitCodes } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"

const nodeMajorMin = 24

const examineNode = (): Finding => {
  const { ok, wrong } = findingsOf("node")
  return Number(process.versions.node.split(".")[0]) >= nodeMajorMin
    ? ok("version", process.version)
    : wrong("version", process.version, `run \`npm run setup\`, which obtains Node ${nodeMajorMin}`)
}

/** The findings about a part that has to be configured. */
const ifConfigured = async (
  part: string,
  examine: () => Promise<ReadonlyArray<Finding>>,
): Promise<ReadonlyArray<Finding>> => {
  try {
    return await examine()
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error
    return [findingsOf(part).wrong("configured", error.message, "set it, or run `npm start` for a sandbox")]
  }
}

const checkpointsOf = async ({ connections }: Context): Promise<ReadonlyArray<Checkpoint>> => {
  try {
    return await connections
      .database("landfall_auditor")
      .transaction((transaction) => readCheckpoints(transaction))
  } catch {
    return [] // what is wrong with the database is a finding of its own
  }
}

const examineAll = async (context: Context): Promise<ReadonlyArray<Finding>> => {
  const { connections, env } = context
  const [bitcoin, gnosis, bridge] = [
    connections.address("BITCOIN_OBSERVER_URL"),
    connections.address("GNOSIS_OBSERVER_URL"),
    connections.address("BRIDGE_URL"),
  ]
  const unset = (part: string, variable: string): ReadonlyArray<Finding> => [
    findingsOf(part).unknown("configured", `${variable} is not set`),
  ]
  // The libraries of the chains take as long to load as all else together, and no other command needs them.
  const { examineBitcoin, examineBridge, examineEvm } = await import("@landfall/adapters/doctor/systems")
  return [
    examineNode(),
    ...(await ifConfigured("postgres", () => examinePostgres(connections.database(null)))),
    ...(await ifConfigured("kafka", async () => {
      const [kafka, admin] = [connections.kafka(), connections.admin()]
      return examineKafka(kafka, admin, await checkpointsOf(context), context.now)
    })),
    ...(bitcoin === null
      ? unset("bitcoin", "BITCOIN_OBSERVER_URL")
      : await examineBitcoin(bitcoin, env["BITCOIN_NETWORK"] || null)),
    ...(gnosis === null
      ? unset("gnosis", "GNOSIS_OBSERVER_URL")
      : await examineEvm(gnosis, env["GNOSIS_CHAIN_ID"] || null)),
    ...(bridge === null ? unset("bridge", "BRIDGE_URL") : await examineBridge(bridge)),
  ]
}

/** `landfall doctor`: everything that can be found wrong from here, with what to do. */
export const doctorCommand = defineCommand({
  name: "doctor",
  summary:
    "Checks Node, PostgreSQL, Kafka, the chains and the bridge, and says what to do about each problem",
  description: "Exit code 3 when something is wrong. What is not configured is told and is no fault.",
  examples: [{ line: "landfall doctor", for: "before the first start, and when something does not work" }],
  run: async (context) => {
    const { output } = context
    const findings = await examineAll(context)
    const wrong = findings.filter(({ state }) => state === "wrong")
    const colour = { ok: "green", wrong: "red", unknown: "dim" } as const
    output.result({ as_of: timestamp(context.now()), healthy: wrong.length === 0, findings }, () => {
      for (const { part, check, state, says, todo } of findings) {
        const word = { ok: "ok", wrong: "WRONG", unknown: "?" }[state].padEnd(5)
        output.line(`${output.paint(colour[state], word)}  ${part.padEnd(8)}  ${check}: ${printable(says)}`)
        if (todo !== null) output.line(`       → ${printable(todo)}`)
      }
      output.line()
      output.line(wrong.length === 0 ? "nothing is wrong" : output.paint("red", `wrong: ${wrong.length}`))
    })
    return wrong.length === 0 ? exitCodes.ok : exitCodes.difference
  },
})
