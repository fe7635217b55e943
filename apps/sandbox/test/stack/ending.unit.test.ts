import { expect, test } from "vitest"
import { openCleanup, openEnding } from "../../src/stack/ending.ts"

/** An ending whose parts end as told, and what it did, in order. */
const givenEnding = (run: () => Promise<void>) => {
  const did: string[] = []
  const ending = openEnding({
    cleanup: { run },
    within_ms: 20,
    onBegin: () => did.push("begun"),
    onGivenUp: () => did.push("given up"),
    leave: (exitCode) => did.push(`left with ${exitCode}`),
  })
  return { ending, did }
}

const never = () => new Promise<void>(() => {})

test("ends everything in order, once", async () => {
  let runs = 0
  const { ending, did } = givenEnding(async () => void runs++)
  await Promise.all([ending.end(0), ending.end(1)])
  expect({ did, runs }).toEqual({ did: ["begun", "left with 0"], runs: 1 })
})

test("ends although a part does not", async () => {
  const { ending, did } = givenEnding(never)
  await ending.end(143)
  expect(did).toEqual(["begun", "given up", "left with 143"])
})

test("waits for nothing when it is told a second time", () => {
  const { ending, did } = givenEnding(never)
  ending.told(143)
  ending.told(130)
  expect(did).toEqual(["begun", "left with 130"])
})

test("ends the last that was started first, and goes on when one does not end in order", async () => {
  const ended: string[] = []
  const cleanup = openCleanup()
  cleanup.add(async () => ended.push("first"))
  cleanup.add(() => Promise.reject(new Error("it is gone already")))
  cleanup.add(async () => ended.push("last"))
  await cleanup.run()
  await cleanup.run()
  expect(ended).toEqual(["last", "first"])
})
