import type { AlertPolicy, SubjectLists } from "./policy.ts"

/** The lists as the file has them, before they were put in order. */
interface GivenLists {
  readonly expected: Partial<SubjectLists> | undefined
  readonly retired: Partial<SubjectLists> | undefined
}

const kinds = ["pairs", "accounts"] as const

const listProblems = ({ expected, retired }: GivenLists): ReadonlyArray<string> =>
  kinds.flatMap((kind) => {
    const [wanted, unwanted] = [expected?.[kind] ?? [], retired?.[kind] ?? []]
    const twice = (list: ReadonlyArray<string>) => {
      const known = new Set<string>()
      return list.filter((name) => known.size === known.add(name).size)
    }
    const leaving = new Set(unwanted)
    return [
      ...twice(wanted).map((name) => `expected.${kind}: ${name} is there twice`),
      ...twice(unwanted).map((name) => `retired.${kind}: ${name} is there twice`),
      ...wanted
        .filter((name) => leaving.has(name))
        .map((name) => `expected.${kind}: ${name} is also in retired.${kind}`),
    ]
  })

const windowOf = (policy: AlertPolicy, code: keyof AlertPolicy["rules"]): number =>
  Number(policy.rules[code]["window_ms"])

/** What is wrong with a policy although each of its values is allowed. */
export const policyConflicts = (policy: AlertPolicy, given: GivenLists): ReadonlyArray<string> => {
  const stuck_ms = windowOf(policy, "funding_stuck")
  const milder = ["funding_seen_unconfirmed", "funding_confirmed_credit_pending"] as const
  const hidden = milder
    .filter((code) => windowOf(policy, code) >= stuck_ms)
    .map(
      (code) =>
        `rules.${code}.window_ms: ${windowOf(policy, code)} is not below funding_stuck.window_ms (${stuck_ms}), so it would never raise`,
    )
  return [...hidden, ...listProblems(given)]
}
