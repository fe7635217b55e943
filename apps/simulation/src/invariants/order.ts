import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import type { Invariant } from "./invariant.ts"
import { type LoggedRecord, recordsOf } from "./records.ts"

/** Each transfer's revisions and each alert's episodes are in the log once each and in order. */
export const order: Invariant = function* ({ kafka }) {
  const byTransfer = Map.groupBy(
    published(recordsOf<FundingObservation>(kafka, fundingObservationTopic)),
    ({ transfer_id }) => transfer_id,
  )
  for (const [transfer, observations] of byTransfer) {
    const revisions = observations.map(({ revision }) => revision)
    if (revisions.some((revision, index) => revision !== index + 1))
      yield `transfer ${transfer} has the revisions ${revisions.join(", ")}`
  }
  const byKey = Map.groupBy(published(recordsOf<Alert>(kafka, alertTopic)), ({ alert_key }) => alert_key)
  for (const [key, alerts] of byKey) {
    const steps = alerts.map(({ episode, status }) => `${status} ${episode}`)
    if (steps.some((step, index) => step !== `${index % 2 === 0 ? "raised" : "cleared"} ${(index >> 1) + 1}`))
      yield `alert ${key} has the transitions ${steps.join(", ")}`
  }
}

/** What the services published: without what the world delivered again, which is kept apart as a duplicate. */
const published = <Record>(records: ReadonlyArray<LoggedRecord<Record>>): ReadonlyArray<Record> =>
  records.filter(({ inTransaction }) => inTransaction).map(({ record }) => record)
