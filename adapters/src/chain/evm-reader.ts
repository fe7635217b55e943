import type { Address } from "viem"
import { type EvmCall, EvmError, type EvmRpc } from "./evm-rpc.ts"
import { type Block, type Log, quantity, readBlock, readLogs, readReceipt } from "./evm-schemas.ts"
import {
  addressTopic,
  isTransferOf,
  type TokenTransfer,
  transfersIn,
  transferTopic,
} from "./evm-transfers.ts"

/** What became of a transaction, by its receipt. */
export interface ReceiptWord {
  readonly block_height: number
  readonly block_hash: string
  /** None when it was reverted: a reverted transaction emits nothing. */
  readonly transfers: ReadonlyArray<TokenTransfer>
}

/** Reads blocks, and the transfers of one token in them, from a node that may lie or lag. */
export interface EvmReader {
  /** The canonical block at each height, or null where the node has none. */
  readonly blocksAt: (heights: ReadonlyArray<number>) => Promise<ReadonlyArray<Block | null>>
  /** All transfers in these blocks, asked by block hash: a node that does not have the block cannot answer "none". */
  readonly transfersOf: (blocks: ReadonlyArray<Block>) => Promise<ReadonlyArray<TokenTransfer>>
  /**
   * The heights in a range, both ends included, at which one of the addresses received something. The range goes on
   * from `parent`, the block before it as it was read; null when it was not.
   */
  readonly search: (
    from: number,
    to: number,
    addresses: ReadonlySet<string>,
    parent: Block | null,
  ) => Promise<Searched>
  /** By transaction hash; null when the node knows no such mined transaction. */
  readonly receipts: (hashes: ReadonlyArray<string>) => Promise<ReadonlyArray<ReceiptWord | null>>
}

export interface Searched {
  readonly heights: ReadonlyArray<number>
  /** The last block of the range, which the node had before and after it searched. */
  readonly last: Block
}

/** Nodes take 1,000 topics in one place; four small groups are one request of usual size. */
const groupMax = 250
/** From so many groups on it is less work to read all transfers and to pick out ours. */
const groupsMax = 4

const byNumber = (height: number): EvmCall => ({
  method: "eth_getBlockByNumber",
  parameters: [quantity(height), false],
})

/** A reader of the token's transfers. */
export const evmReader = (rpc: EvmRpc, token: Address): EvmReader => ({
  blocksAt: async (heights) => {
    const answers = await rpc.batch(heights.map(byNumber))
    return answers.map((answer, index) => {
      const block = readBlock(answer)
      if (block !== null && block.height !== heights[index])
        throw new EvmError("garbage", `the node gave block ${block.height} for block ${heights[index]}`)
      return block
    })
  },
  transfersOf: async (blocks) => {
    const answers = await rpc.batch(
      blocks.map(({ hash }) => ({
        method: "eth_getLogs",
        parameters: [{ blockHash: hash, address: token, topics: [transferTopic] }],
      })),
    )
    return blocks.flatMap((block, index) => {
      const logs = readLogs(answers[index])
      const stray = logs.find(
        (log) => log.blockHash !== block.hash || Number(log.blockNumber) !== block.height,
      )
      if (stray !== undefined)
        throw new EvmError(
          "garbage",
          `the node gave a log of block ${stray.blockHash} for block ${block.hash}`,
        )
      return transfersIn(logs, token)
    })
  },
  search: async (from, to, addresses, parent) => {
    const [first, ...answers] = await rpc.batch([
      byNumber(to),
      ...searches(from, to, token, addresses),
      byNumber(to),
      ...(parent === null ? [] : [byNumber(parent.height)]),
    ])
    const parentNow = parent === null ? null : readBlock(answers.pop())
    if (parentNow?.hash !== parent?.hash)
      throw new EvmError(
        "garbage",
        `the node has ${parentNow?.hash} as block ${parent?.height}, and had ${parent?.hash} a moment ago: what it lists from there on is of another chain`,
      )
    const before = readBlock(first)
    const last = readBlock(answers.pop())
    if (before === null || last === null || before.hash !== last.hash)
      throw new EvmError(
        "garbage",
        `the node does not hold on to block ${to} (${before?.hash} before, ${last?.hash} after): what it lists up to there proves nothing`,
      )
    const heights = new Set<number>()
    for (const answer of answers)
      for (const transfer of transfersIn(readLogs(answer), token)) {
        if (transfer.block_height < from || transfer.block_height > to)
          throw new EvmError("garbage", `the node listed block ${transfer.block_height} for ${from} to ${to}`)
        if (addresses.has(transfer.to.toLowerCase())) heights.add(transfer.block_height)
      }
    return { heights: [...heights].toSorted((left, right) => left - right), last }
  },
  receipts: async (hashes) => {
    const answers = await rpc.batch(
      hashes.map((hash) => ({ method: "eth_getTransactionReceipt", parameters: [hash] })),
    )
    return answers.map((answer, index) => {
      const receipt = readReceipt(answer)
      if (receipt === null) return null
      if (receipt.transactionHash !== hashes[index])
        throw new EvmError(
          "garbage",
          `the node gave the receipt of ${receipt.transactionHash} for ${hashes[index]}`,
        )
      const logs: ReadonlyArray<Log> = receipt.status === "0x0" ? [] : receipt.logs
      return {
        block_height: Number(receipt.blockNumber),
        block_hash: receipt.blockHash,
        transfers: transfersIn(
          logs.filter((log) => isTransferOf(log, token)),
          token,
        ),
      }
    })
  },
})

/** The calls that find transfers to the addresses in a range. */
const searches = (from: number, to: number, token: Address, addresses: ReadonlySet<string>): EvmCall[] => {
  const range = { fromBlock: quantity(from), toBlock: quantity(to), address: token }
  const search = (topics: ReadonlyArray<unknown>): EvmCall => ({
    method: "eth_getLogs",
    parameters: [{ ...range, topics }],
  })
  if (addresses.size > groupMax * groupsMax) return [search([transferTopic])]
  const topics = [...addresses].map(addressTopic)
  return Array.from({ length: Math.ceil(topics.length / groupMax) }, (_, group) =>
    search([transferTopic, null, topics.slice(group * groupMax, (group + 1) * groupMax)]),
  )
}
