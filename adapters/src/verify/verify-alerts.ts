import { recordEncoder } from "@landfall/domain/codec"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { PolicyRefused } from "../alerts/policy-store.ts"
import { ReplayRefused } from "../replay/range.ts"
import { type AlertReplay, replayRecordedAlerts } from "../replay/replay-alerts.ts"
import type { FurtherCheck } from "./verify-record.ts"

const encode = recordEncoder(alertTopic)

/** The check that every recorded alert is what deciding again gives, byte for byte, and that none is missing. */
export const verifyAlerts =
  (signal?: AbortSignal): FurtherCheck =>
  async (transaction, findings) => {
    let replay: AlertReplay
    try {
      replay = await replayRecordedAlerts(transaction, null, signal === undefined ? {} : { signal })
    } catch (error) {
      if (error instanceof PolicyRefused) return findings.difference("alert", "alert_policies", error.message)
      if (!(error instanceof ReplayRefused)) throw error
      // The row that cannot be read is a difference of its own.
      return findings.note(`the alerts were not decided again: ${error.message}`)
    }
    for (const { recorded, replayed, same } of replay.alerts) {
      if (same) continue
      const at = replay.places.get(recorded.alert_event_id)
      findings.difference(
        "alert",
        at === undefined ? recorded.alert_event_id : `${at.topic}/${at.partition}/${at.offset}`,
        replayed === null
          ? `${nameOf(recorded)} is recorded, and deciding it again gives no such transition`
          : `${nameOf(recorded)} is recorded as ${encode(recorded)}, and deciding it again gives ${encode(replayed)}`,
      )
    }
    for (const alert of replay.unexpected)
      findings.difference(
        "alert",
        alert.alert_key,
        `${nameOf(alert)} is what deciding again gives, and it is not recorded: ${encode(alert)}`,
      )
    if (replay.waiting > 0)
      findings.note(
        `${replay.waiting} alert transitions were not decided again: what they were decided from is not recorded yet`,
      )
  }

const nameOf = ({ alert_key, episode, status }: Alert): string => `${status} ${alert_key} episode ${episode}`
