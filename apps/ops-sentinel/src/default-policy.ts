import { type AlertPolicy, defaultPolicyFile, readPolicy } from "@landfall/evaluators/alerts/policy"

/** The policy of a desk that has none of its own: the project's windows, and no subject that must be there. */
export const defaultPolicy = (): AlertPolicy => {
  const read = readPolicy(defaultPolicyFile)
  if (!read.ok) throw new Error(`the project's default policy is not allowed: ${read.problems.join("; ")}`)
  return read.policy
}
