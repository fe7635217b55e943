import { join } from "node:path"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { topics } from "@landfall/domain/registry"
import { startAnvil } from "@landfall/setup/parts/anvil"
import { type Bitcoind, startBitcoind } from "@landfall/setup/parts/bitcoind"
import { type JsonRpc, jsonRpc } from "@landfall/setup/parts/json-rpc"
import { startKafka } from "@landfall/setup/parts/kafka"
import type { Part } from "@landfall/setup/parts/part"
import { startPostgres } from "@landfall/setup/parts/postgres"
import type { BridgeControl } from "../bridge/control-client.ts"
import { startBridge } from "../bridge/start.ts"
import { startEsplora } from "../esplora/start.ts"
import { type Eure, placeEure } from "../eure/eure.ts"
import { type Executor, startExecutor } from "../relay/executor.ts"
import { type SimulatedRelay, startRelay } from "../relay/start.ts"
import { step, type Terminal } from "../terminal.ts"
import { type SimulatedTicker, startTicker } from "../ticker/start.ts"
import { type SimulatedVerifier, startVerifier } from "../verifier/start.ts"
import type { Cleanup } from "./ending.ts"

/** The real parts and the simulated bridge: started here, or reached where the environment says. */
export interface Parts {
  readonly brokers: string
  readonly databaseUrl: string
  readonly bitcoinUrl: string
  readonly bitcoin: JsonRpc
  /** The node as a process that can be stopped and started again; null when it is not ours. */
  readonly bitcoinNode: Part | null
  /** The observer that must agree with the node about what is gone; null when there is one observer only. */
  readonly secondBitcoinUrl: string | null
  readonly bridge: {
    readonly url: string
    readonly controlUrl: string
    readonly token: string
    readonly control: BridgeControl
  }
  readonly verifier: SimulatedVerifier
  readonly ticker: SimulatedTicker
  readonly relay: SimulatedRelay
  readonly gnosisUrl: string
  /** EURe on the sandbox's own EVM node; null on a node that is not ours. */
  readonly eure: Eure | null
  /** Trades when it is told to, through the relay; its submissions can be sent elsewhere. */
  readonly executor: Executor
}

type BitcoinParts = Pick<Parts, "bitcoinUrl" | "bitcoin" | "bitcoinNode" | "secondBitcoinUrl">

/** Partitions a topic: enough to share among instances, few enough for a laptop. */
const partitionsPerTopic = 4

/** Starts what the environment does not name, side by side, and prints a line for each. */
export const startParts = async (
  terminal: Terminal,
  folder: string,
  env: NodeJS.ProcessEnv,
  cleanup: Cleanup,
): Promise<Parts> => {
  const given = (name: string): string | null => env[name] || null
  const brokers = async (): Promise<string> => {
    const there = given("KAFKA_BROKERS")
    if (there !== null) return there
    const kafka = await startKafka({ dir: join(folder, "kafka") })
    cleanup.add(() => kafka.stop())
    return kafka.brokers
  }
  const databaseUrl = async (): Promise<string> => {
    const there = given("DATABASE_URL")
    if (there !== null) return there
    const postgres = await startPostgres({ dir: join(folder, "postgres") })
    cleanup.add(() => postgres.stop())
    return postgres.url
  }
  const second = async (node: Bitcoind | null): Promise<string | null> => {
    const there = given("BITCOIN_SECOND_OBSERVER_URL")
    if (there !== null) return there === "none" ? null : there
    if (node === null) return null
    const esplora = await startEsplora({ bitcoindUrl: node.url })
    cleanup.add(() => esplora.stop())
    return `esplora+${esplora.url}`
  }
  const bitcoin = async (): Promise<BitcoinParts> => {
    const there = given("BITCOIN_OBSERVER_URL")
    if (there !== null) {
      const secondBitcoinUrl = await second(null)
      return { bitcoinUrl: there, bitcoin: jsonRpc(there), bitcoinNode: null, secondBitcoinUrl }
    }
    const node = await startBitcoind({ dir: join(folder, "bitcoind") })
    cleanup.add(() => node.stop())
    const secondBitcoinUrl = await second(node)
    return { bitcoinUrl: node.url, bitcoin: node.rpc, bitcoinNode: node, secondBitcoinUrl }
  }
  const gnosis = async (): Promise<Pick<Parts, "gnosisUrl" | "eure">> => {
    const there = given("GNOSIS_OBSERVER_URL")
    if (there !== null) return { gnosisUrl: there, eure: null }
    // Finality two blocks behind the newest one, so that a story need not wait for sixty-four.
    const anvil = await startAnvil({ dir: join(folder, "anvil"), args: ["--slots-in-an-epoch", "1"] })
    cleanup.add(() => anvil.stop())
    return { gnosisUrl: anvil.url, eure: await placeEure(anvil.rpc) }
  }
  const simulated = async (): Promise<Pick<Parts, "bridge" | "verifier" | "ticker" | "relay">> => {
    const parts = {
      bridge: await startBridge(),
      verifier: await startVerifier(),
      ticker: await startTicker(),
      relay: await startRelay(),
    }
    for (const part of Object.values(parts)) cleanup.add(() => part.stop())
    return parts
  }
  const started = [
    step(terminal, "Kafka", brokers, (address) => address),
    step(terminal, "PostgreSQL", databaseUrl, (url) => new URL(url).host),
    step(terminal, "bitcoind (regtest), and an Esplora server over it", bitcoin, hostsOf),
    step(terminal, "anvil (Gnosis, with EURe)", gnosis, ({ gnosisUrl }) => new URL(gnosisUrl).host),
    step(terminal, "bridge, verifier, ticker, relay (simulated)", simulated, ({ bridge }) => bridge.url),
  ] as const
  // All of them end before a failure is passed on, so that what did start is known to the clean-up.
  await Promise.allSettled(started)
  const [kafka, postgres, node, evm, simulations] = await Promise.all(started)
  await step(
    terminal,
    "topics",
    async () => {
      const admin = openAdmin({ brokers: kafka, clientId: "sandbox" })
      try {
        await admin.create(topics.map(({ name }) => ({ name, partitions: partitionsPerTopic })))
      } finally {
        admin.close()
      }
    },
    () => topics.map(({ name }) => name).join(", "),
  )
  const executor = await startExecutor({ brokers: kafka, relayUrl: simulations.relay.url })
  cleanup.add(() => executor.stop())
  return { executor, brokers: kafka, databaseUrl: postgres, ...node, ...evm, ...simulations }
}

/** Where both observers of Bitcoin are, without their passwords. */
const hostsOf = ({ bitcoinUrl, secondBitcoinUrl }: BitcoinParts): string =>
  [bitcoinUrl, secondBitcoinUrl ?? []]
    .flat()
    .map((url) => new URL(url.replace(/^esplora\+/, "")).host)
    .join(", ")
