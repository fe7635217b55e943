import { createHash } from "node:crypto"
import { timestamp } from "@landfall/domain/timestamp"
import {
  type AlertPolicy,
  canonicalPolicy,
  type RecordedPolicy,
  readPolicy,
  successionProblems,
} from "@landfall/evaluators/alerts/policy"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { failpoint } from "../process/failpoint.ts"

/** The policy cannot follow those that were recorded, or a recorded one cannot be read: an operator must look. */
export class PolicyRefused extends Error {
  override readonly name = "PolicyRefused"
}

interface Row {
  readonly version: string
  readonly policy: string
  readonly sha256: Buffer
  readonly recorded_ms: string
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Every recorded policy, oldest first. Throws {@link PolicyRefused} for one that is not as it was recorded. */
export const recordedPolicies = async (transaction: Transaction): Promise<ReadonlyArray<RecordedPolicy>> => {
  const rows = await transaction.query<Row>(
    `select version::text as version, policy, sha256, (extract(epoch from recorded_at) * 1000)::bigint::text as recorded_ms
       from alert_policies order by version`,
  )
  return rows.map(policyOf)
}

const policyOf = ({ version, policy, sha256, recorded_ms }: Row): RecordedPolicy => {
  if (!digest(policy).equals(sha256))
    throw new PolicyRefused(
      `version ${version} in alert_policies is not what was recorded: its SHA-256 differs`,
    )
  const read = readPolicy(JSON.parse(policy))
  if (!read.ok)
    throw new PolicyRefused(
      `version ${version} in alert_policies cannot be read by this version of Landfall: ${read.problems.join("; ")}`,
    )
  return { recorded_at: timestamp(Number(recorded_ms)), policy: read.policy }
}

/**
 * Records the policy when its version is new, and returns all of them, the given one last. Throws {@link PolicyRefused}
 * with every problem when it cannot follow those before it.
 */
export const recordPolicy = (
  database: Database,
  policy: AlertPolicy,
  now_ms: number,
): Promise<ReadonlyArray<RecordedPolicy>> =>
  database.transaction(async (transaction) => {
    // Two instances that start at once must agree on when the version began.
    await transaction.query("select pg_advisory_xact_lock(hashtext('landfall alert_policies'))")
    const before = await recordedPolicies(transaction)
    const problems = successionProblems(policy, before)
    if (problems.length > 0)
      throw new PolicyRefused(`the alert policy cannot be used: ${problems.join("; ")}`)
    if (before.at(-1)?.policy.version === policy.version) return before
    const text = canonicalPolicy(policy)
    const recorded_at = timestamp(now_ms)
    await transaction.query(
      "insert into alert_policies (version, policy, sha256, recorded_at) values ($1, $2, $3, $4)",
      [policy.version, text, digest(text), recorded_at],
    )
    failpoint("in_transaction")
    return [...before, { recorded_at, policy }]
  })
