import { Count, Text } from "@landfall/domain/text"
import type { Timestamp } from "@landfall/domain/timestamp"
import type { Alert, AlertCode } from "@landfall/domain/topics/alert"
import { Result, Schema, SchemaIssue } from "effect"
import type { AnyRule } from "./define-rule.ts"
import { policyConflicts } from "./policy-conflicts.ts"
import { alertRules } from "./rules/registry.ts"

/** The settings of one rule: its own (`max_age_ms`, `window_ms`, ...) and those that all rules have. */
export interface RuleSettings {
  readonly severity: Alert["severity"]
  /** How long a breach must be absent before the alert clears; a breach again within it is the same episode. */
  readonly clear_after_ms: number
  readonly [name: string]: number | string
}

/** Subjects by the names that rules and people use. */
export interface SubjectLists {
  readonly pairs: ReadonlyArray<string>
  readonly accounts: ReadonlyArray<string>
}

/** What the desk calls too old, too long and stuck. */
export interface AlertPolicy {
  /** Set by its author: another content needs another, greater version. */
  readonly version: number
  readonly rules: { readonly [Code in AlertCode]: RuleSettings }
  /** Subjects that must be observed: they raise `never_observed` when they are not. */
  readonly expected: SubjectLists
  /** Subjects that are watched no more, although they were once observed. */
  readonly retired: SubjectLists
}

/** A policy as `alert_policies` keeps it. */
export interface RecordedPolicy {
  /** When the version was first recorded; the time of declared subjects runs from here, whatever restarts. */
  readonly recorded_at: Timestamp
  readonly policy: AlertPolicy
}

const listLengthMax = 10_000
const lists = Schema.Struct({
  pairs: Schema.optionalKey(Schema.Array(Text).check(Schema.isMaxLength(listLengthMax))),
  accounts: Schema.optionalKey(Schema.Array(Text).check(Schema.isMaxLength(listLengthMax))),
})

const common = {
  severity: Schema.optionalKey(Schema.Literals(["warning", "critical"])),
  clear_after_ms: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 315_576_000_000 })),
  ),
}

/** The schema of the policy file: its rules are those of the registry, each with its own settings. */
export const alertPolicyFile = Schema.Struct({
  version: Count.check(Schema.isGreaterThan(0)),
  rules: Schema.Struct(
    Object.fromEntries(
      alertRules.map((rule) => [rule.code, Schema.Struct({ ...common, ...rule.policy.fields })]),
    ),
  ),
  expected: Schema.optionalKey(lists),
  retired: Schema.optionalKey(lists),
})

/** A policy, or everything that is wrong with it, one sentence each. */
export type ReadPolicy =
  | { readonly ok: true; readonly policy: AlertPolicy }
  | { readonly ok: false; readonly problems: ReadonlyArray<string> }

const decode = Schema.decodeUnknownResult(alertPolicyFile)
const issues = SchemaIssue.makeFormatterStandardSchemaV1()

/** Reads a policy from parsed JSON. Unknown names are problems too: a misspelt window must not be silently absent. */
export const readPolicy = (json: unknown): ReadPolicy => {
  const result = decode(json, { errors: "all", onExcessProperty: "error" })
  if (Result.isFailure(result)) {
    const problems = issues(result.failure.issue).issues.map(
      ({ path, message }) =>
        `${path === undefined || path.length === 0 ? "the file" : path.join(".")}: ${message}`,
    )
    return { ok: false, problems }
  }
  const { version, rules, expected, retired } = result.success
  const policy: AlertPolicy = {
    version,
    rules: Object.fromEntries(
      alertRules.map((rule) => [rule.code, settingsOf(rule, rules[rule.code])]),
    ) as AlertPolicy["rules"],
    expected: sorted(expected),
    retired: sorted(retired),
  }
  const problems = policyConflicts(policy, { expected, retired })
  return problems.length === 0 ? { ok: true, policy } : { ok: false, problems }
}

/** With the defaults filled in and in one order, so that two files that mean the same are the same. */
const settingsOf = (rule: AnyRule, given: unknown): RuleSettings => {
  const settings = given as Partial<RuleSettings>
  const own = Object.keys(rule.policy.fields).flatMap((name) => {
    const value = settings[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    severity: settings.severity ?? rule.severity,
    clear_after_ms: settings.clear_after_ms ?? 0,
    ...Object.fromEntries(own),
  }
}

const sorted = (given: Partial<SubjectLists> | undefined): SubjectLists => ({
  pairs: [...new Set(given?.pairs)].sort(),
  accounts: [...new Set(given?.accounts)].sort(),
})

/** The policy's one written form: JSON with defaults filled in, in a fixed order, without white space. */
export const canonicalPolicy = (policy: AlertPolicy): string => JSON.stringify(policy)

/**
 * What hinders a policy from following those that were recorded, oldest first; empty when it may be recorded, or
 * is the latest already.
 */
export const successionProblems = (
  policy: AlertPolicy,
  recorded: ReadonlyArray<RecordedPolicy>,
): ReadonlyArray<string> => {
  const latest = recorded.at(-1)?.policy
  if (latest === undefined || policy.version > latest.version) return []
  if (policy.version < latest.version)
    return [
      `version: ${policy.version} is older than ${latest.version}, which was in use: raise it to ${latest.version + 1}`,
    ]
  return canonicalPolicy(policy) === canonicalPolicy(latest)
    ? []
    : [`version: ${policy.version} was recorded with another content: raise it to ${policy.version + 1}`]
}

/**
 * A sensible start: prices of 30 s, inventory of 2 min, an hour in the mempool, two to be credited, a day in all.
 * What left the chain uncredited is told of for a day, too: most of it was replaced and comes under another hash.
 */
export const defaultPolicyFile = {
  version: 1,
  rules: {
    reference_price_stale: { max_age_ms: 30_000 },
    inventory_snapshot_stale: { max_age_ms: 120_000 },
    funding_seen_unconfirmed: { window_ms: 3_600_000 },
    funding_confirmed_credit_pending: { window_ms: 7_200_000 },
    funding_stuck: { window_ms: 86_400_000, report_withdrawn_ms: 86_400_000 },
    executor_submission_failed: { clear_after_ms: 900_000 },
  },
  expected: { pairs: [], accounts: [] },
  retired: { pairs: [], accounts: [] },
} as const
