import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { startBitcoind } from "@landfall/setup/parts/bitcoind"
import { startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { until } from "../src/until.ts"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
const timeoutMs = 120_000

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "landfall-sandbox-"))
})
const started = new Set<ChildProcess>()
afterEach(async () => {
  // A test that failed half-way leaves its sandbox running: what it started ends with it, its children by their leash.
  for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
  started.clear()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, NO_COLOR: "1", SANDBOX_DIR: folder, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  started.add(child)
  let printed = ""
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      printed += data.toString()
    })
  const exited = once(child, "exit").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }))
  return { child, exited, printed: () => printed }
}

/** Waits until everything runs; fails at once, with what was printed, when the sandbox ends instead. */
const untilReady = async (sandbox: ReturnType<typeof start>): Promise<void> => {
  let ended = false
  void sandbox.exited.then(() => {
    ended = true
  })
  await until(
    "the sandbox to run",
    async () => {
      if (ended) throw new Error(sandbox.printed())
      return sandbox.printed().includes("Running. Ctrl-C") ? true : null
    },
    { timeoutMs, fatal: () => ended },
  )
}

interface Connections {
  readonly pid: number
  readonly database_url: string
  readonly kafka_brokers: string
  readonly bitcoin_observer_url: string
  readonly bitcoin_second_observer_url: string | null
  readonly services: Readonly<
    Record<string, { readonly url: string; readonly control_token: string; readonly pid: number }>
  >
}

const connections = (): Promise<Connections> =>
  until(
    "connections.json",
    () =>
      readFile(join(folder, "connections.json"), "utf8").then(
        (text) => JSON.parse(text) as Connections,
        () => null,
      ),
    { timeoutMs },
  )

/** The processes that run now and name the folder: the parts are started with their data in it, the services log to it. */
const running = async (): Promise<readonly number[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, environment] = await Promise.all(
        ["cmdline", "environ"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
      )
      return `${command} ${environment}`.includes(folder) && pid !== process.pid ? pid : null
    }),
  )
  return found.filter((pid) => pid !== null)
}

const cli = fileURLToPath(new URL("../../cli/bin/landfall.mjs", import.meta.url))

/** What the command line prints, which knows of nothing but where the sandbox is. */
const landfall = async (...args: readonly string[]): Promise<string> => {
  const env = { PATH: process.env["PATH"], SANDBOX_DIR: folder }
  return (await promisify(execFile)(process.execPath, [cli, ...args], { env })).stdout
}

const nothingRuns = (): Promise<true> =>
  until("every process to be gone", async () => ((await running()).length === 0 ? true : null), {
    timeoutMs: 30_000,
  })

