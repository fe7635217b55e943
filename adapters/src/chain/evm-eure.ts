import { isAddress } from "viem"
import type { Kind } from "../config/field.ts"

/** Gnosis, by the number that its nodes say. */
export const gnosisChainId = 100

/** The contract of EURe on Gnosis: the second version, the only one whose events count. */
export const eureV2 = "0x420CA0f9B9b604cE0fd9C18EF134C705e5Fa3430"

/** The first version emits an event for each transfer, too: with it every deposit would be seen twice, or wrongly. */
const eureV1 = "0xcB444e90D8198415266c6a2724b7900fb12FC56E"

/** Whether the text names the first version's contract, be it inside another name such as an asset's. */
export const namesEureV1 = (text: string): boolean => text.toLowerCase().includes(eureV1.toLowerCase())

/** Why the first version is refused, and what to use instead. */
export const eureV1Problem = `it is EURe's first version, which repeats each transfer of the second as an event of its own; use ${eureV2}`

/** The block at which the second version took over. Nothing that it tells of is older. */
const eureV2FirstBlock = 35_656_951

/** The first block that can have a transfer of the contract, as far as that is known. */
export const firstBlockOf = (contract: string): number =>
  contract.toLowerCase() === eureV2.toLowerCase() ? eureV2FirstBlock : 0

/** The token contract whose transfers are deposits. */
export const eureContract: Kind<string> = {
  accepted: `the address of a contract, such as EURe's second version ${eureV2}; never its first, ${eureV1}`,
  example: eureV2,
  json: { type: "string", pattern: "^0x[0-9a-fA-F]{40}$" },
  sensitive: false,
  read: (given) => {
    const small = given.toLowerCase()
    if (!/^0x[0-9a-f]{40}$/.test(small))
      return { ok: false, problem: "it is not 0x and 40 hexadecimal digits" }
    if (given !== small && !isAddress(given))
      return { ok: false, problem: "its capitals do not fit its checksum; a digit may be wrong" }
    if (namesEureV1(small)) return { ok: false, problem: eureV1Problem }
    return { ok: true, value: small }
  },
}
