import { join } from "node:path"
import { type EsploraServer, startEsplora } from "@landfall/sandbox/esplora/start"
import { type Eure, placeEure } from "@landfall/sandbox/eure/eure"
import { writePolicy } from "@landfall/sandbox/stack/alert-policy"
import type { Cleanup } from "@landfall/sandbox/stack/ending"
import { landfallEnvironment } from "@landfall/sandbox/stack/environment"
import { type Parts, startParts } from "@landfall/sandbox/stack/parts"
import { step, type Terminal } from "@landfall/sandbox/terminal"
import { type Anvil, startAnvil } from "@landfall/setup/parts/anvil"
import { type Bitcoind, startBitcoind } from "@landfall/setup/parts/bitcoind"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { freePort } from "@landfall/setup/parts/ports"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import { type Gate, openGate } from "./gate.ts"
import { type ServiceName, serviceNames } from "./plan.ts"
import { type OwnEnd, type Supervised, supervise } from "./supervised.ts"
import { type OneAtATime, oneAtATime } from "./waiting.ts"

/** The account whose deposits are made. */
export const accountId = "desk.near"

/** Everything that runs, each part with what it takes to stop and start it. */
export interface World {
  readonly kafka: Kafka
  readonly postgres: Postgres
  readonly bitcoind: Bitcoind
  readonly anvil: Anvil
  /** How the services come to anvil: started again it would not have the chain that it had. */
  readonly anvilGate: Gate
  readonly esplora: EsploraServer
  readonly eure: Eure
  readonly parts: Parts
  readonly services: Readonly<Record<ServiceName, Supervised>>
  /** Starts one more process of a service, at a port of its own. */
  readonly another: (
    service: ServiceName,
    name: string,
    env: Readonly<Record<string, string>>,
  ) => Promise<Supervised>
  /** The chains are changed by one at a time. */
  readonly bitcoinLock: OneAtATime
  readonly gnosisLock: OneAtATime
}

export interface WorldOptions {
  readonly terminal: Terminal
  readonly folder: string
  readonly cleanup: Cleanup
  readonly onOwnEnd: (end: OwnEnd) => void
}

/** Coins that are mature whatever is reorganised later: the newest blocks pay somebody else. */
const matureBlocks = 60
/** Blocks without deposits, below all that is ever reorganised. */
const deepestReorg = 30

/** Starts the real stack: every part by itself, so that each can fail by itself, and every service as a process. */
export const startWorld = async ({ terminal, folder, cleanup, onOwnEnd }: WorldOptions): Promise<World> => {
  const leashed = async <Part extends { stop(): Promise<void> }>(started: Promise<Part>): Promise<Part> => {
    const part = await started
    cleanup.add(() => part.stop())
    return part
  }
  const bitcoin = async () => {
    const bitcoind = await leashed(startBitcoind({ dir: join(folder, "bitcoind") }))
    await bitcoind.mine(matureBlocks)
    const esplora = await startEsplora({ bitcoindUrl: bitcoind.url })
    cleanup.add(() => esplora.stop())
    return { bitcoind, esplora }
  }
  const gnosis = async () => {
    const dir = join(folder, "anvil")
    const anvil = await leashed(startAnvil({ dir, args: ["--slots-in-an-epoch", "1"] }))
    const eure = await placeEure(anvil.rpc)
    await anvil.rpc("anvil_mine", `0x${deepestReorg.toString(16)}`)
    const anvilGate = await openGate(await freePort(), anvil.port)
    cleanup.add(anvilGate.shut)
    return { anvil, eure, anvilGate }
  }
  const started = [
    step(
      terminal,
      "Kafka",
      () => leashed(startKafka({ dir: join(folder, "kafka") })),
      (kafka) => kafka.brokers,
    ),
    step(
      terminal,
      "PostgreSQL",
      () => leashed(startPostgres({ dir: join(folder, "postgres") })),
      ({ port }) => `127.0.0.1:${port}`,
    ),
    step(
      terminal,
      "bitcoind (regtest), and an Esplora server over it",
      bitcoin,
      ({ esplora }) => esplora.url,
    ),
    step(terminal, "anvil (Gnosis, with EURe)", gnosis, ({ anvil }) => anvil.url),
  ] as const
  await Promise.allSettled(started)
  const [kafka, postgres, { bitcoind, esplora }, { anvil, eure, anvilGate }] = await Promise.all(started)
  const parts = await startParts(
    terminal,
    folder,
    {
      KAFKA_BROKERS: kafka.brokers,
      DATABASE_URL: postgres.url,
      BITCOIN_OBSERVER_URL: bitcoind.url,
      BITCOIN_SECOND_OBSERVER_URL: `esplora+${esplora.url}`,
      GNOSIS_OBSERVER_URL: `http://127.0.0.1:${anvilGate.port}`,
    },
    cleanup,
  )
  const environment = landfallEnvironment(parts, accountId)
  const policy = await writePolicy(folder, accountId)
  const manager_port = await freePort()
  const own: Readonly<Record<ServiceName, Readonly<Record<string, string>>>> = {
    "history-writer": {},
    "liquidity-manager": {},
    "inventory-sync": { LIQUIDITY_MANAGER_URL: `http://127.0.0.1:${manager_port}` },
    "market-reference-ingest": {},
    "ops-sentinel": { ALERT_POLICY_FILE: policy },
  }
  const run = async (
    app: ServiceName,
    name: string,
    port: number,
    more: Readonly<Record<string, string>> = {},
    onEnd = onOwnEnd,
  ): Promise<Supervised> => {
    const env = { ...environment, ...own[app], ...more }
    const service = await supervise({ name, app, port, env, folder, onOwnEnd: onEnd })
    cleanup.add(() => service.abandon())
    return service
  }
  const serve = async (name: ServiceName): Promise<readonly [ServiceName, Supervised]> => {
    const port = name === "liquidity-manager" ? manager_port : await freePort()
    return [name, await run(name, name, port)]
  }
  // The writer makes the tables; the others wait for them by themselves.
  const services = await Promise.all(serviceNames.map(serve))
  return {
    kafka,
    postgres,
    bitcoind,
    anvil,
    anvilGate,
    esplora,
    eure,
    parts,
    services: Object.fromEntries(services) as Record<ServiceName, Supervised>,
    // Of a second instance, whoever of the two is told to leave by the other may end: that is no fault.
    another: async (service, name, env) => run(service, name, await freePort(), env, () => {}),
    bitcoinLock: oneAtATime(),
    gnosisLock: oneAtATime(),
  }
}
