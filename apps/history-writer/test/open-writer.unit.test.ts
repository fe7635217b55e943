import { getEventListeners } from "node:events"
import type { HistoryWriter } from "@landfall/adapters/history/history-writer"
import { KafkaError } from "@landfall/adapters/kafka/configuration"
import { expect, it, onTestFinished, vi } from "vitest"
import { openWriter } from "../src/open-writer.ts"

const away = new KafkaError("connecting the consumer", new Error("nothing listens there"))
const writing: HistoryWriter = {
  partitions: () => [],
  trouble: () => null,
  done: new Promise(() => {}),
  stop: async () => {},
}

/** How many wait now for the end of whatever signal was listened to since. */
const givenListeners = (): (() => number) => {
  const listen = vi.spyOn(EventTarget.prototype, "addEventListener")
  onTestFinished(() => listen.mockRestore())
  return () => {
    const signals = new Set(listen.mock.contexts.filter((target) => target instanceof AbortSignal))
    return [...signals].reduce((count, signal) => count + getEventListeners(signal, "abort").length, 0)
  }
}

it("tries for as long as the parts are away, and nothing grows with the attempts", async () => {
  const listeners = givenListeners()
  const counts: number[] = []
  const { promise: opened, resolve } = Promise.withResolvers<void>()
  const writer = openWriter({
    open: async () => {
      counts.push(listeners())
      if (counts.length <= 30) throw away
      resolve()
      return writing
    },
    retryMs: 1,
    onRetry: () => {},
  })
  await opened
  await writer.stop()
  expect(counts).toEqual(Array.from({ length: 31 }, () => 0))
})

it("waits no longer once it is stopped, and tells until then what it waits for", async () => {
  const { promise: refused, resolve } = Promise.withResolvers<void>()
  const writer = openWriter({
    open: () => Promise.reject(away),
    retryMs: 3_600_000,
    onRetry: () => resolve(),
  })
  await refused
  expect(writer.now().trouble()).toContain("nothing listens there")
  await writer.stop()
  await writer.done
})

it("ends with what waiting does not cure", async () => {
  const wrong = new Error("set up wrongly")
  const writer = openWriter({ open: () => Promise.reject(wrong), retryMs: 1, onRetry: () => {} })
  await expect(writer.done).rejects.toBe(wrong)
})
