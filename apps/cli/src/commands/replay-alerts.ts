import { shortPosition } from "@landfall/adapters/config/position-kind"
import type { TopicSource } from "@landfall/adapters/replay/read-topic"
import { type AlertReplay, replayRecordedAlerts } from "@landfall/adapters/replay/replay-alerts"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import type { Context } from "../context.ts"
import { type ExitCode, exitCodes } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"

/** A replay reads everything there is, in one transaction. */
const deadlineMs = 6 * 3_600_000
/** More are counted and not printed for people; `--json` has them all. */
const shownMax = 50

const encode = recordEncoder(alertTopic)

/**
 * `differs`: decided again it came out otherwise. `extra`: it was recorded, and deciding again gives nothing. `missing`:
 * deciding again gives it, and it was not recorded.
 */
interface Difference {
  readonly kind: "differs" | "extra" | "missing"
  readonly alert: Alert
  readonly place: string | null
  /** Canonical JSON, which is what was compared; null where there is none. */
  readonly recorded: string | null
  readonly replayed: string | null
}

const differencesOf = ({ alerts, unexpected, places }: AlertReplay): ReadonlyArray<Difference> => [
  ...alerts
    .filter(({ same }) => !same)
    .map(({ recorded, replayed }): Difference => {
      const at = places.get(recorded.alert_event_id)
      return {
        kind: replayed === null ? "extra" : "differs",
        alert: recorded,
        place: at === undefined ? null : `${at.topic}/${at.partition}@${at.offset}`,
        recorded: encode(recorded),
        replayed: replayed === null ? null : encode(replayed),
      }
    }),
  ...unexpected.map(
    (alert): Difference => ({ kind: "missing", alert, place: null, recorded: null, replayed: encode(alert) }),
  ),
]

const meaning = {
  differs: "decided again it comes out otherwise",
  extra: "it is recorded, and deciding again gives no such transition",
  missing: "deciding again gives it, and it is not recorded",
} as const

/** `landfall replay alerts`: decides again and compares byte for byte. */
export const replayAlertsCommand = async (
  context: Context,
  source: TopicSource | null,
): Promise<ExitCode> => {
  const { connections, output, signal } = context
  const progress = output.progress("alerts")
  let found: AlertReplay
  try {
    found = await connections
      .database("landfall_auditor")
      .transaction(
        (transaction) => replayRecordedAlerts(transaction, source, { onProgress: progress.at, signal }),
        {
          mode: "repeatable read read only",
          deadlineMs,
        },
      )
  } finally {
    progress.end()
  }
  const { alerts, decisions, events, waiting, position, same } = found
  const differences = differencesOf(found)
  const head = {
    as_of: timestamp(context.now()),
    source: source === null ? "evidence" : "topics",
    position,
    transitions: alerts.length,
    decisions,
    events,
    waiting,
    same,
  }
  output.result({ ...head, differences }, () => {
    for (const difference of differences.slice(0, shownMax)) printDifference(context, difference)
    if (differences.length > shownMax) output.line(`and ${differences.length - shownMax} more: see --json`)
    output.line(
      `${alerts.length} transitions of ${decisions} decisions, made again from ${events} events (${head.source})`,
    )
    if (waiting > 0)
      output.line(`${waiting} transitions wait: what they were decided from is not recorded here yet`)
    output.line(`position ${shortPosition(position)}`)
    output.line(
      same
        ? output.paint("green", "each is the same, byte for byte, and none is missing")
        : output.paint("red", `${differences.length} are not as they were decided`),
    )
  })
  return same ? exitCodes.ok : exitCodes.difference
}

const printDifference = (
  { output }: Context,
  { kind, alert, place, recorded, replayed }: Difference,
): void => {
  const name = `${kind.toUpperCase()}  ${alert.status} ${alert.alert_key} episode ${alert.episode}`
  output.line(output.paint("red", printable(name)))
  output.line(`  ${meaning[kind]}`)
  output.line(`  event     ${alert.alert_event_id}${place === null ? "" : ` at ${place}`}`)
  if (recorded !== null) output.line(`  recorded  ${printable(recorded)}`)
  if (replayed !== null) output.line(`  replayed  ${printable(replayed)}`)
  for (const { topic, partition, offset, event_id } of alert.details.evidence)
    output.line(`  evidence  ${printable(topic)}/${partition}@${offset} event ${event_id}`)
  output.line()
}
