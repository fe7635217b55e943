import type { Address } from "viem"
import type { HeldOutputs } from "./evm-held.ts"
import { createReading, freshBlocksMax, type ReadingOptions } from "./evm-reading.ts"
import { EvmError } from "./evm-rpc.ts"
import type { Block } from "./evm-schemas.ts"
import { createTrail, forkPoint } from "./evm-trail.ts"
import type { TokenTransfer } from "./evm-transfers.ts"
import type { WatchedAddress } from "./watch-wallet.ts"

export interface ScanOptions extends Omit<ReadingOptions, "found"> {
  readonly held: HeldOutputs
  /** How long one call may read; the rest is for the next. */
  readonly budget_ms?: number
  readonly now: () => number
}

/** Reads the chain from where it was left to its head, and the history of new addresses. */
export interface Scan {
  readonly watch: (addresses: ReadonlyArray<WatchedAddress>) => void
  /** Reads on. Gives why what is known is not all there is up to that head; empty when it is. */
  readonly advance: (head: Block, final_height: number) => Promise<ReadonlyArray<string>>
  /** Reads one block again, whatever was read of it before. */
  readonly reread: (height: number, hash: string) => Promise<boolean>
  /** Whether somebody's deposits are watched there. */
  readonly watches: (address: string) => boolean
  /** What was read from this height on is in doubt and is read again. */
  readonly distrust: (height: number) => void
  /** The height up to which the chain was read; -1 before. */
  readonly height: () => number
  readonly refused: () => ReadonlyMap<string, string>
}

/** History of addresses that is still to be read, from the lowest block to the highest. */
interface Job {
  readonly addresses: ReadonlySet<string>
  /** Null until it was looked up when the oldest address was issued. */
  from: number | null
  readonly since_ms: number | null
  to: number
}

const budgetMs = 2_000
/** The bridge may show an address long after somebody was told it: its history begins a day before its issue. */
const beforeIssue_ms = 86_400_000

