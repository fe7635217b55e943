import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { expect, it } from "vitest"
import { alone, lockFd } from "../lib/lock.mjs"
import { ownFolder } from "./folder.ts"

it("lets one in at a time, and tells the other that it waits", async () => {
  const file = join(await ownFolder(), "lock")
  const events: string[] = []
  const waits = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  await alone(
    file,
    () => events.push("first waits"),
    async () => {
      const other = alone(
        file,
        () => {
          events.push("second waits")
          waits.resolve()
        },
        async () => {
          events.push("second works")
        },
      )
      other.then(second.resolve, second.reject)
      await waits.promise
      events.push("first ends")
    },
  )
  await second.promise
  expect(events).toEqual(["second waits", "first ends", "second works"])
})

it("lets the next one in after the work failed", async () => {
  const file = join(await ownFolder(), "lock")
  const fail = async () => {
    throw new Error("no network")
  }
  await expect(alone(file, () => {}, fail)).rejects.toThrow("no network")
  expect(lockFd()).toBe(null)
  expect(
    await alone(
      file,
      () => {},
      async () => "in",
    ),
  ).toBe("in")
})

it("lets the next one in when the holder was killed", async () => {
  const file = join(await ownFolder(), "lock")
  const hold = `
    import { alone } from ${JSON.stringify(new URL("../lib/lock.mjs", import.meta.url).href)}
    await alone(${JSON.stringify(file)}, () => {}, () => new Promise(() => {
      console.log("held")
      setInterval(() => {}, 60000)
    }))`
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", hold], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  await once(holder.stdout, "data")
  const events: string[] = []
  const waits = Promise.withResolvers<void>()
  const next = alone(
    file,
    () => {
      events.push("waits")
      waits.resolve()
    },
    async () => {
      events.push("in")
    },
  )
  await waits.promise
  holder.kill("SIGKILL")
  await next
  expect(events).toEqual(["waits", "in"])
})

it("keeps the next one out while a command of a killed holder still works", async () => {
  const file = join(await ownFolder(), "lock")
  const command = await alone(
    file,
    () => {},
    async () => spawn("sh", ["-c", "read line; exit"], { stdio: ["pipe", "ignore", "ignore", lockFd()] }),
  )
  let waited = false
  const next = alone(
    file,
    () => {
      waited = true
      command.stdin?.end("go\n")
    },
    async () => "in",
  )
  expect(await next).toBe("in")
  expect(waited).toBe(true)
})
