import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { openConnections } from "../src/connections.ts"

/** The folder of a sandbox with its file, written by the process of that number. */
const givenSandbox = (pid: number): string => {
  const dir = mkdtempSync(join(tmpdir(), "landfall-cli-"))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const connections = {
    pid,
    kafka_brokers: "127.0.0.1:19092",
    database_url: "postgres://desk:secret-password@127.0.0.1:15432/landfall",
    bridge: { url: "http://127.0.0.1:18000/rpc", control_url: "http://127.0.0.1:1", control_token: "t" },
    services: { "ops-sentinel": { url: "http://127.0.0.1:18001", control_token: "token-of-sentinel" } },
  }
  writeFileSync(join(dir, "connections.json"), JSON.stringify(connections))
  return dir
}

const given = (env: Readonly<Record<string, string>>, dir: string) => {
  const notes: string[] = []
  const connections = openConnections({ env: { ...env, SANDBOX_DIR: dir }, note: (text) => notes.push(text) })
  onTestFinished(() => connections.close())
  return { connections, notes }
}

/** No process has it: Linux counts up to 4,194,304. */
const deadPid = 4_194_999

describe("where the parts are", () => {
  it("is what the environment says, which is told once", () => {
    const env = { DATABASE_URL: "postgres://a:pass-word@127.0.0.1:1/desk", KAFKA_BROKERS: "127.0.0.1:2" }
    const { connections, notes } = given(env, givenSandbox(process.pid))
    connections.database("landfall_auditor")
    connections.database("landfall_auditor")
    expect(connections.kafka().brokers).toBe("127.0.0.1:2")
    expect(notes).toEqual([
      "database: postgres://127.0.0.1:1/desk as landfall_auditor (DATABASE_URL)",
      "Kafka: 127.0.0.1:2 (KAFKA_BROKERS)",
    ])
  })

  it("is asked of the sandbox that runs, whose passwords and tokens do not show", () => {
    const { connections, notes } = given({}, givenSandbox(process.pid))
    connections.database("landfall_writer")
    expect(connections.kafka().brokers).toBe("127.0.0.1:19092")
    expect(connections.address("BRIDGE_URL")?.shown).toBe("http://127.0.0.1:18000/…")
    expect(connections.address("BITCOIN_OBSERVER_URL")).toBeNull()
    const services = connections.services()
    expect(services.map(({ name, url }) => `${name} ${url.shown}`)).toEqual([
      "ops-sentinel http://127.0.0.1:18001",
    ])
    expect(`${notes.join()} ${JSON.stringify(services)}`).not.toMatch(/secret-password|token-of-sentinel/)
    expect(notes[0]).toContain("as landfall_writer (the running sandbox)")
  })

  it("is not known without either, nor from the file of a sandbox that has ended", () => {
    for (const dir of [givenSandbox(deadPid), "/nowhere"]) {
      const { connections } = given({}, dir)
      expect(connections.hasKafka()).toBe(false)
      expect(() => connections.database(null)).toThrow(
        "DATABASE_URL is not set and no sandbox is running here",
      )
      expect(() => connections.kafka()).toThrow("KAFKA_BROKERS is not set and no sandbox is running here")
    }
  })

  it("is refused with every problem at once", () => {
    expect(() => given({ DATABASE_URL: "mysql://x", KAFKA_BROKERS: "nowhere" }, "/nowhere")).toThrow(
      /2 settings are not usable[^]*DATABASE_URL[^]*KAFKA_BROKERS/,
    )
  })
})