export const createScan = (options: ScanOptions): Scan => {
  const { reader, held, now } = options
  const trail = createTrail()
  let given: ReadonlyArray<WatchedAddress> = []
  /** By lower-case address: the handle as it was written. */
  let wanted: ReadonlyMap<string, WatchedAddress> = new Map()
  let refused: ReadonlyMap<string, string> = new Map()
  let begun: Set<string> = new Set()
  let jobs: Job[] = []

  const take = (blocks: ReadonlyArray<Block>, transfers: ReadonlyArray<TokenTransfer>): void => {
    const byHash = new Map(blocks.map((block) => [block.hash, block]))
    for (const transfer of transfers) {
      const handle = wanted.get(transfer.to.toLowerCase())
      const block = byHash.get(transfer.block_hash)
      // Nothing moves with an amount of zero, which anybody can send in anybody's name, or from an address to itself.
      if (handle === undefined || block === undefined || transfer.amount === 0n) continue
      if (transfer.from.toLowerCase() === transfer.to.toLowerCase()) continue
      held.take(block, transfer, handle.address)
    }
  }

  const reading = createReading({ ...options, found: take })

  const rewind = (height: number): void => {
    trail.cut(height)
    held.doubt(height)
    jobs = jobs.filter((job) => (job.from ?? 0) <= height)
    for (const job of jobs) job.to = Math.min(job.to, height)
    if (trail.top() !== null) return
    jobs = []
    begun = new Set()
  }

  /** Goes back to the last block that the node's chain shares with what was read; says why it cannot. */
  const follow = async (top: Block, head: Block): Promise<string | null> => {
    // Another node behind the same address may be behind. A better chain is not shorter for long, so it is waited for.
    if (head.height < top.height)
      return `the node is at block ${head.height}, and was at block ${top.hash}, at ${top.height}, before`
    const hashAt = async (height: number): Promise<string | null> => {
      if (height === head.height) return head.hash
      return (await reader.blocksAt([height]))[0]?.hash ?? null
    }
    if ((await hashAt(top.height)) === top.hash) return null
    // A node that cannot name a block below its own head has not left it: it is not all there.
    if ((await hashAt(top.height)) === null)
      return `the node says that it is at block ${head.height}, but has no block ${top.height}`
    rewind((await forkPoint(trail.blocks(), hashAt))?.height ?? -1)
    return null
  }

  /** The addresses whose history was not begun yet become a job. */
  const begin = (top: Block): void => {
    if (begun.size === wanted.size) return
    const fresh = [...wanted].filter(([address]) => !begun.has(address))
    if (fresh.length === 0) return
    const issued = fresh.map(([, { issued_at_ms }]) => issued_at_ms)
    const oldest = issued.includes(null) ? null : Math.min(...issued.map((at) => at ?? 0))
    for (const [address] of fresh) begun.add(address)
    jobs.push({
      addresses: new Set(fresh.map(([address]) => address)),
      from: null,
      since_ms: oldest === null ? null : oldest - beforeIssue_ms,
      to: top.height,
    })
  }

  /** Reads one part of the history of addresses. */
  const work = async (job: Job): Promise<void> => {
    job.from ??= await reading.since(job.since_ms, job.to)
    const last = await reading.history(job.from, job.to, job.addresses, null)
    job.from = last.height + 1
    if (job.from > job.to) jobs = jobs.filter((other) => other !== job)
  }

  const start = async (final_height: number): Promise<Block> => {
    const [block] = await reading.present([final_height])
    if (block === undefined) throw new EvmError("garbage", `the node has no block ${final_height}`)
    trail.add(block)
    return block
  }

  /** Reads from the top of the trail towards the head until there, or late. Gives the new top, and why it is not the head. */
  const readToHead = async (
    from: Block,
    head: Block,
    final_height: number,
    late: () => boolean,
  ): Promise<{ readonly top: Block; readonly reason: string | null }> => {
    let top = from
    // However late it is, one part is read: otherwise a slow node would never be read to its end.
    while (top.height < head.height) {
      if (final_height - top.height > freshBlocksMax) {
        top = await reading.history(top.height + 1, final_height, begun, top)
        trail.add(top)
      } else {
        const fresh = await reading.fresh(top, head.height)
        if (fresh === null)
          return { top, reason: `the chain changed after block ${top.height} while it was read` }
        for (const block of fresh) trail.add(block)
        top = fresh.at(-1) ?? top
      }
      if (late()) break
    }
    const unread = head.height - top.height
    if (unread > 0) return { top, reason: `${unread} blocks up to ${head.height} are still to be read` }
    if (top.hash === head.hash) return { top, reason: null }
    return { top, reason: `the chain changed at block ${head.height} while it was read` }
  }

  return {
    watch: (addresses) => {
      // It is told at each poll, and nearly always the same.
      if (
        addresses.length === given.length &&
        addresses.every(({ address }, at) => address === given[at]?.address)
      )
        return
      given = addresses
      wanted = new Map(addresses.flatMap((handle) => (isEvmAddress(handle) ? [[small(handle), handle]] : [])))
      refused = new Map(
        addresses.flatMap((handle) => (isEvmAddress(handle) ? [] : [[handle.address, noAddress]])),
      )
      for (const address of begun) if (!wanted.has(address)) begun.delete(address)
    },
    advance: async (head, final_height) => {
      const began_ms = now()
      const late = (): boolean => now() - began_ms > (options.budget_ms ?? budgetMs)
      const known = trail.top()
      if (known !== null) {
        const lost = await follow(known, head)
        if (lost !== null) return [lost]
      }
      const from = trail.top() ?? (await start(final_height))
      begin(from)
      const { reason } = await readToHead(from, head, final_height, late)
      if (reason !== null) return [reason]
      for (let job = jobs[0]; job !== undefined; job = jobs[0]) {
        await work(job)
        if (late()) break
      }
      return jobs.map(
        ({ addresses, from, to }) =>
          `the history of ${addresses.size} addresses is still to be read (blocks ${from ?? "?"} to ${to})`,
      )
    },
    reread: async (height, hash) => {
      const [block] = await reading.present([height])
      if (block?.hash !== hash) return false
      take([block], await reader.transfersOf([block]))
      return true
    },
    watches: (address) => wanted.has(address.toLowerCase()),
    distrust: (height) => {
      // Of what was read long ago there is only the whole to read again; that would not make it any truer.
      if ((trail.blocks()[0]?.height ?? height) < height) rewind(height - 1)
    },
    height: () => trail.top()?.height ?? -1,
    refused: () => refused,
  }
}

const small = ({ address }: WatchedAddress): string => address.toLowerCase()
const isEvmAddress = ({ address }: WatchedAddress): boolean => /^0x[0-9a-f]{40}$/i.test(address)
const noAddress = "it is no address of an EVM chain: 0x and 40 hexadecimal digits"

/** The token's address in the form that is part of a transfer's identity. */
export const tokenAddress = (text: string): Address => text.toLowerCase() as Address
