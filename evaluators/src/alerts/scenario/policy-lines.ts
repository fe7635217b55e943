import { AlertCode } from "@landfall/domain/topics/alert"
import { type AlertPolicy, defaultPolicyFile, readPolicy } from "../policy.ts"
import { lengthOf, type Reader, WordError } from "./words.ts"

/** A policy file while the lines of a scenario write it. */
export interface PolicyFile {
  version: number
  readonly rules: { readonly [code: string]: { [name: string]: number | string } }
  readonly expected: { readonly pairs: string[]; readonly accounts: string[] }
  readonly retired: { readonly pairs: string[]; readonly accounts: string[] }
}

/** The policy that a scenario starts from: the project's default. */
export const newPolicyFile = (): PolicyFile => structuredClone(defaultPolicyFile) as unknown as PolicyFile

/**
 * Reads the rest of a `policy` line into the file: `expect pair BTC/EURe`, `retire account desk.near`, or a rule's
 * setting such as `reference_price_stale max_age 30s`.
 */
export const editPolicy = (file: PolicyFile, reader: Reader): void => {
  const word = reader.takeOne("rule or list", ["expect", "retire", ...AlertCode.literals])
  if (word === "expect" || word === "retire") {
    const kind = reader.takeOne("kind of subject", ["pair", "account"]) === "pair" ? "pairs" : "accounts"
    const subject = reader.take("a subject")
    const [into, outOf] = word === "expect" ? [file.expected, file.retired] : [file.retired, file.expected]
    if (!into[kind].includes(subject)) into[kind].push(subject)
    const place = outOf[kind].indexOf(subject)
    if (place >= 0) outOf[kind].splice(place, 1)
  } else {
    const name = reader.take("a setting such as window, max_age, clear_after or severity")
    const value = reader.take(`the value of ${name}`)
    const settings = file.rules[word]
    if (settings === undefined) throw new WordError(`the default policy has no rule ${word}`)
    if (name === "severity") settings[name] = value
    else settings[`${name}_ms`] = lengthOf(value)
  }
  reader.end()
}

/** The policy that the file holds now; a {@link WordError} with every problem when it holds none. */
export const policyOf = (file: PolicyFile): AlertPolicy => {
  const read = readPolicy(structuredClone(file))
  if (!read.ok) throw new WordError(`the policy is not allowed: ${read.problems.join("; ")}`)
  return read.policy
}
