import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import kafka from "@confluentinc/kafka-javascript"
import { LogBroken } from "@landfall/adapters/history/resume"
import type { Admin } from "@landfall/adapters/kafka/admin"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { until } from "@landfall/sandbox/until"
import { type KafkaPair, startKafkaPair } from "@landfall/setup/parts/kafka-pair"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import type { House } from "./given-parts.ts"
import { givenWriter, untilRead } from "./given-writer.ts"
import { closeSenders, createTopics, deleteTopics, send } from "./kafka-tools.ts"
import { priceMessage, priceOf } from "./messages.ts"

const marketPrices = marketPriceTopic.name

let dir = ""
let pair: KafkaPair
let server: Postgres
let houses = 0

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-unclean-"))
  const parts = [
    startKafkaPair({ dir }),
    startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } }),
  ] as const
  ;[pair, server] = await Promise.all(parts)
}, 120_000)
afterAll(async () => {
  await closeSenders()
  await Promise.all([pair?.kill(), server?.kill()])
  await rm(dir, { recursive: true, force: true })
}, 60_000)

interface Described {
  readonly partition: number
  readonly leader?: { readonly id: number }
  readonly isr: ReadonlyArray<{ readonly id: number }>
}

/** The partitions of the prices' topic, as the first broker has them now: a new client asks none but it. */
const partitions = async (): Promise<ReadonlyArray<Described>> => {
  const admin = kafka.AdminClient.create({ "metadata.broker.list": pair.first.brokers, log_level: 0 })
  try {
    return await new Promise((resolve, reject) =>
      admin.describeTopics([marketPrices], { timeout: 2_000 }, (error, described) =>
        error ? reject(error) : resolve((described[0]?.partitions ?? []) as ReadonlyArray<Described>),
      ),
    )
  } finally {
    admin.disconnect()
    await sleep(200) // a client costs more than a question
  }
}

/** A partition whose leader is the second broker, copied by both, with a database of its own. */
const givenCopied = async (): Promise<House & { readonly partition: number }> => {
  const names = topics.map(({ name }) => name)
  await deleteTopics(pair.brokers, names)
  await closeSenders()
  await createTopics(pair.brokers, names, 2, {}, 2)
  const { partition } = await until("the second broker leads a partition that both have", async () => {
    const found = (await partitions()).find(({ leader, isr }) => leader?.id === 2 && isr.length === 2)
    return found ?? null
  })
  const url = await server.createDatabase(`unclean_${houses++}`)
  const owner = openDatabase(url, { applicationName: "set-up" })
  await migrate(owner)
  await owner.close()
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return { brokers: pair.brokers, url, sql, partition }
}

const pricesIn = (partition: number, from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => priceMessage(priceOf(from + index), { partition }))

/** Ten prices that both brokers have, five more that only the leader has, all of them written; then the leader dies. */
const loseFive = async (
  { partition, ...house }: House & { readonly partition: number },
  beforeItDies: () => void = () => {},
): Promise<void> => {
  await send(house.brokers, pricesIn(partition, 0, 10))
  await untilRead(house, 10)
  onTestFinished(mend)
  pair.replication.cut()
  // Acknowledged only when the copy, which does not get them, no longer counts as in sync.
  await send(house.brokers, pricesIn(partition, 10, 15))
  await untilRead(house, 15)
  beforeItDies()
  await pair.second.kill()
  await until("the copy that lacks five leads", async () => {
    const found = (await partitions()).find((one) => one.partition === partition)
    return found?.leader?.id === 1 ? true : null
  })
}

/** Whoever asks for the logs while it is shut gets the answers that there are when it is opened again. */
const givenGate = () => {
  let opened: Promise<void> = Promise.resolve()
  let open = (): void => {}
  return {
    shut: (): void => {
      ;({ promise: opened, resolve: open } = Promise.withResolvers<void>())
    },
    open: (): void => open(),
    admin: (admin: Admin): Admin => ({
      ...admin,
      describe: (names) => opened.then(() => admin.describe(names)),
      bounds: (of) => opened.then(() => admin.bounds(of)),
    }),
  }
}

const mend = async (): Promise<void> => {
  pair.replication.heal()
  await pair.second.restart()
}

const stopped = async (writer: { readonly done: Promise<void> }): Promise<string> => {
  const error = await writer.done.then(
    () => new Error("it was stopped in order"),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(LogBroken)
  return String(error)
}

/** The fifteen prices that were read are kept as they are, and nothing after them. */
const expectUntouched = async ({ sql, partition }: House & { readonly partition: number }): Promise<void> => {
  const rows = await sql<{ offset: number; price: string }[]>`
    select kafka_offset::integer as offset, price::text as price from market_prices order by kafka_offset`
  expect(rows.map(({ offset }) => offset)).toEqual(Array.from({ length: 15 }, (_, nth) => nth))
  expect(rows.map(({ price }) => price)).toEqual(rows.map((_, nth) => priceOf(nth).price))
  const [at] = await sql`select next_offset::integer as next from checkpoints
    where topic = ${marketPrices} and topic_partition = ${partition}`
  expect(at?.["next"]).toBe(15)
}

describe("row 7, once: after a leader was elected that lacks what was read, the writer stops with the reason", () => {
  it("when the log ends before what was read", { timeout: 120_000 }, async () => {
    const house = await givenCopied()
    const { writer } = await givenWriter(house, { limits: { auditMs: 500 } })
    await loseFive(house)
    expect(await stopped(writer)).toMatch(
      /ref\.market_price\/\d was truncated: it ends at offset 10, but everything before 15 was read/,
    )
    await expectUntouched(house)
  })

  it("when the log has grown past it again, at once and when it is started again", {
    timeout: 120_000,
  }, async () => {
    const house = await givenCopied()
    // No audit comes in time: what is read must tell. When reading fails, the writer looks at the log: after it has grown.
    const logs = givenGate()
    const { writer } = await givenWriter(house, { limits: { auditMs: 600_000 }, admin: logs.admin })
    await loseFive(house, logs.shut)
    await closeSenders() // this one knows what it has sent, and would be refused
    await send(house.brokers, pricesIn(house.partition, 100, 110))
    logs.open()
    expect(await stopped(writer)).toMatch(/ref\.market_price\/\d: the message at offset 14 is not the one/)
    const again = await givenWriter(house)
    expect(await stopped(again.writer)).toMatch(/the message at offset 14 is not the one/)
    await expectUntouched(house)
  })
})
