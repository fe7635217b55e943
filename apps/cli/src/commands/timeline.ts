import {
  findTransfers,
  namesTransfer,
  readTransferTimeline,
  type TimelineEntry,
} from "@landfall/adapters/audit/transfer-timeline"
import { type Kind, required } from "@landfall/adapters/config/field"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { defineCommand } from "../define-command.ts"
import { CommandFailed, exitCodes } from "../exit-codes.ts"
import { humanAmount } from "../output/amount.ts"
import { ask, printStanding } from "../standing.ts"

/** A transfer, as people name it. */
const transferName: Kind<string> = {
  accepted: "a transfer id, or at least four digits of its transaction hash",
  example: "9f86d081",
  json: { type: "string" },
  sensitive: false,
  read: (given) =>
    namesTransfer(given) ? { ok: true, value: given } : { ok: false, problem: "it names no transfer" },
}

/** More than this, and the list would not help to choose. */
const candidatesMax = 10

const saysOf = ({ kind, record }: TimelineEntry): string => {
  if (kind === "alert") {
    const { status, severity, alert_code, reason } = record as Alert
    return `${status} ${alert_code} (${severity}): ${reason}`
  }
  const seen = record as FundingObservation
  const bridge = seen.bridge_status === undefined ? "" : `, bridge says ${seen.bridge_status}`
  const successor = seen.successor_tx_hash === undefined ? "" : `, replaced by ${seen.successor_tx_hash}`
  return `${seen.status} (${seen.cause}), ${seen.confirmations}/${seen.confirmations_required} confirmations${bridge}${successor}, observer ${seen.observer.state}`
}

/** `landfall timeline TRANSFER`: everything that was recorded of it. */
export const timelineCommand = defineCommand({
  name: "timeline",
  summary: "Shows every observation and alert of one transfer, in order",
  arguments: { transfer: required(transferName, "the transfer") },
  examples: [
    { line: "landfall timeline 9f86d081", for: "by the beginning of the transaction hash" },
    { line: "landfall timeline 0b1c6a2e-1d0f-5d2b-8c39-8a2f6a3b4c5d --json", for: "by transfer id" },
  ],
  run: async (context, { arguments: { transfer: name } }) => {
    const { output } = context
    const topics = [fundingObservationTopic.name, alertTopic.name]
    const { value, standing } = await ask(context, topics, async (transaction) => {
      const found = await findTransfers(transaction, name, candidatesMax + 1)
      const [transfer, another] = found
      if (transfer === undefined)
        throw new CommandFailed(
          `no transfer is recorded as ${name}: \`landfall funding\` lists those that are`,
        )
      if (another !== undefined)
        throw new CommandFailed(
          `${name} names ${found.length > candidatesMax ? `more than ${candidatesMax}` : found.length} transfers; say which:\n${found
            .slice(0, candidatesMax)
            .map(
              (one) =>
                `  ${one.transfer_id}  ${one.tx_hash ?? "-"}:${one.output_index ?? "-"}  ${one.status}`,
            )
            .join("\n")}`,
        )
      return { transfer, events: await readTransferTimeline(transaction, transfer) }
    })
    const { transfer, events } = value
    output.result({ ...standing, transfer, events }, () => {
      output.line(output.paint("bold", `${humanAmount(transfer.amount, transfer.chain)}, ${transfer.status}`))
      output.line(`transfer ${transfer.transfer_id}`)
      output.line(`to ${transfer.chain}:${transfer.funding_handle}`)
      output.line(`tx ${transfer.tx_hash ?? "no hash known"}:${transfer.output_index ?? "-"}`)
      output.line()
      output.table(
        [
          { title: "kafka had it", of: (entry) => entry.kafka_at ?? entry.ingested_at },
          {
            title: "topic/partition@offset",
            of: (entry) => `${entry.topic}/${entry.partition}@${entry.offset}`,
          },
          { title: "what", of: saysOf },
        ],
        events,
        "nothing is recorded",
        (entry) => [`event ${entry.event_id}`],
      )
      printStanding(context, standing)
    })
    return exitCodes.ok
  },
})
