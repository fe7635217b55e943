import { assemble } from "./evm-assembler.ts"
import type { JsonRpc } from "./json-rpc.ts"

/** Where EURe is on Gnosis: the second version of the contract, the only one that counts. */
export const eureV2 = "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430"

/**
 * A token as far as deposits need one: `transfer`, `mint` (by anybody), `balanceOf`, and the event of ERC-20. Balances
 * are in storage under the address itself.
 */
export const tokenCode = assemble(`
  0x00 CALLDATALOAD 0xe0 SHR                ; selector
  DUP1 0xa9059cbb EQ @transfer JUMPI
  DUP1 0x40c10f19 EQ @mint JUMPI
  DUP1 0x70a08231 EQ @balance JUMPI
fail:
  0x00 DUP1 REVERT

balance:                                    ; balanceOf(address)
  0x04 CALLDATALOAD SLOAD
answer:                                     ; value
  0x00 MSTORE 0x20 0x00 RETURN

transfer:                                   ; transfer(address to, uint256 amount)
  0x24 CALLDATALOAD CALLER SLOAD            ; balance amount
  DUP2 DUP2 LT @fail JUMPI                  ; too little
  SUB CALLER SSTORE
  CALLER @move JUMP                         ; from
mint:                                       ; mint(address to, uint256 amount)
  0x00
move:                                       ; from
  0x24 CALLDATALOAD                         ; amount from
  DUP1 0x04 CALLDATALOAD SLOAD ADD 0x04 CALLDATALOAD SSTORE
  0x00 MSTORE                               ; from
  0x04 CALLDATALOAD SWAP1                   ; from to
  0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef
  0x20 0x00 LOG3                            ; Transfer(from, to, amount)
  0x01 @answer JUMP
`)

/**
 * A contract that makes calls in its own name, in one transaction, all or none: its input is a list of 32 bytes with a
 * contract's address and 68 bytes that it is called with.
 */
export const callerCode = assemble(`
  0x00                                      ; i
next:
  CALLDATASIZE DUP2 LT ISZERO @done JUMPI
  0x44 DUP2 0x20 ADD 0x00 CALLDATACOPY      ; the 68 bytes go to memory
  0x00 0x00 0x44 0x00 0x00                  ; value, input and output of the call
  DUP6 CALLDATALOAD GAS CALL
  ISZERO @fail JUMPI
  0x64 ADD @next JUMP
done:
  STOP
fail:
  0x00 DUP1 REVERT
`)

const word = (value: string | bigint): string =>
  (typeof value === "bigint" ? value.toString(16) : value.toLowerCase().replace(/^0x/, "")).padStart(64, "0")

/** The input of `transfer(to, amount)`. */
export const transferInput = (to: string, amount: bigint): string => `0xa9059cbb${word(to)}${word(amount)}`

/** The input of `mint(to, amount)`. */
export const mintInput = (to: string, amount: bigint): string => `0x40c10f19${word(to)}${word(amount)}`

/** One call in the input of {@link callerCode}. */
export const callInput = (contract: string, input: string): string => `${word(contract)}${input.slice(2)}`

/** Puts the token on anvil's chain. */
export const placeToken = (rpc: JsonRpc, address: string = eureV2): Promise<unknown> =>
  rpc("anvil_setCode", address, tokenCode)

/** What an address has, in wei. */
export const balanceOf = async (rpc: JsonRpc, holder: string, token: string = eureV2): Promise<bigint> =>
  BigInt(await rpc<string>("eth_call", { to: token, data: `0x70a08231${word(holder)}` }, "latest"))
