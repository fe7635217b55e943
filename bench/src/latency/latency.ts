import { rm } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { landfallEnvironment } from "@landfall/sandbox/stack/environment"
import { type Cleanup, startParts } from "@landfall/sandbox/stack/parts"
import { type RunningService, startService } from "@landfall/sandbox/stack/services"
import { openFundedWallet, openWallet } from "@landfall/sandbox/stack/wallets"
import { openTerminal } from "@landfall/sandbox/terminal"
import { until } from "@landfall/sandbox/until"
import postgres from "postgres"

const folder = fileURLToPath(new URL("../../../.sandbox/bench-latency/", import.meta.url))
const accountId = "desk.near"
const lookAgainMs = 2

/**
 * How long a deposit takes from the moment the node has it (`sendtoaddress` has answered) until a query of PostgreSQL
 * returns its first observation: bitcoind, liquidity-manager, Kafka and history-writer, each as it runs in production.
 */
export const benchLatency = async (deposits: number, report: (line: string) => void): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  const stops: Array<() => Promise<unknown>> = []
  const cleanup: Cleanup = {
    add: (stop) => stops.push(stop),
    run: async () => {
      for (const stop of stops.reverse()) await stop().catch(() => {})
    },
  }
  try {
    const terminal = openTerminal(process.stdout, process.env)
    const parts = await startParts(terminal, folder, {}, cleanup)
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
        await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
      }
      samples.push(performance.now() - sentMs)
      // Deposits come at any moment between two polls, so the samples must not keep step with them.
      await new Promise((resolve) => setTimeout(resolve, (made * 37) % 500))
    }
    samples.sort((left, right) => left - right)
    const quantile = (share: number): string =>
      `${(samples[Math.min(samples.length - 1, Math.floor(share * samples.length))] ?? 0).toFixed(0)} ms`
    report(
      `${deposits} deposits, poll interval ${environment["POLL_INTERVAL_MS"]} ms: p50 ${quantile(0.5)}, p90 ${quantile(0.9)}, p99 ${quantile(0.99)}`,
    )
  } finally {
    await cleanup.run()
  }
}
