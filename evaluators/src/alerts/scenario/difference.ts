import { recordEncoder } from "@landfall/domain/codec"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import type { Play } from "./play.ts"
import type { Scenario } from "./scenario.ts"

/** An alert as the bytes of its message. */
export const alertBytes = recordEncoder(alertTopic)

/** An alert without the offsets of what it rests on, which are others when inputs are written twice. */
export const withoutOffsets = (alert: Alert): string => {
  const evidence = alert.details.evidence.map((reference) => ({ ...reference, offset: 0 }))
  return alertBytes({ ...alert, details: { ...alert.details, cut: {}, evidence } })
}

/** The first alert in which two plays of a scenario differ, as a problem; none when they gave the same. */
export const difference = (
  { file }: Scenario,
  manner: string,
  written: Pick<Play, "alerts">,
  other: Pick<Play, "alerts">,
  textOf: (alert: Alert) => string = alertBytes,
): ReadonlyArray<string> => {
  const [expected, got] = [written.alerts.flat().map(textOf), other.alerts.flat().map(textOf)]
  const place = expected.findIndex((text, index) => text !== got[index])
  if (place < 0 && expected.length === got.length) return []
  const at = place < 0 ? expected.length : place
  return [
    `${file}: ${manner} it came out otherwise\n  was ${expected[at] ?? "nothing"}\n  got ${got[at] ?? "nothing"}`,
  ]
}
