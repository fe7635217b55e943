import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Anvil, startAnvil } from "@landfall/setup/parts/anvil"
import { callerCode, callInput, eureV2, mintInput, transferInput } from "@landfall/setup/parts/eure"
import { assemble } from "@landfall/setup/parts/evm-assembler"
import { afterAll, beforeAll, expect, test } from "vitest"
import { placeEure } from "../../src/eure/eure.ts"
import { until } from "../../src/until.ts"

const receiver = "0x00000000000000000000000000000000000000aa"
const caller = "0x00000000000000000000000000000000000000ca"
const transferTopic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"

interface Receipt {
  readonly status: string
  readonly logs: ReadonlyArray<{ readonly address: string; readonly topics: string[]; readonly data: string }>
}

let dir: string
let anvil: Anvil

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-eure-"))
  anvil = await startAnvil({ dir })
})
afterAll(async () => {
  await anvil.kill()
  await rm(dir, { recursive: true, force: true })
})

/** Anvil mines by itself, a moment after it has answered with the hash. */
const receiptOf = (hash: string) =>
  until("the transaction to be mined", () => anvil.rpc<Receipt | null>("eth_getTransactionReceipt", hash))

const sendFrom = async (from: string, to: string, data: string) =>
  anvil.rpc<string>("eth_sendTransaction", { from, to, data, gas: "0x7a120" })

test("moves what is sent and tells it as ERC-20 does", async () => {
  const eure = await placeEure(anvil.rpc)
  const [sender = ""] = await anvil.rpc<string[]>("eth_accounts")
  const before = await eure.balanceOf(sender)
  const { status, logs } = await receiptOf(await eure.send(receiver, 12n))
  expect(status).toBe("0x1")
  expect(logs).toMatchObject([
    {
      address: eureV2,
      topics: [transferTopic, `0x${"0".repeat(24)}${sender.slice(2)}`, `0x${"0".repeat(62)}aa`],
      data: `0x${"0".repeat(63)}c`,
    },
  ])
  expect([await eure.balanceOf(sender), await eure.balanceOf(receiver)]).toEqual([before - 12n, 12n])
})

test("is placed twice without giving twice", async () => {
  const eure = await placeEure(anvil.rpc)
  const [sender = ""] = await anvil.rpc<string[]>("eth_accounts")
  const before = await eure.balanceOf(sender)
  await placeEure(anvil.rpc)
  expect(await eure.balanceOf(sender)).toBe(before)
})

test("sends nothing that somebody does not have, and takes back the whole transaction", async () => {
  const eure = await placeEure(anvil.rpc)
  const [poor = "", other = ""] = (await anvil.rpc<string[]>("eth_accounts")).slice(1)
  const { status, logs } = await receiptOf(await sendFrom(poor, eureV2, transferInput(other, 1n)))
  expect([status, logs]).toEqual(["0x0", []])
  await anvil.rpc("anvil_setCode", caller, callerCode)
  await sendFrom(poor, eureV2, mintInput(caller, 10n))
  const calls = (...amounts: bigint[]) =>
    `0x${amounts.map((amount) => callInput(eureV2, transferInput(other, amount))).join("")}`
  expect(await receiptOf(await sendFrom(poor, caller, calls(4n, 7n)))).toMatchObject({
    status: "0x0",
    logs: [],
  })
  expect(await eure.balanceOf(other)).toBe(0n)
  expect((await receiptOf(await sendFrom(poor, caller, calls(4n, 5n)))).logs).toHaveLength(2)
  expect(await eure.balanceOf(other)).toBe(9n)
})

test("has an assembler that says what it does not know", () => {
  expect(assemble("0x2a @end JUMP ; go\nend:")).toBe("0x602a610006565b")
  expect(() => assemble("PUSH9")).toThrow('"PUSH9" is no instruction')
  expect(() => assemble("@nowhere")).toThrow("there is no nowhere:")
})
