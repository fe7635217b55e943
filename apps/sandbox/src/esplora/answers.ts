import type { JsonRpc } from "@landfall/setup/parts/json-rpc"
import type { ChainIndex, IndexedTransaction } from "./chain-index.ts"
import { blockShape, statusShape, transactionShape } from "./shapes.ts"

/** What the server says to one path: JSON, or plain text. */
export interface Answer {
  readonly status: number
  readonly type: "application/json" | "text/plain"
  readonly text: string
}

const mempoolMax = 50
const pageMax = 25
const blocksMax = 10

const json = (value: unknown): Answer => ({
  status: 200,
  type: "application/json",
  text: JSON.stringify(value),
})
const plain = (text: string, status = 200): Answer => ({ status, type: "text/plain", text })
const notFound = (what: string): Answer => plain(`${what} not found`, 404)

/** Esplora's answers, from the index. Its lists are newest first. */
export const esploraAnswers = (index: ChainIndex, rpc: JsonRpc) => {
  const valid = new Map<string, boolean>()
  const isAddress = async (address: string): Promise<boolean> => {
    const known = valid.get(address) ?? (await rpc<{ isvalid: boolean }>("validateaddress", address)).isvalid
    valid.set(address, known)
    return known
  }

  const minedOf = (address: string): ReadonlyArray<IndexedTransaction> => {
    const place = ({ raw, block }: IndexedTransaction) => block?.txids.indexOf(raw.txid) ?? 0
    return [...index.touching(address)]
      .filter(({ block }) => block !== null)
      .sort(
        (one, other) => (other.block?.height ?? 0) - (one.block?.height ?? 0) || place(other) - place(one),
      )
  }
  const mempoolOf = (address: string): ReadonlyArray<IndexedTransaction> =>
    [...index.touching(address)]
      .filter(({ raw }) => index.isInMempool(raw.txid))
      .sort((one, other) => other.arrival - one.arrival)
      .slice(0, mempoolMax)

  const shown = (transactions: ReadonlyArray<IndexedTransaction>): Answer =>
    json(transactions.map((transaction) => transactionShape(index, transaction)))

  const address = async (of: string, rest: ReadonlyArray<string>): Promise<Answer> => {
    if (!(await isAddress(of))) return plain("Invalid Bitcoin address", 400)
    const [list, part, last] = rest
    if (list !== "txs") return notFound("Endpoint")
    if (part === undefined) return shown([...mempoolOf(of), ...minedOf(of).slice(0, pageMax)])
    if (part === "mempool") return shown(mempoolOf(of))
    if (part !== "chain") return notFound("Endpoint")
    const mined = minedOf(of)
    // After one that is not there comes nothing.
    const at = last === undefined ? -1 : mined.findIndex(({ raw }) => raw.txid === last)
    return last !== undefined && at < 0 ? json([]) : shown(mined.slice(at + 1, at + 1 + pageMax))
  }

  const transaction = (txid: string, [what, vout]: ReadonlyArray<string>): Answer => {
    const known = index.transactions.get(txid)
    if (what === "outspend") {
      if (known === undefined) return notFound("Transaction")
      const spender = [...index.spending(txid, Number(vout))].find(
        ({ raw, block }) => block !== null || index.isInMempool(raw.txid),
      )
      if (spender === undefined) return json({ spent: false })
      const { raw, block } = spender
      const vin = raw.vin.findIndex((input) => input.txid === txid && input.vout === Number(vout))
      return json({ spent: true, txid: raw.txid, vin, status: statusShape(block) })
    }
    if (what === "status") return json(statusShape(known?.block ?? null))
    if (what !== undefined) return notFound("Endpoint")
    return known === undefined ? notFound("Transaction") : json(transactionShape(index, known))
  }

  const block = (hash: string, [what]: ReadonlyArray<string>): Answer => {
    const known = index.blocks.find((other) => other.hash === hash)
    if (what === "status") {
      const next_best = known === undefined ? undefined : index.blocks[known.height + 1]?.hash
      return json(
        known === undefined
          ? { in_best_chain: false }
          : { in_best_chain: true, height: known.height, ...(next_best === undefined ? {} : { next_best }) },
      )
    }
    return known === undefined ? notFound("Block") : json(blockShape(known))
  }

  const blocks = ([first, second]: ReadonlyArray<string>): Answer => {
    const tip = index.blocks.at(-1)
    if (tip === undefined) return plain("no block yet", 503)
    if (first === "tip") return plain(second === "hash" ? tip.hash : String(tip.height))
    const from = first === undefined ? tip.height : Number(first)
    if (index.blocks[from] === undefined) return notFound("Block")
    return json(
      index.blocks
        .slice(Math.max(0, from - blocksMax + 1), from + 1)
        .reverse()
        .map(blockShape),
    )
  }

  return async (path: string): Promise<Answer> => {
    const [, kind, name = "", ...rest] = path.split("/").map(decodeURIComponent)
    if (kind === "blocks") return blocks(name === "" ? [] : [name, ...rest])
    if (kind === "block") return block(name, rest)
    if (kind === "block-height") {
      const hash = index.blocks[Number(name)]?.hash
      return hash === undefined ? notFound("Block") : plain(hash)
    }
    if (kind === "tx") return transaction(name, rest)
    if (kind === "address") return await address(name, rest)
    return notFound("Endpoint")
  }
}
