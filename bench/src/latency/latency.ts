import { setTimeout as sleep } from "node:timers/promises"
import { landfallEnvironment } from "@landfall/sandbox/stack/environment"
import { startParts } from "@landfall/sandbox/stack/parts"
import { type RunningService, startService } from "@landfall/sandbox/stack/services"
import { openFundedWallet, openWallet } from "@landfall/sandbox/stack/wallets"
import { openTerminal } from "@landfall/sandbox/terminal"
import { until } from "@landfall/sandbox/until"
import postgres from "postgres"
import type { Bench } from "../bench.ts"
import type { Section } from "../report/section.ts"
import { quantile } from "../report/statistics.ts"

const accountId = "desk.near"
const lookAgainMs = 2
const patience_ms = 30_000

/**
 * How long a deposit takes from the moment the node has it (`sendtoaddress` has answered) until a query of PostgreSQL
 * returns its first observation: bitcoind, liquidity-manager, Kafka and history-writer, each as it runs in production.
 */
export const latencyBench: Bench = {
  covers: ["latency"],
  limit_s: 240,
  run: async ({ sizes, folder, stack }) => {
    const { deposits } = sizes
    const cleanup = {
      add: (stop: () => Promise<unknown>): void =>
        stack.defer(async () => {
          await stop().catch(() => {})
        }),
      run: () => stack.disposeAsync(),
    }
    const parts = await startParts(
      openTerminal(process.stderr, process.env),
      folder,
      { BITCOIN_SECOND_OBSERVER_URL: "none" },
      cleanup,
    )
    const environment = landfallEnvironment(parts, accountId)
    const services: RunningService[] = []
    for (const name of ["history-writer", "liquidity-manager"]) {
      const service = await startService(name, environment, folder)
      cleanup.add(() => service.process.stop())
      services.push(service)
    }
    const miner = await openFundedWallet(parts.bitcoinUrl, "miner")
    // A block reward for each deposit, so that no deposit spends the change of another: bitcoind limits such chains.
    await miner("generatetoaddress", deposits + 10, await miner<string>("getnewaddress"))
    const address = await (await openWallet(parts.bitcoinUrl, "bridge"))<string>("getnewaddress")
    await parts.bridge.control.issueHandle({ account_id: accountId, chain: "btc:mainnet", address })
    await until("the handle to be watched", async () => {
      const state = await services[1]?.get<{ active_funding_handles: unknown }>("/state")
      return JSON.stringify(state?.active_funding_handles).includes(address) ? true : null
    })
    const sql = postgres(parts.databaseUrl, { max: 1, onnotice: () => {} })
    cleanup.add(() => sql.end())
    const samples: number[] = []
    for (let made = 0; made < deposits; made++) {
      const txid = await miner<string>("sendtoaddress", address, "0.001")
      const sentMs = performance.now()
      for (;;) {
        const rows = await sql`select 1 from funding_observations where tx_hash = ${txid}`
        if (rows.length > 0) break
        if (performance.now() - sentMs > patience_ms)
          throw new Error(`transaction ${txid} was not in PostgreSQL after ${patience_ms} ms`)
        await sleep(lookAgainMs)
      }
      samples.push(performance.now() - sentMs)
      // Deposits come at any moment between two polls, so the samples must not keep step with them.
      await sleep((made * 37) % 300)
    }
    return [sectionOf(samples, Number(environment["POLL_INTERVAL_MS"]))]
  },
}

const sectionOf = (samples: ReadonlyArray<number>, poll_ms: number): Section => ({
  name: "latency",
  title: "From broadcast to a row in PostgreSQL",
  how: `bitcoind, liquidity-manager, Kafka and history-writer as processes, polling every ${poll_ms} ms. ${samples.length} deposits are sent, each at any moment between two polls. The clock begins when the node has answered \`sendtoaddress\`, and ends when a query of PostgreSQL returns the first observation.`,
  figures: [
    { name: "p50", unit: "ms", runs: [quantile(samples, 0.5)] },
    { name: "p90", unit: "ms", runs: [quantile(samples, 0.9)] },
    { name: "p99", unit: "ms", runs: [quantile(samples, 0.99)] },
  ],
  results: [
    {
      name: `broadcast → observation in PostgreSQL, p99, polling every ${poll_ms} ms`,
      unit: "ms",
      runs: [quantile(samples, 0.99)],
      target: { most: poll_ms + 250 },
    },
  ],
  remarks: [],
})
