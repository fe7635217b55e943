import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, onTestFinished, test } from "vitest"

const script = fileURLToPath(new URL("odd-service.ts", import.meta.url))

/** A service as a process of its own that behaves as told, once it has said that it runs. */
const givenService = async (
  manner: string,
  { flags = [], fifo }: { readonly flags?: ReadonlyArray<string>; readonly fifo?: string } = {},
) => {
  const child: ChildProcess = spawn(process.execPath, [...flags, script, manner, fifo ?? ""], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  onTestFinished(() => void child.kill("SIGKILL"))
  let output = ""
  child.stderr?.on("data", (chunk) => (output += chunk))
  child.stdout?.on("data", (chunk) => (output += chunk))
  const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }))
  const said = async (text: string): Promise<void> => {
    while (!output.includes(text)) {
      const [left] = await Promise.race([once(child.stdout ?? child, "data"), exited.then(() => ["exit"])])
      if (left === "exit" && !output.includes(text)) throw new Error(`it ended without "${text}": ${output}`)
    }
  }
  await said("running")
  return { child, exited, said, output: () => output }
}

test("an event loop that stands still ends the process, and says so", async () => {
  const { exited, output } = await givenService("stall")
  expect(await exited).toEqual({ code: null, signal: "SIGKILL" })
  expect(output()).toContain("the event loop has stood still for 500 ms")
})

test("a process that was stopped as a whole goes on", async () => {
  const { child, exited, said } = await givenService("idle")
  child.kill("SIGSTOP")
  // Longer than the loop may stand still: the looking on stands still with it.
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  child.kill("SIGCONT")
  await said("tick after")
  child.kill("SIGTERM")
  expect(await exited).toEqual({ code: 0, signal: null })
})

test("an exhausted heap ends the process, and says so", async () => {
  const { exited, output } = await givenService("hoard", { flags: ["--max-old-space-size=32"] })
  expect(await exited).toMatchObject({ signal: "SIGABRT" })
  expect(output()).toContain("heap out of memory")
})

test("told to end twice, it ends in order, once", async () => {
  const { child, exited, said, output } = await givenService("drain")
  child.kill("SIGTERM")
  await said("draining")
  child.kill("SIGTERM")
  expect(await exited).toEqual({ code: 0, signal: null })
  expect(output().match(/drained/g)).toHaveLength(1)
})

test("interrupted twice from the keyboard, it ends at once", async () => {
  const { child, exited, said } = await givenService("drain for ever")
  child.kill("SIGINT")
  await said("draining")
  child.kill("SIGINT")
  expect(await exited).toEqual({ code: 1, signal: null })
})

/** A file that a thread which opens it waits for until somebody writes to it. */
const givenFifo = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-fifo-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const fifo = join(folder, "fifo")
  execFileSync("mkfifo", [fifo])
  return fifo
}

test("a thread that waits for ever holds no end: the code says whether it was in order", async () => {
  const ended = async (manner: string): Promise<unknown> => {
    const { child, exited } = await givenService(manner, { fifo: givenFifo() })
    if (manner !== "fail") child.kill("SIGTERM")
    return exited
  }
  expect(await ended("drain")).toEqual({ code: 0, signal: null })
  expect(await ended("drain for ever")).toEqual({ code: 1, signal: null })
  expect(await ended("fail")).toEqual({ code: 1, signal: null })
})

test("an end that takes too long is cut off with 1, and says so", async () => {
  const { child, exited, output } = await givenService("drain for ever")
  child.kill("SIGTERM")
  expect(await exited).toEqual({ code: 1, signal: null })
  expect(output()).toContain("not ended within 3000 ms; ending anyway")
})

test("an end that gave up waiting for what is under way was not in order", async () => {
  const { child, exited, output } = await givenService("give up waiting")
  child.kill("SIGTERM")
  expect(await exited).toEqual({ code: 1, signal: null })
  expect(output()).toContain("not ended in order")
})

test("an event loop that stands still in the end does not hold it", async () => {
  const { child, exited, output } = await givenService("stand still in the end")
  child.kill("SIGTERM")
  expect(await exited).toEqual({ code: null, signal: "SIGKILL" })
  expect(output()).toContain("the process has not ended 5000 ms after it was told to")
})

test("what cannot go on ends with 1 and why", async () => {
  const { exited, output } = await givenService("fail")
  expect(await exited).toEqual({ code: 1, signal: null })
  expect(output()).toContain("the log was cut")
})
