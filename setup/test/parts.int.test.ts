import { readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import kafkaJavascript from "@confluentinc/kafka-javascript"
import postgres from "postgres"
import { expect, it, onTestFinished } from "vitest"
import { startAnvil } from "../parts/anvil.ts"
import { startBitcoind } from "../parts/bitcoind.ts"
import { startKafka } from "../parts/kafka.ts"
import type { Part } from "../parts/part.ts"
import { startPostgres } from "../parts/postgres.ts"
import { createTopics } from "../parts/topics.ts"
import { ownFolder } from "./folder.ts"
import { allEnded, descendantsOf, isRunning, startScript } from "./processes.ts"

const { AdminClient, CODES } = kafkaJavascript

/** Ends the part after the running test. */
function held<P extends Part>(part: P): P {
  onTestFinished(() => part.kill())
  return part
}

function topicsOf(brokers: string): Promise<string[]> {
  const admin = AdminClient.create({ "bootstrap.servers": brokers })
  return new Promise<string[]>((resolve, reject) => {
    admin.listTopics({ timeout: 10_000 }, (error, topics) => (error ? reject(error) : resolve(topics)))
  }).finally(() => admin.disconnect())
}

it("keeps Kafka's topics over a restart and over a kill", async () => {
  const kafka = held(await startKafka({ dir: await ownFolder() }))
  await createTopics(kafka.brokers, [{ topic: "one", partitions: 3 }])
  const before = kafka.pid
  await kafka.restart()
  expect(kafka.pid).not.toBe(before)
  expect(await topicsOf(kafka.brokers)).toContain("one")
  await kafka.kill()
  expect(await isRunning(kafka.pid)).toBe(false)
  await kafka.restart()
  expect(await topicsOf(kafka.brokers)).toContain("one")
})

it("leaves a topic as it is when it exists, and says what Kafka refuses", async () => {
  const kafka = held(await startKafka({ dir: await ownFolder() }))
  await createTopics(kafka.brokers, [{ topic: "one", partitions: 1 }])
  await createTopics(kafka.brokers, [{ topic: "one", partitions: 2 }])
  await expect(createTopics(kafka.brokers, [{ topic: "bad/name", partitions: 1 }])).rejects.toThrow(
    /bad\/name/,
  )
})

it("does not make a topic that nobody created", async () => {
  const kafka = held(await startKafka({ dir: await ownFolder() }))
  const consumer = new kafkaJavascript.KafkaConsumer(
    { "bootstrap.servers": kafka.brokers, "group.id": "g" },
    {},
  )
  await new Promise((resolve) => consumer.connect({}, resolve))
  const error = await new Promise<{ code: number }>((resolve) =>
    consumer.getMetadata({ topic: "misspelled", timeout: 5_000 }, (_, metadata) => {
      const topic = metadata.topics.find(({ name }) => name === "misspelled")
      resolve({ code: topic === undefined ? CODES.ERRORS.ERR_UNKNOWN_TOPIC_OR_PART : 0 })
    }),
  )
  expect(error.code).toBe(CODES.ERRORS.ERR_UNKNOWN_TOPIC_OR_PART)
  await new Promise((resolve) => consumer.disconnect(resolve))
  expect(await topicsOf(kafka.brokers)).not.toContain("misspelled")
})

it("keeps PostgreSQL's rows over a restart and over a kill with clients in it", async () => {
  const server = held(await startPostgres({ dir: await ownFolder() }))
  const url = await server.createDatabase("kept")
  const sql = postgres(url, { max: 4, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 0 }))
  await sql`create table t as select 1 as n`
  await server.restart()
  expect(await sql`select n from t`).toEqual([{ n: 1 }])

  const busy = sql`select pg_sleep(600)`.catch((error: Error) => error.message)
  const others = await descendantsOf(server.pid)
  await server.kill()
  expect(await busy).toMatch(/ECONN|CONNECTION|closed/)
  for (const pid of [server.pid, ...others]) expect(await isRunning(pid)).toBe(false)
  await server.restart()
  expect(await sql`select n from t`).toEqual([{ n: 1 }])
})

it("starts a durable PostgreSQL in UTF-8 with bytewise order, and one with the settings that are asked for", async () => {
  const durable = held(await startPostgres({ dir: await ownFolder() }))
  const quick = held(await startPostgres({ dir: await ownFolder(), settings: { fsync: "off" } }))
  const settings = async (url: string) => {
    const sql = postgres(url, { max: 1 })
    const [row] = await sql`
      select current_setting('fsync') as fsync, current_setting('server_encoding') as encoding,
        current_setting('max_connections') as connections, 'B' < 'a' as bytewise`
    await sql.end()
    return row
  }
  const defaults = { encoding: "UTF8", connections: "100", bytewise: true }
  expect(await settings(durable.url)).toEqual({ ...defaults, fsync: "on" })
  expect(await settings(quick.url)).toEqual({ ...defaults, fsync: "off" })
})

it("says what PostgreSQL's log ends with when it cannot start", async () => {
  const dir = await ownFolder()
  const settings = { no_such_setting: "1" }
  await expect(startPostgres({ dir, settings })).rejects.toThrow(
    /PostgreSQL ended with code 1[^]*no_such_setting/,
  )
})

it("keeps bitcoind's chain, wallet and mempool over a restart, and its blocks over a kill", async () => {
  const dir = await ownFolder()
  const bitcoind = held(await startBitcoind({ dir }))
  const txid = await bitcoind.miner<string>("sendtoaddress", await bitcoind.miner("getnewaddress"), 0.5)
  await bitcoind.restart()
  expect(await bitcoind.rpc("getrawmempool")).toEqual([txid])
  const [block] = await bitcoind.mine(1)
  expect(await bitcoind.rpc("getbestblockhash")).toBe(block)
  await bitcoind.kill()
  await bitcoind.restart()
  expect(await bitcoind.rpc("getblockcount")).toBeGreaterThanOrEqual(101)
  expect(await bitcoind.miner<number>("getbalance")).toBeGreaterThan(0)
  expect((await stat(join(dir, "bitcoin.conf"))).mode & 0o077).toBe(0)
})

it("refuses bitcoind's calls without its password and reports its errors by name", async () => {
  const bitcoind = held(await startBitcoind({ dir: await ownFolder(), fundMiner: false }))
  const { origin } = new URL(bitcoind.url)
  expect((await fetch(origin, { method: "POST", body: "{}" })).status).toBe(401)
  await expect(bitcoind.rpc("getblockhash", 5)).rejects.toThrow(/getblockhash.*out of range.*-8/)
})

it("keeps anvil's chain over a restart", async () => {
  const anvil = held(await startAnvil({ dir: await ownFolder() }))
  expect(await anvil.rpc("eth_chainId")).toBe("0x64")
  await anvil.rpc("anvil_mine", "0x5")
  await anvil.restart()
  expect(await anvil.rpc("eth_blockNumber")).toBe("0x5")
})

it("leaves none of the parts running when the process that started them is killed", async () => {
  const { child, firstLine } = await startScript("hold-parts.ts", [await ownFolder()])
  const pids: number[] = JSON.parse(firstLine)
  const everything = await descendantsOf(child.pid ?? 0)
  // PostgreSQL has processes of its own; the others are one each.
  expect(everything.length).toBeGreaterThan(pids.length)
  expect(everything).toEqual(expect.arrayContaining(pids))
  expect(await readFile(`/proc/${pids[1]}/cmdline`, "utf8")).toContain("postgres")
  child.kill("SIGKILL")
  await allEnded(everything)
})
