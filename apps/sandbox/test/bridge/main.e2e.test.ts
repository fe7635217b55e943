import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { bridgeControl } from "../../src/bridge/control-client.ts"

const main = fileURLToPath(new URL("../../src/bridge/main.ts", import.meta.url))

const run = (env: Record<string, string>) => {
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] })
  const output = { out: "", err: "" }
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output.out += chunk
  })
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    output.err += chunk
  })
  return { child, output }
}

test("runs as a process of its own, says where it listens, and ends when asked", async () => {
  const token = "0123456789abcdef"
  const { child, output } = run({ BRIDGE_CONTROL_TOKEN: token })
  await once(child.stdout, "data")
  const { url, control_url } = JSON.parse(output.out)
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/rpc$/)
  await bridgeControl(control_url, token).setFault({ kind: "html" })
  child.kill("SIGTERM")
  expect(await once(child, "exit")).toEqual([0, null])
  expect(`${output.out}${output.err}`).not.toContain(token)
})

test("names every problem of its settings and ends with 1", async () => {
  const { child, output } = run({ BRIDGE_PORT: "seven", BRIDGE_CONTROL_TOKEN: "short" })
  expect(await once(child, "close")).toEqual([1, null])
  expect(output.err).toMatch(
    /2 settings are not usable.*BRIDGE_PORT="seven".*BRIDGE_CONTROL_TOKEN=\(not shown/s,
  )
  expect(output.err).not.toContain("short")
})