describe("npm start", () => {
  it("plays a deposit from the mempool to the bridge's credit with --once, and leaves nothing behind", {
    timeout: timeoutMs,
  }, async () => {
    const sandbox = start(["--once"])
    const { code } = await sandbox.exited
    expect(code, sandbox.printed()).toBe(0)
    for (const said of [
      /ok {2}Kafka/,
      /ok {2}PostgreSQL/,
      /ok {2}bitcoind/,
      /ok {2}history-writer/,
      /ok {2}liquidity-manager/,
      /ok {2}0\.5 BTC is sent: seen in PostgreSQL within 2 s .*seen [0-9a-f]{64}/,
      /it is on its way and not spendable .*pre-credit inbound 50000000 satoshi, spendable 0/,
      /left unmined: funding_seen_unconfirmed .*raised \(warning\)/,
      /the bridge dawdles: funding_confirmed_credit_pending .*raised \(warning\)/,
      /two observers watch it: .*bitcoind ok at (\d+), esplora ok at \1/,
      /its sender replaces it with a higher fee .*replaced by/,
      /under its hash is an alert: funding_stuck .*raised \(critical\): replaced after it was counted/,
      /the replaced one was told of long enough .*cleared .*the deposit is (?:replaced|conflicted)/,
      /250 EURe are sent, and mined .*confirming/,
      /their block is final .*confirmed/,
      /the bridge credits them .*250000000000000000000 wei of EURe, match tx_hash/,
      /reference_price_stale .*raised \(critical\)/,
      /prices come again .*cleared/,
      /inventory_snapshot_stale .*raised \(critical\)/,
      /inventory comes again .*cleared/,
      /executor_submission_failed .*raised \(critical\)/,
      /the relay is there again .*cleared/,
      /bitcoind is stopped: the observer is down, no deposit is gone/,
      /bitcoind is started: the observer has caught up/,
      /everything is rebuilt from the evidence: equal to the live snapshots .*every Merkle root/,
      /a block has it .*confirming, 1 of 2/,
      /confirmations are reached .*confirmed, 2 of 2/,
      /the bridge credits it under another hash .*match address_amount/,
      /the original hash and first sight were kept/,
      /revisions 1 to 4/,
    ])
      expect(sandbox.printed()).toMatch(said)
    await nothingRuns()
  })

  it("writes connections.json, refuses a second sandbox, and leaves nothing behind after Ctrl-C", {
    timeout: timeoutMs,
  }, async () => {
    const sandbox = start(["--no-story"])
    const { pid, services, bitcoin_second_observer_url } = await connections()
    expect(pid).toBe(sandbox.child.pid)
    const esplora = bitcoin_second_observer_url?.replace("esplora+", "") ?? ""
    expect(await (await fetch(`${esplora}/blocks/tip/height`)).text()).toMatch(/^\d+$/)
    expect(Object.keys(services).sort()).toEqual([
      "history-writer",
      "inventory-sync",
      "liquidity-manager",
      "market-reference-ingest",
      "ops-sentinel",
    ])
    for (const { url } of Object.values(services))
      expect((await fetch(`${url}/health/ready`)).status).toBe(200)

    // The command line finds the sandbox by itself.
    const status = JSON.parse(await landfall("status", "--json")) as {
      services: ReadonlyArray<{ service: string; ready: boolean }>
    }
    expect(status.services.filter(({ ready }) => ready)).toHaveLength(5)
    const doctor = JSON.parse(await landfall("doctor", "--json")) as {
      findings: ReadonlyArray<{ part: string; state: string }>
    }
    expect(doctor.findings.filter(({ state }) => state !== "ok")).toEqual([])
    expect(doctor.findings.map(({ part }) => part)).toEqual(
      expect.arrayContaining(["bitcoin", "gnosis", "bridge"]),
    )

    const second = start(["--no-story"])
    expect((await second.exited).code).toBe(1)
    expect(second.printed()).toMatch(/already running \(process \d+\)/)
    expect(await readdir(folder)).toContain("connections.json")

    sandbox.child.kill("SIGINT")
    expect((await sandbox.exited).code).toBe(130)
    await nothingRuns()
    expect(await readdir(folder)).not.toContain("connections.json")
  })

  it("leaves nothing behind when it is killed, and can be started again", {
    timeout: timeoutMs,
  }, async () => {
    const sandbox = start(["--no-story"])
    await connections()
    expect((await running()).length).toBeGreaterThanOrEqual(6)
    sandbox.child.kill("SIGKILL")
    await sandbox.exited
    await nothingRuns()
    const again = start(["--no-story", "--keep"])
    await untilReady(again)
    again.child.kill("SIGINT")
    await again.exited
    await nothingRuns()
  })

  it("uses the parts that the environment names and starts none of them", {
    timeout: timeoutMs,
  }, async () => {
    const there = join(folder, "there")
    const [kafka, postgres, bitcoind] = await Promise.all([
      startKafka({ dir: join(there, "kafka") }),
      startPostgres({ dir: join(there, "postgres") }),
      startBitcoind({ dir: join(there, "bitcoind"), fundMiner: false }),
    ])
    try {
      const own = join(folder, "own")
      const joined = start(["--no-story"], {
        SANDBOX_DIR: own,
        KAFKA_BROKERS: kafka.brokers,
        DATABASE_URL: postgres.url,
        BITCOIN_OBSERVER_URL: bitcoind.url,
      })
      await untilReady(joined)
      joined.child.kill("SIGINT")
      expect((await joined.exited).code, joined.printed()).toBe(130)
      const logs = await readdir(own)
      expect(logs).toContain("history-writer.log")
      for (const part of ["kafka", "postgres", "bitcoind"]) expect(logs).not.toContain(part)
    } finally {
      await Promise.all([kafka.stop(), postgres.stop(), bitcoind.stop()])
    }
    await nothingRuns()
  })

  it("says what it takes when it is given something else", async () => {
    const sandbox = start(["--twice"])
    expect((await sandbox.exited).code).toBe(2)
    expect(sandbox.printed()).toMatch(/--once/)
  })
})
