import { type BulkProducer, openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import { topics } from "@landfall/domain/registry"
import type { FaultKind as BridgeFault } from "@landfall/sandbox/bridge/control-api"
import type { WireFault } from "@landfall/sandbox/simulated/faults"
import type { TickerFault } from "@landfall/sandbox/ticker/control"
import type { VerifierFault } from "@landfall/sandbox/verifier/control"
import { sendSignal } from "@landfall/setup/parts/leash"
import type { Part } from "@landfall/setup/parts/part"
import { seededRandom } from "@landfall/simulation/world/random"
import postgres from "postgres"
import { reorgBitcoin, reorgGnosis } from "./chains.ts"
import type { Fault } from "./plan.ts"
import { poisonOf } from "./poison.ts"
import type { Truth } from "./truth.ts"
import { pause } from "./waiting.ts"
import type { World } from "./world.ts"

export interface Injection {
  readonly world: World
  readonly truth: Truth
  /** When the chaos is over: whatever lasts is cut short and mended. */
  readonly signal: AbortSignal
}

/** Each takes up to ten seconds: longer than any start of a broker. */
const attemptsMax = 4

/** Lets a fault happen and mends it. Resolves with what a service did wrong meanwhile, or null. */
export const inject = async (fault: Fault, injection: Injection): Promise<string | null> => {
  const { world, truth, signal } = injection
  const { kafka, postgres: database, bitcoind, anvil, esplora, services, parts } = world
  switch (fault.kind) {
    case "service_killed":
      await services[fault.service].kill(fault.delay_ms)
      return null
    case "service_paused":
      services[fault.service].freeze()
      await pause(fault.lasts_ms, signal)
      services[fault.service].thaw()
      return null
    case "service_ended":
      return services[fault.service].end(fault.times)
    case "backends_terminated":
      return terminateBackends(database.url, fault, signal)
    case "postgres_killed":
      await database.kill()
      return again(database)
    case "broker_killed":
      await kafka.kill()
      return again(kafka)
    case "postgres_stopped":
      return stopped(database, fault.lasts_ms, signal)
    case "broker_stopped":
      return stopped(kafka, fault.lasts_ms, signal)
    case "bitcoind_stopped":
      return world.bitcoinLock(() => stopped(bitcoind, fault.lasts_ms, signal))
    case "anvil_refusing":
      await world.anvilGate.shut()
      await pause(fault.lasts_ms, signal)
      await world.anvilGate.open()
      return null
    case "broker_paused":
      return frozen(kafka, fault.lasts_ms, signal)
    case "bitcoind_paused":
      return frozen(bitcoind, fault.lasts_ms, signal)
    case "anvil_paused":
      return frozen(anvil, fault.lasts_ms, signal)
    case "esplora_frozen":
      esplora.setFrozen(true)
      await pause(fault.lasts_ms, signal)
      esplora.setFrozen(false)
      return null
    case "esplora_wrong":
      esplora.setFault({ kind: fault.lie as WireFault })
      await pause(fault.lasts_ms, signal)
      esplora.setFault(null)
      return null
    case "bridge_wrong":
      return lying(parts.bridge.control, { kind: fault.lie as BridgeFault }, fault.lasts_ms, signal)
    case "verifier_wrong":
      return lying(parts.verifier.control, { kind: fault.lie as VerifierFault }, fault.lasts_ms, signal)
    case "ticker_wrong":
      return lying(parts.ticker.control, { kind: fault.lie as TickerFault }, fault.lasts_ms, signal)
    case "bitcoin_reorg":
      await reorgBitcoin(world, truth, fault)
      return null
    case "gnosis_reorg":
      await reorgGnosis(world, truth, fault, signal)
      return null
    case "poison":
      return poison(world, fault, signal)
    case "redelivered":
      return redeliver(world, fault, signal)
    case "second_writer":
      return secondWriter(world, fault, signal)
    case "zombie_writer": {
      // The name that stays over a restart belongs to the one that sleeps.
      services["history-writer"].freeze()
      try {
        return await secondWriter(world, { ...fault, ending: "SIGTERM" }, signal)
      } finally {
        services["history-writer"].thaw()
      }
    }
    case "rival": {
      const rival = await world.another(fault.service, `rival-${fault.service}`, {})
      await pause(fault.lasts_ms, signal)
      await rival.stop()
      return null
    }
  }
}

const again = async (part: Part): Promise<null> => {
  await part.restart()
  return null
}

const stopped = async (part: Part, lasts_ms: number, signal: AbortSignal): Promise<null> => {
  await part.stop()
  await pause(lasts_ms, signal)
  return again(part)
}

const frozen = async (part: Part, lasts_ms: number, signal: AbortSignal): Promise<null> => {
  const { pid } = part
  sendSignal(pid, "SIGSTOP")
  await pause(lasts_ms, signal)
  sendSignal(pid, "SIGCONT")
  return null
}

const lying = async <Wrong>(
  control: { readonly setFault: (fault: Wrong) => Promise<void>; readonly clearFault: () => Promise<void> },
  fault: Wrong,
  lasts_ms: number,
  signal: AbortSignal,
): Promise<null> => {
  await control.setFault(fault)
  await pause(lasts_ms, signal)
  await control.clearFault()
  return null
}

/** Ends the connections of all services again and again. */
const terminateBackends = async (
  url: string,
  { every_ms, lasts_ms }: { readonly every_ms: number; readonly lasts_ms: number },
  signal: AbortSignal,
): Promise<null> => {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "chaos" } })
  try {
    for (let over_ms = performance.now() + lasts_ms; performance.now() < over_ms && !signal.aborted; ) {
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where backend_type = 'client backend' and application_name <> 'chaos'`
      await pause(every_ms, signal)
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
  return null
}

/** A producer, as soon as a broker that was started again a moment ago takes it. */
const producerOf = async (brokers: string, clientId: string, signal: AbortSignal): Promise<BulkProducer> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openBulkProducer({ brokers, clientId })
    } catch (error) {
      if (attempt === attemptsMax || signal.aborted) throw error
    }
  }
}

/** Bytes that are no record, on every topic. */
const poison = async (
  { kafka }: World,
  { messages, salt }: { readonly messages: number; readonly salt: number },
  signal: AbortSignal,
): Promise<null> => {
  const random = seededRandom(salt)
  const producer = await producerOf(kafka.brokers, "chaos-poison", signal)
  try {
    await producer.send(
      Array.from({ length: messages }, () => ({
        topic: random.pick(topics).name,
        key: `poison-${random.int(0, 99)}`,
        value: poisonOf(random),
      })),
    )
  } finally {
    await producer.close()
  }
  return null
}

/** Messages that were recorded lately come once more, byte for byte, as from a producer that repeats itself. */
export const redeliver = async (
  { kafka, postgres: database }: World,
  { messages }: { readonly messages: number },
  signal: AbortSignal,
): Promise<null> => {
  const sql = postgres(database.url, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: "chaos" },
  })
  const producer = await producerOf(kafka.brokers, "chaos-redelivery", signal)
  try {
    const checkpoints = await sql<Array<{ topic: string; topic_partition: number }>>`
      select topic, topic_partition from checkpoints`
    for (const { topic, topic_partition: partition } of checkpoints) {
      const table = topics.find(({ name }) => name === topic)?.evidenceTable ?? topic
      const rows = await sql<Array<{ message_key: Buffer | null; payload: string }>>`
        select message_key, payload from ${sql(table)} where topic_partition = ${partition}
        order by kafka_offset desc limit ${Math.ceil(messages / checkpoints.length)}`
      const keyed = rows.map(({ message_key, payload }) => ({
        key: message_key?.toString() ?? null,
        payload,
      }))
      await producer.send(keyed.map(({ key, payload }) => ({ topic, partition, key, value: payload })))
    }
  } finally {
    await producer.close()
    await sql.end({ timeout: 1 })
  }
  return null
}

/** A history writer beside the first, which takes a share of the partitions and leaves again. */
const secondWriter = async (
  world: World,
  { lasts_ms, ending }: { readonly lasts_ms: number; readonly ending: "SIGKILL" | "SIGTERM" },
  signal: AbortSignal,
): Promise<string | null> => {
  const second = await world.another("history-writer", "second-history-writer", {
    KAFKA_MEMBER_NAME: "second",
    MIGRATE: "false",
  })
  await pause(lasts_ms, signal)
  if (ending === "SIGKILL") await second.kill(60_000)
  return second.stop()
}
