import type { FieldChange, RowChange } from "@landfall/adapters/audit/change"
import type { EventEntry } from "@landfall/adapters/audit/events"
import type { AlertDecision, AlertExplanation, NamingAlert } from "@landfall/adapters/audit/explain-alert"
import type { TimelineStep } from "@landfall/adapters/audit/timeline"
import { canBeAsked, type ExplainedTransfer, type Why, why, whyAccepted } from "@landfall/adapters/audit/why"
import { type Kind, optional, required, withDefault } from "@landfall/adapters/config/field"
import { flag, text } from "@landfall/adapters/config/kinds"
import { shortPosition } from "@landfall/adapters/config/position-kind"
import { toJson } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { spoken } from "@landfall/evaluators/alerts/define-rule"
import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import type { Context } from "../context.ts"
import { defineCommand } from "../define-command.ts"
import { CommandFailed, exitCodes, UsageError } from "../exit-codes.ts"
import type { Output } from "../output/output.ts"
import { printable } from "../output/printable.ts"
import { ask, printStanding } from "../standing.ts"
import { whyProof } from "./why-proof.ts"

/** What can be asked about, as people name it. */
const subjectKind: Kind<string> = {
  accepted: whyAccepted,
  example: "9f86d081-884c-5d65-9a2f-eaa0c55ad015",
  json: { type: "string" },
  sensitive: false,
  read: (given) => {
    const subject = given.trim()
    const wanted = /^[0-9A-Fa-fx-]+$/.test(subject) ? subject.toLowerCase() : subject
    const read = text.read(wanted)
    if (!read.ok || canBeAsked(wanted)) return read
    return { ok: false, problem: "it is none of these" }
  },
}

/** `landfall why SUBJECT`: from what is so to the exact events that made it so. */
export const whyCommand = defineCommand({
  name: "why",
  summary:
    "Says why: what raised and cleared an alert, what an event changed, what made a transfer what it is",
  description:
    "Leads to the exact events: topic, partition, offset, times and message. An alert is told with rule, threshold, observed\nvalue and position, for its raise and its clear; an event with what it changed, field by field, and the alerts whose\nevidence names it; a transfer, or the transfers of a transaction, with the timeline.",
  arguments: { subject: required(subjectKind, "what is asked about") },
  options: {
    proof: withDefault(flag, "false", "print the tlog-proof of the event, and nothing else"),
    against: optional(text, "with --proof: the file of attestations that it is to rest on"),
    "public-key": optional(text, "with --proof: their public key, name+id+key, or a file with it"),
  },
  examples: [
    { line: "landfall why 9f86d081-884c-5d65-9a2f-eaa0c55ad015", for: "by the id of an event or a transfer" },
    { line: "landfall why reference_price_stale:market-reference-ingest:BTC/EURe", for: "by alert key" },
    {
      line: "landfall why 9f86d081-884c-5d65-9a2f-eaa0c55ad015 --proof --against /mnt/auditor/landfall --public-key landfall.pub > alert.tlog-proof",
      for: "the proof that it is in the record, which `landfall verify proof` checks",
    },
  ],
  run: async (context, { arguments: { subject }, options }) => {
    if (options.proof) return whyProof(context, subject, options)
    if (options.against !== null || options["public-key"] !== null)
      throw new UsageError("--against and --public-key are for --proof")
    const names = topics.map(({ name }) => name)
    const { value, standing } = await ask(context, names, async (transaction) => {
      const told = await why(transaction, subject)
      if (told === null)
        throw new CommandFailed(`nothing is recorded as ${subject}; it can be ${whyAccepted}`)
      return told
    })
    context.output.result({ ...standing, ...value }, () => {
      print(context, value)
      printStanding(context, standing)
    })
    return exitCodes.ok
  },
})

const print = ({ output }: Context, told: Why): void => {
  switch (told.kind) {
    case "alert":
      printAlert(output, told.alert)
      if (told.named_by !== undefined) printNaming(output, told.named_by)
      return
    case "event":
      printEvent(output, told.event)
      printChanges(output, told.changes)
      printNaming(output, told.named_by)
      return
    case "transfer":
      printTransfer(output, told)
      return
    case "transaction":
      for (const transfer of told.transfers) printTransfer(output, transfer)
  }
}

