import { type EvmCall, EvmError, type EvmRpc } from "../../src/chain/evm-rpc.ts"
import { addressTopic, transferTopic } from "../../src/chain/evm-transfers.ts"

export const token = "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430"

/** A transaction: who gets how much, in order. */
export interface FakeTransaction {
  readonly hash: string
  readonly transfers: ReadonlyArray<{ readonly to: string; readonly amount: bigint }>
}

interface FakeBlock {
  readonly hash: string
  readonly parent: string
  readonly transactions: ReadonlyArray<FakeTransaction>
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`
const hashOf = (value: number): string => `0x${value.toString(16).padStart(64, "0")}`

/** A chain in memory that answers as an EVM node does, for histories that would take a real one too long. */
export const fakeChain = (options: { readonly finality: number; readonly range_max: number }) => {
  let made = 1
  let blocks: FakeBlock[] = [{ hash: hashOf(1), parent: hashOf(0), transactions: [] }]

  const header = (height: number) => {
    const block = blocks[height]
    return block === undefined
      ? null
      : {
          number: hex(height),
          hash: block.hash,
          parentHash: block.parent,
          timestamp: hex(1_700_000_000 + height * 5),
        }
  }
  const logsAt = (height: number) => {
    const block = blocks[height]
    let logIndex = 0
    return (block?.transactions ?? []).flatMap(({ hash, transfers }) =>
      transfers.map(({ to, amount }) => ({
        address: token,
        topics: [transferTopic, addressTopic("0x01"), addressTopic(to)],
        data: `0x${amount.toString(16).padStart(64, "0")}`,
        blockNumber: hex(height),
        blockHash: block?.hash,
        transactionHash: hash,
        logIndex: hex(logIndex++),
      })),
    )
  }
  const heightOf = (hash: unknown): number => blocks.findIndex((block) => block.hash === hash)
  const head = (): number => blocks.length - 1

  const logs = (filter: Record<string, unknown>) => {
    if (filter.blockHash !== undefined) {
      const height = heightOf(filter.blockHash)
      if (height < 0) throw new EvmError("refused", "unknown block")
      return logsAt(height)
    }
    const [from, to] = [Number(filter.fromBlock), Number(filter.toBlock)]
    if (to - from >= options.range_max) throw new EvmError("refused", "the range is too large")
    const wanted = (filter.topics as ReadonlyArray<ReadonlyArray<string>>)[2]
    return Array.from({ length: to - from + 1 }, (_, index) => logsAt(from + index))
      .flat()
      .filter((log) => wanted === undefined || wanted.includes(log.topics[2] ?? ""))
  }

  const answer = ({ method, parameters }: EvmCall): unknown => {
    const [first] = parameters
    switch (method) {
      case "eth_chainId":
        return "0x64"
      case "eth_syncing":
        return false
      case "eth_getCode":
        return "0x00"
      case "eth_getBlockByNumber":
        if (first === "latest") return header(head())
        return header(first === "finalized" ? Math.max(0, head() - options.finality) : Number(first))
      case "eth_getLogs":
        return logs(Object(first))
      case "eth_getTransactionReceipt": {
        const height = blocks.findIndex((block) => block.transactions.some(({ hash }) => hash === first))
        if (height < 0) return null
        return {
          status: "0x1",
          blockNumber: hex(height),
          blockHash: blocks[height]?.hash,
          transactionHash: first,
          logs: logsAt(height).filter((log) => log.transactionHash === first),
        }
      }
    }
  }

  let requests = 0
  let between: (() => void) | null = null
  let lagOf: (() => number) | null = null
  const rpc: EvmRpc = {
    shown: "a chain in memory",
    batch: async (calls) => {
      requests++
      const whole = blocks
      blocks = whole.slice(0, Math.max(1, whole.length - (lagOf?.() ?? 0)))
      const answers = calls.map((call) => {
        try {
          return answer(call)
        } catch (error) {
          if (error instanceof EvmError) return error
          throw error
        }
      })
      blocks = whole
      between?.()
      return answers
    },
  }
  return {
    rpc,
    head,
    requests: () => requests,
    /** Happens after each request that is answered: the chain goes on while it is read. */
    between: (happens: (() => void) | null): void => {
      between = happens
    },
    /** Each request is answered by a node that is so many blocks behind, as a load balancer may choose. */
    behind: (lag: (() => number) | null): void => {
      lagOf = lag
    },
    mine: (transactions: ReadonlyArray<FakeTransaction>): void => {
      made++
      blocks.push({ hash: hashOf(made), parent: blocks.at(-1)?.hash ?? hashOf(0), transactions })
    },
    /** Takes the newest blocks away, and gives their transactions. */
    forget: (depth: number): ReadonlyArray<FakeTransaction> => {
      const kept = Math.max(1, blocks.length - depth)
      const lost = blocks.slice(kept).flatMap((block) => block.transactions)
      blocks = blocks.slice(0, kept)
      return lost
    },
    /** Every transfer to these addresses that is on the chain now, as an observer should list it. */
    transfersTo: (addresses: ReadonlySet<string>): ReadonlyArray<string> =>
      blocks.flatMap(({ hash, transactions }, height) =>
        transactions.flatMap((transaction) =>
          transaction.transfers.flatMap(({ to, amount }, nth) =>
            addresses.has(to) && amount > 0n
              ? [`${transaction.hash}:${nth} ${to} ${amount} in ${hash} at ${height}`]
              : [],
          ),
        ),
      ),
  }
}
