import type { AnyTopic } from "@landfall/domain/registry"
import { type Checkpoint, partitionName } from "../history/checkpoint.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { root } from "../transparency-log/merkle-log.ts"
import { type AttestedHead, attestedLog } from "./attested.ts"
import { edgeOf } from "./edge.ts"
import type { Findings } from "./findings.ts"
import type { Stored } from "./stored-messages.ts"
import { surplusLeaf } from "./surplus.ts"
import { watchedLog } from "./watched-log.ts"

export interface TreeWork {
  readonly transaction: Transaction
  readonly findings: Findings
  readonly topic: AnyTopic
  readonly checkpoint: Checkpoint
  readonly attested: ReadonlyArray<AttestedHead>
}

/** A subtree in which a row too many is looked for: its leaves are held in memory, and each is tried. */
const searchedLeavesMax = 1 << 17

/** Makes the partition's Merkle tree again, and says where it parts from the checkpoint's and from what was attested. */
export const treeChecker = ({ transaction, findings, topic, checkpoint, attested }: TreeWork) => {
  const name = partitionName(checkpoint)
  const claimed = checkpoint.log
  const against = attestedLog(findings, name, attested, claimed.size)
  const edge = edgeOf(claimed)
  /** How many subtrees along the checkpoint's right edge, from its left end on, the rows make. */
  let matching = 0
  /** The offset of the last leaf of each subtree along the edge, as far as there are rows. */
  const ends = new Map<number, number>()
  const tree = watchedLog([
    ...against.looks,
    ...edge.map(({ size, root: subtree }, place) => ({
      size,
      see: (log: { readonly rightEdge: ReadonlyArray<Buffer> }) => {
        if (matching === place && log.rightEdge.at(-1)?.equals(subtree) === true) matching++
      },
    })),
  ])
  return {
    add: (rows: ReadonlyArray<Stored>): void => {
      const leaves = rows.flatMap((row) => (row.kind === "duplicate" ? [] : [row.leaf]))
      const before = tree.log().size
      for (const { size } of edge) {
        const last = rows[size - before - 1]
        if (last !== undefined) ends.set(size, last.offset)
      }
      tree.add(leaves)
      against.add(leaves)
    },
    end: async (): Promise<void> => {
      const made = tree.log()
      against.end(made.size, root(made))
      if (made.size === claimed.size && root(made).equals(root(claimed))) return
      const [before, parting] = [edge[matching - 1], edge[matching]]
      const first = before === undefined ? checkpoint.firstOffset : (ends.get(before.size) ?? 0) + 1
      const last = (parting === undefined ? undefined : ends.get(parting.size)) ?? checkpoint.nextOffset - 1
      findings.difference(
        "log",
        name,
        `the rows make a log of ${made.size} leaves with root ${root(made).toString("base64")}, the checkpoint has ${claimed.size} with root ${root(claimed).toString("base64")}; they part between the offsets ${first} and ${last}${made.size < claimed.size ? missingIn(findings, checkpoint, first, last) : ""}`,
      )
      if (made.size !== claimed.size + 1) return
      const surplus =
        parting === undefined
          ? ((await leavesFrom(transaction, topic, checkpoint.partition, first, 1))[0]?.offset ?? null)
          : await surplusIn({ transaction, topic, checkpoint }, first, {
              leaves: parting.size - (before?.size ?? 0),
              root: parting.root,
            })
      if (surplus !== null)
        findings.difference(
          "row",
          `${name}/${surplus}`,
          "the row was added: without it the rows make the checkpoint's tree",
        )
    },
  }
}

type Place = Pick<TreeWork, "transaction" | "topic" | "checkpoint">

/** The offset of the row too many among those from an offset on that should make a subtree; null when none is it. */
const surplusIn = async (
  { transaction, topic, checkpoint }: Place,
  first: number,
  subtree: { readonly leaves: number; readonly root: Buffer },
): Promise<number | null> => {
  if (subtree.leaves > searchedLeavesMax) return null
  const rows = await leavesFrom(transaction, topic, checkpoint.partition, first, subtree.leaves + 1)
  if (rows.length !== subtree.leaves + 1) return null
  const at = surplusLeaf(
    rows.map(({ leaf }) => leaf),
    subtree.root,
  )
  return at === null ? null : (rows[at]?.offset ?? null)
}

/** The stored leaf hashes from an offset on. */
const leavesFrom = async (
  transaction: Transaction,
  topic: AnyTopic,
  partition: number,
  first: number,
  count: number,
): Promise<ReadonlyArray<{ readonly offset: number; readonly leaf: Buffer }>> => {
  const rows = await transaction.query<{ kafka_offset: string; leaf_hash: Buffer }>(
    `select kafka_offset, leaf_hash from ${topic.evidenceTable} where topic_partition = $1 and kafka_offset >= $2
     order by kafka_offset limit $3`,
    [partition, first, count],
  )
  return rows.map(({ kafka_offset, leaf_hash }) => ({ offset: Number(kafka_offset), leaf: leaf_hash }))
}

/** Gaps that are told with a difference; all of them are in the findings. */
const gapsToldMax = 10

/** Where rows can be missing: the offsets in between that nothing explains. */
const missingIn = (
  { gaps }: Findings,
  { topic, partition }: Checkpoint,
  first: number,
  last: number,
): string => {
  const between = gaps.filter(
    (gap) => gap.topic === topic && gap.partition === partition && gap.from <= last && gap.to > first,
  )
  const told = between
    .slice(0, gapsToldMax)
    .map(({ from, to }) => (to - from === 1 ? String(from) : `${from} to ${to - 1}`))
  const more = between.length > told.length ? `, and ${between.length - told.length} ranges more` : ""
  return told.length === 0
    ? ""
    : `, where these offsets have no row and nothing explains it: ${told.join(", ")}${more}`
}
