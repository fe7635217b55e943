import { type Decoded, recordDecoder } from "@landfall/domain/codec"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { type IntentInventory, intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import type { Truth } from "./truth.ts"

/** What must hold, by its words, and how it was broken; bounded, because what goes wrong once goes wrong often. */
export interface Findings {
  readonly add: (rule: string, how: string) => void
  readonly all: () => ReadonlyArray<{ readonly rule: string; readonly how: string }>
  readonly count: () => number
}

const findingsMax = 200

/** Nothing found yet; `onFinding` hears of each. */
export const openFindings = (onFinding: (rule: string, how: string) => void): Findings => {
  const found: Array<{ rule: string; how: string }> = []
  let count = 0
  return {
    add: (rule, how) => {
      count++
      if (found.length < findingsMax) found.push({ rule, how })
      if (found.length <= findingsMax) onFinding(rule, how)
    },
    all: () => found,
    count: () => count,
  }
}

/** What was judged so far. */
export interface Judged {
  observations: number
  negatives: number
  transitions: number
  inventories: number
}

/** What a deposit is called that is not on its way any more. */
const negative: ReadonlySet<string> = new Set(["replaced", "conflicted", "dropped", "reorged"])

/**
 * The transaction that must have left its place: a credit that came before its deposit keeps the bridge's hash, and names the chain's as
 * that of what took its place.
 */
const onTheChain = ({ status, tx_hash, successor_tx_hash }: FundingObservation): string | null =>
  status === "reorged" ? (successor_tx_hash ?? tx_hash) : tx_hash

/** Holds new records of evidence, each partition in its order, against what really happened. */
export const judge = (truth: Truth, findings: Findings) => {
  const judged: Judged = { observations: 0, negatives: 0, transitions: 0, inventories: 0 }
  const revisions = new Map<string, number>()
  const statuses = new Map<string, string>()
  const episodes = new Map<string, number>()

  const observation = (seen: FundingObservation): void => {
    const { transfer_id, revision, status, tx_hash, observer, output_index } = seen
    const what = `${seen.chain} ${tx_hash}:${output_index}, revision ${revision}, ${status} (${seen.cause})`
    const last = revisions.get(transfer_id) ?? 0
    if (revision !== last + 1)
      findings.add("each revision once, in order", `${what}: the revision before it was ${last}`)
    revisions.set(transfer_id, revision)
    const before = statuses.get(transfer_id)
    statuses.set(transfer_id, status)
    judged.observations++
    if (!negative.has(status) || before === status) return
    judged.negatives++
    if (observer.state !== "ok")
      findings.add(
        "no negative conclusion from an absent source",
        `${what} while the observer was ${observer.state}`,
      )
    const onChain = onTheChain(seen)
    if (onChain !== null && !truth.mayHaveGone(onChain) && seen.source !== "bridge")
      findings.add(
        "no negative conclusion from an absent source",
        `${what}, though it was there all the time`,
      )
  }

  const alert = ({ alert_key, episode, status }: Alert): void => {
    judged.transitions++
    const last = episodes.get(alert_key) ?? 0
    const step = 2 * episode - (status === "raised" ? 1 : 0)
    if (step !== last + 1)
      findings.add(
        "each alert is raised and cleared in turn, once each",
        `${status} ${alert_key} episode ${episode} came after ${last === 0 ? "nothing" : `${last % 2 === 1 ? "raised" : "cleared"} episode ${Math.ceil(last / 2)}`}`,
      )
    episodes.set(alert_key, step)
  }

  const inventory = ({ balances, observed_at }: IntentInventory): void => {
    judged.inventories++
    for (const { asset_id, spendable, credited } of balances)
      if (!truth.held(asset_id, spendable) || credited > truth.holds(asset_id))
        findings.add(
          "nothing is spendable before credit",
          `at ${observed_at} ${spendable} ${asset_id} are spendable and ${credited} credited, the verifier holds ${truth.holds(asset_id)}`,
        )
  }

  const readObservation = recordDecoder(fundingObservationTopic)
  const readAlert = recordDecoder(alertTopic)
  const readInventory = recordDecoder(intentInventoryTopic)
  const take = (topic: string, payload: string): void => {
    const bytes = Buffer.from(payload)
    const read = <Record>(decoded: Decoded<Record>, then: (record: Record) => void): void => {
      if (decoded.ok) then(decoded.record)
      else findings.add("evidence can be read", `${topic}: ${decoded.reason}`)
    }
    if (topic === fundingObservationTopic.name) read(readObservation(bytes), observation)
    else if (topic === alertTopic.name) read(readAlert(bytes), alert)
    else if (topic === intentInventoryTopic.name) read(readInventory(bytes), inventory)
  }
  return { take, judged: judged as Readonly<Judged> }
}
