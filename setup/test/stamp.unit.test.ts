import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { fingerprint, onceFor, readStamp } from "../lib/stamp.mjs"
import { ownFolder } from "./folder.ts"

async function stepIn(folder: string) {
  const done: string[] = []
  const step = (wanted: string, stands = true, work = () => {}) =>
    onceFor({
      file: join(folder, "stamps", "step"),
      fingerprint: wanted,
      stands: () => stands,
      work() {
        work()
        done.push(wanted)
      },
    })
  return { step, done }
}

it("does a step once, and again when what it depends on has changed or its result is gone", async () => {
  const { step, done } = await stepIn(await ownFolder())
  expect(await step("one")).toBe(true)
  expect(await step("one")).toBe(false)
  expect(await step("two")).toBe(true)
  expect(await step("two", false)).toBe(true)
  expect(await step("two")).toBe(false)
  expect(done).toEqual(["one", "two", "two"])
})

it("does a step again that failed", async () => {
  const { step, done } = await stepIn(await ownFolder())
  const fail = () => {
    throw new Error("no network")
  }
  await expect(step("one", true, fail)).rejects.toThrow("no network")
  expect(await step("one")).toBe(true)
  expect(done).toEqual(["one"])
})

it("does a step again that failed after it had once succeeded", async () => {
  const { step } = await stepIn(await ownFolder())
  await step("one")
  const fail = () => {
    throw new Error("disk full")
  }
  await expect(step("one", false, fail)).rejects.toThrow("disk full")
  expect(await step("one", true)).toBe(true)
})

it("does a step again whose process was killed in the middle", async () => {
  const folder = await ownFolder()
  const file = join(folder, "stamp")
  const result = join(folder, "result")
  writeFileSync(file, "one")
  const halfWay = `
    import { writeFileSync } from "node:fs"
    import { onceFor } from ${JSON.stringify(new URL("../lib/stamp.mjs", import.meta.url).href)}
    await onceFor({ file: ${JSON.stringify(file)}, fingerprint: "two", stands: () => true, work() {
      writeFileSync(${JSON.stringify(result)}, "half")
      process.kill(process.pid, "SIGKILL")
    } })`
  const killed = spawnSync(process.execPath, ["--input-type=module", "--eval", halfWay])
  expect(killed.signal).toBe("SIGKILL")
  expect(readFileSync(result, "utf8")).toBe("half")
  expect(readStamp(file)).toBe(null)
  const work = () => writeFileSync(result, "whole")
  expect(await onceFor({ file, fingerprint: "two", stands: () => true, work })).toBe(true)
  expect(readFileSync(result, "utf8")).toBe("whole")
})

it("tells inputs apart that only differ in where one ends and the next begins", () => {
  expect(fingerprint(["ab", "c"])).not.toBe(fingerprint(["a", "bc"]))
  expect(fingerprint(["ab", "c"])).toBe(fingerprint([Buffer.from("ab"), "c"]))
})
