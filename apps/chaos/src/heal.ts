import { openAdmin } from "@landfall/adapters/kafka/admin"
import { topics } from "@landfall/domain/registry"
import type { Part } from "@landfall/setup/parts/part"
import postgres from "postgres"
import type { World } from "./world.ts"

/** Lets everything work again: what a fault left broken because it failed itself is started anew. */
export const heal = async ({
  kafka,
  postgres: database,
  bitcoind,
  anvil,
  anvilGate,
  esplora,
  parts,
  services,
}: World): Promise<ReadonlyArray<string>> => {
  for (const service of Object.values(services)) service.thaw()
  await anvilGate.open()
  esplora.setFault(null)
  esplora.setFrozen(false)
  for (const { control } of [parts.bridge, parts.verifier, parts.ticker, parts.relay])
    await control.clearFault()
  const asked: ReadonlyArray<readonly [name: string, part: Part, question: () => Promise<unknown>]> = [
    ["Kafka", kafka, () => askKafka(kafka.brokers)],
    ["PostgreSQL", database, () => askPostgres(database.url)],
    ["bitcoind", bitcoind, () => bitcoind.rpc("getblockcount")],
    ["anvil", anvil, () => anvil.rpc("eth_blockNumber")],
  ]
  const restarted = await Promise.all(
    asked.map(async ([name, part, question]) => {
      const works = await question().then(
        () => true,
        () => false,
      )
      if (!works) await part.restart()
      return works ? [] : [name]
    }),
  )
  return restarted.flat()
}

const askKafka = async (brokers: string): Promise<void> => {
  const admin = openAdmin({ brokers, clientId: "chaos-heal" })
  try {
    await admin.describe(topics.map(({ name }) => name))
  } finally {
    admin.close()
  }
}

const askPostgres = async (url: string): Promise<void> => {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} })
  try {
    await sql`select 1`
  } finally {
    await sql.end({ timeout: 1 })
  }
}
