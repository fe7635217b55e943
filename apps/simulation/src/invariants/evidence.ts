import { leafHash } from "@landfall/adapters/transparency-log/leaf"
import { append, emptyLog, root } from "@landfall/adapters/transparency-log/merkle-log"
import { topics } from "@landfall/domain/registry"
import { decodedValue } from "../world/decoded.ts"
import { partitionCount, topicIdOf } from "../world/kafka.ts"

import type { Invariant } from "./invariant.ts"

/**
 * Each committed message is evidence, a duplicate or a dead letter, as the log says and never two of them; every other
 * offset is explained by the log; and the Merkle log is that of the messages that are evidence.
 */
export const evidence: Invariant = function* ({ kafka, postgres }) {
  for (const topic of topics) {
    const firsts = new Map<string, Buffer>()
    let rows = 0
    for (let partition = 0; partition < partitionCount; partition++) {
      const { messages } = kafka.read(topic.name, partition, 0, Number.POSITIVE_INFINITY)
      let log = emptyLog
      for (const { offset, entry } of messages) {
        const name = `${topic.name}/${partition}/${offset}`
        const decoded = decodedValue(topic.name, entry.value)
        const id = decoded.ok ? String((decoded.record as Record<string, unknown>)[topic.id]) : null
        const first = id === null ? undefined : firsts.get(id)
        if (id !== null && first === undefined) firsts.set(id, entry.value)
        const expected =
          id === null
            ? "dead letter"
            : first === undefined
              ? "evidence"
              : first.equals(entry.value)
                ? "duplicate"
                : "dead letter"
        const found = [
          ...(postgres.evidence.has(name) ? ["evidence"] : []),
          ...(postgres.duplicates.has(name) ? ["duplicate"] : []),
          ...(postgres.deadLetters.has(name) ? ["dead letter"] : []),
        ].join(" and ")
        if (found !== expected)
          yield `${name} is ${expected} by the log and ${found || "missing"} in the database`
        if (expected !== "evidence") continue
        rows++
        const { key, value, at_ms: timestampMs } = entry
        const raw = { topicId: topicIdOf(topic.name), partition, offset, leaderEpoch: 0, timestampMs }
        log = append(log, [leafHash({ ...raw, key, value, headers: null })])
      }
      const checkpoint = postgres.checkpoints.get(`${topic.name}/${partition}`)
      const end = (messages.at(-1)?.offset ?? -1) + 1
      if (checkpoint?.nextOffset !== end)
        yield `the checkpoint of ${topic.name}/${partition} is ${checkpoint?.nextOffset}, the log's last message ends at ${end}`
      if (checkpoint?.log.size !== log.size || !root(checkpoint.log).equals(root(log)))
        yield `the Merkle root of ${topic.name}/${partition} is not that of its ${log.size} messages (size ${checkpoint?.log.size})`
    }
    const kept = [...postgres.evidence.values()].filter(
      ({ message }) => message.topic.name === topic.name,
    ).length
    if (kept !== rows) yield `${topic.name} has ${kept} rows of evidence for ${rows} events in the log`
  }
}
