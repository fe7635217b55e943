import { setImmediate as turn } from "node:timers/promises"
import { expect, test } from "vitest"
import { produced } from "../../src/http/streamed.ts"

const page = "x".repeat(1_000)

/** Lets everything that can go on without anybody reading go on. */
const settle = async (): Promise<void> => {
  for (let again = 0; again < 50; again++) await turn()
}

test("makes no more than fits in the buffer until somebody reads, and then everything in order", async () => {
  let made = 0
  const stream = produced(async (write) => {
    for (; made < 100; made++) await write(`${String(made).padStart(4, "0")}${page}`)
  }, 5_000)
  await settle()
  expect(made).toBeLessThan(12)
  let text = ""
  for await (const chunk of stream) text += String(chunk)
  expect(made).toBe(100)
  expect(text.length).toBe(100 * 1_004)
  expect(text.slice(99 * 1_004, 99 * 1_004 + 4)).toBe("0099")
})

test("tells the producer when the reader has gone, whatever it is doing then", async () => {
  let reason: unknown = null
  const stream = produced(async (write, signal) => {
    signal.addEventListener("abort", () => {
      reason = signal.reason
    })
    for (;;) await write(page)
  }, 5_000)
  stream.on("error", () => {})
  await settle()
  stream.destroy()
  await settle()
  expect(reason).toMatchObject({ message: "the reader of the stream has gone" })
})

test("breaks off when the producer fails, so that a part does not pass for the whole", async () => {
  const stream = produced(async (write) => {
    await write("half")
    throw new Error("the database has gone")
  }, 5_000)
  const read = async (): Promise<void> => {
    for await (const _chunk of stream);
  }
  await expect(read()).rejects.toThrow("the database has gone")
})
