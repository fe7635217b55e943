import { findTransfers, namesTransfer } from "@landfall/adapters/audit/find-transfers"
import { findRow } from "@landfall/adapters/audit/rows"
import { listTimeline, type TimelineStep } from "@landfall/adapters/audit/timeline"
import { type Kind, required } from "@landfall/adapters/config/field"
import { recordDecoder } from "@landfall/domain/codec"
import { alertTopic } from "@landfall/domain/topics/alert"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import { askAsOf, asOfGiven, asOfOptions, printDatedStanding } from "../as-of.ts"
import { defineCommand } from "../define-command.ts"
import { CommandFailed, exitCodes } from "../exit-codes.ts"
import { humanAmount } from "../output/amount.ts"

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

const stepsMax = 10_000

const decode = recordDecoder(fundingObservationTopic)

const saysOf = ({ alert, event }: TimelineStep): string => {
  if (alert !== null) return `${alert.status} ${alert.alert_code} (${alert.severity}): ${alert.reason}`
  const decoded = decode(Buffer.from(event.payload, "utf8"))
  if (!decoded.ok) return decoded.reason
  const seen = decoded.record
  const bridge = seen.bridge_status === undefined ? "" : `, bridge says ${seen.bridge_status}`
  const successor = seen.successor_tx_hash === undefined ? "" : `, replaced by ${seen.successor_tx_hash}`
  return `${seen.status} (${seen.cause}), ${seen.confirmations}/${seen.confirmations_required} confirmations${bridge}${successor}, observer ${seen.observer.state}`
}

const placeOf = ({ event }: TimelineStep): string =>
  `${event.topic}/${event.topic_partition}@${event.kafka_offset}`

/** `landfall timeline TRANSFER`: everything that was recorded of it. */
export const timelineCommand = defineCommand({
  name: "timeline",
  summary: "Shows every observation and alert of one transfer, in order",
  arguments: { transfer: required(transferName, "the transfer") },
  options: asOfOptions,
  examples: [
    { line: "landfall timeline 9f86d081", for: "by the beginning of the transaction hash" },
    { line: "landfall timeline 0b1c6a2e-1d0f-5d2b-8c39-8a2f6a3b4c5d --json", for: "by transfer id" },
  ],
  run: async (context, { arguments: { transfer: name }, options }) => {
    const { output } = context
    const asOf = asOfGiven(context, options)
    const about = { topics: [fundingObservationTopic.name, alertTopic.name], projection: fundingTransfer }
    const { value, standing } = await askAsOf(context, asOf, about, async (transaction) => {
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
      const keyed = { key: transfer.transfer_id, row: transfer }
      const then = await findRow(transaction, fundingTransfer, keyed.key, asOf)
      if (then === null)
        throw new CommandFailed(`nothing was known of transfer ${keyed.key} as of ${asOf?.at}`)
      const query = { after: null, asOf, limit: stepsMax }
      const steps = await listTimeline(transaction, fundingTransfer, keyed, query)
      return { transfer: then.row as FundingTransfer, steps }
    })
    const { transfer, steps } = value
    const items = steps.map(({ place: _, ...step }) => step)
    output.result({ ...standing, transfer, items }, () => {
      output.line(output.paint("bold", `${humanAmount(transfer.amount, transfer.chain)}, ${transfer.status}`))
      output.line(`transfer ${transfer.transfer_id}`)
      output.line(`to ${transfer.chain}:${transfer.funding_handle}`)
      output.line(`tx ${transfer.tx_hash ?? "no hash known"}:${transfer.output_index ?? "-"}`)
      output.line()
      output.table(
        [
          { title: "happened", of: ({ event }) => event.occurred_at },
          { title: "recorded", of: ({ event }) => event.ingested_at },
          { title: "topic/partition@offset", of: placeOf },
          { title: "what", of: saysOf },
        ],
        items,
        "nothing is recorded",
        ({ event }) => [`event ${event.event_id}`],
      )
      printDatedStanding(context, asOf, standing)
    })
    return exitCodes.ok
  },
})
