import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readAhead } from "../../src/alerts/read-ahead.ts"
import type { ConsumedMessage } from "../../src/kafka/consumer.ts"

const topic = "exec.trade_result"
const portionMax = 3
const partitions = [0, 1].map((partition) => ({ topic, partition }))

/** What the client comes upon: a message, that a partition has no more for now, or that nothing is ready. */
type Item = { readonly message: number } | { readonly end: number } | "nothing"

/** A consumer over such items, and how often it was asked. */
const givenConsumer = (items: ReadonlyArray<Item>) => {
  const next = [0, 0]
  const reached = [-1, -1]
  let place = 0
  let asked = 0
  return {
    asked: () => asked,
    isRead: () => place >= items.length,
    consumer: {
      consume: async (count: number) => {
        asked++
        await new Promise((resolve) => setImmediate(resolve))
        const messages: ConsumedMessage[] = []
        while (messages.length < count && place < items.length) {
          const item = items[place++]
          if (item === undefined || item === "nothing") break
          if ("end" in item) reached[item.end] = next[item.end] ?? 0
          else {
            const { message: partition } = item
            const offset = next[partition] ?? 0
            next[partition] = offset + 1
            messages.push({ topic, partition, offset, key: null, value: null })
          }
        }
        return messages
      },
      endOf: (_topic: string, partition: number) => {
        const end = reached[partition] ?? -1
        return end < 0 ? null : { high: end, reached: end }
      },
    },
  }
}

/** Until what was asked of the consumer has been answered. */
const answered = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(() => resolve())))

const partition = fc.nat({ max: 1 })
const item = fc.oneof(
  { arbitrary: partition.map((message): Item => ({ message })), weight: 6 },
  { arbitrary: partition.map((end): Item => ({ end })), weight: 2 },
  { arbitrary: fc.constant<Item>("nothing"), weight: 1 },
)

describe("reading ahead", () => {
  it("hands out every message once and in order, and calls nothing reached before it was handed out", async () => {
    const check = fc.asyncProperty(fc.array(item, { maxLength: 40 }), async (items) => {
      const { consumer, isRead } = givenConsumer(items)
      const ahead = readAhead(consumer, partitions, portionMax)
      const handedOut = [0, 0]
      for (let quiet = 0; quiet < 2; ) {
        const messages = await ahead.next()
        for (const { partition, offset } of messages) {
          expect(offset).toBe(handedOut[partition])
          handedOut[partition] = offset + 1
        }
        await answered() // also what was fetched ahead
        for (const { partition } of partitions)
          expect(ahead.reached(topic, partition) ?? 0).toBeLessThanOrEqual(handedOut[partition] ?? 0)
        quiet = isRead() && messages.length === 0 ? quiet + 1 : 0
      }
      const ends = [0, 1].map((wanted) =>
        items.findLastIndex((one) => one !== "nothing" && "end" in one && one.end === wanted),
      )
      for (const [partition, end] of ends.entries()) {
        const before = items.slice(0, Math.max(end, 0))
        const count = before.filter(
          (one) => one !== "nothing" && "message" in one && one.message === partition,
        )
        expect(ahead.reached(topic, partition)).toBe(end < 0 ? null : count.length)
      }
    })
    await fc.assert(check)
  })

  it("asks for more while a full portion is handled, and for nothing once it has caught up", async () => {
    const { consumer, asked } = givenConsumer(Array.from({ length: portionMax + 1 }, () => ({ message: 0 })))
    const ahead = readAhead(consumer, partitions, portionMax)
    expect(await ahead.next()).toHaveLength(portionMax)
    expect(asked()).toBe(2)
    expect(await ahead.next()).toHaveLength(1)
    await ahead.close()
    expect(asked()).toBe(2)
  })

  it("tells of a failure when its turn comes, and reads on", async () => {
    const { consumer } = givenConsumer(Array.from({ length: portionMax + 1 }, () => ({ message: 0 })))
    let fails = false
    const ahead = readAhead(
      {
        ...consumer,
        consume: async (count) => {
          if (fails) throw new Error("the broker is away")
          fails = true
          return consumer.consume(count)
        },
      },
      partitions,
      portionMax,
    )
    expect(await ahead.next()).toHaveLength(portionMax)
    await expect(ahead.next()).rejects.toThrow("the broker is away")
    fails = false
    expect((await ahead.next()).map(({ offset }) => offset)).toEqual([portionMax])
  })

  it("waits for what it asked for before it is closed, whatever comes of it", async () => {
    const answer = Promise.withResolvers<ReadonlyArray<ConsumedMessage>>()
    const full = Array.from({ length: portionMax }, (_, offset) => ({ ...partitions[0], offset }))
    let first = true
    const ahead = readAhead(
      {
        consume: async () => {
          if (!first) return answer.promise
          first = false
          return full as unknown as ReadonlyArray<ConsumedMessage>
        },
        endOf: () => null,
      },
      partitions,
      portionMax,
    )
    await ahead.next()
    let isClosed = false
    const closed = ahead.close().then(() => {
      isClosed = true
    })
    await answered()
    expect(isClosed).toBe(false)
    answer.reject(new Error("disconnected"))
    await closed
  })
})