const placeOf = (event: Pick<EventEntry, "topic" | "topic_partition" | "kafka_offset">): string =>
  `${event.topic}/${event.topic_partition}@${event.kafka_offset}`

const printEvent = (output: Output, event: EventEntry, indent = ""): void => {
  output.line(`${indent}${output.paint("bold", placeOf(event))}  event ${event.event_id}`)
  output.line(
    `${indent}  Kafka had it ${event.kafka_at ?? "at a time it does not say"}, recorded ${event.ingested_at}${event.retried ? ", as a retried dead letter" : ""}`,
  )
  output.line(`${indent}  leaf ${event.leaf_hash}`)
  output.line(`${indent}  ${printable(event.payload)}`)
}

const shown = (value: unknown): string =>
  printable(value === null ? "-" : typeof value === "string" ? value : toJson(value))

const changeWords = ({ field, before, after }: FieldChange): string =>
  `${field}: ${shown(before)} -> ${shown(after)}`

const printChanges = (output: Output, changes: ReadonlyArray<RowChange>): void => {
  output.line()
  if (changes.length === 0) output.line("It belongs to no row.")
  for (const { projection, key, change, fields } of changes) {
    output.line(
      `It ${change === "nothing" ? "changed nothing of" : change} ${projection} ${printable(key)}${fields.length === 0 ? "" : ":"}`,
    )
    for (const field of fields) output.line(`  ${changeWords(field)}`)
  }
}

const printNaming = (output: Output, alerts: ReadonlyArray<NamingAlert>): void => {
  if (alerts.length === 0) return
  output.line()
  output.line("Named as evidence by:")
  for (const { alert_code, status, evaluated_at, alert_event_id } of alerts)
    output.line(`  ${alert_code} ${status} at ${evaluated_at}  event ${alert_event_id}`)
}

const printAlert = (output: Output, alert: AlertExplanation): void => {
  const { rule, alert_key, episode, severity, raise, clear } = alert
  output.line(output.paint("bold", `${rule} (${severity}), episode ${episode} of ${printable(alert_key)}`))
  printDecision(output, "Raised", raise)
  printDecision(output, "Cleared", clear)
}

const printDecision = (output: Output, word: "Raised" | "Cleared", decision: AlertDecision | null): void => {
  output.line()
  if (decision === null) {
    output.line(word === "Raised" ? "Its raise is not in the record." : "Not cleared.")
    return
  }
  const { threshold, observed } = decision
  output.line(`${output.paint("bold", word)} as of ${decision.at}: ${printable(decision.reason)}`)
  output.line(
    `  threshold  ${threshold.window_ms === 0 ? "wrong at once" : spoken(threshold.window_ms)}, policy ${threshold.policy_version}: ${shown(threshold.settings)}`,
  )
  output.line(`  deadline   ${decision.deadline}, decided by the tick of ${decision.evaluated_at}`)
  output.line(`  observed   ${shown(observed)}`)
  output.line(`  position   ${shortPosition(decision.position)}`)
  output.line(`  event      ${placeOf(decision.event)}  ${decision.event.event_id}`)
  if (decision.evidence.length === 0) output.line("  evidence   none: nothing was ever observed")
  for (const { event, topic, partition, offset, event_id } of decision.evidence) {
    if (event !== null) printEvent(output, event, "  ")
    else output.line(`  ${topic}/${partition}@${offset}  event ${event_id}: not in the record`)
  }
}

const printTransfer = (output: Output, { transfer: row, timeline, more }: ExplainedTransfer): void => {
  const transfer = row as FundingTransfer
  output.line(output.paint("bold", `transfer ${transfer.transfer_id} is ${transfer.status}`))
  for (const step of timeline) printStep(output, step)
  if (more) output.line("and more: `landfall timeline` has all of it")
  output.line()
}

const printStep = (output: Output, { event, change, alert }: TimelineStep): void => {
  const what =
    alert === null
      ? (change?.fields ?? []).map(changeWords).join(", ") || "changed nothing"
      : `${alert.status} ${alert.alert_code} (${alert.severity}): ${printable(alert.reason)}`
  output.line(`  ${event.occurred_at}  ${placeOf(event)}  event ${event.event_id}`)
  output.line(`    ${what}`)
}
