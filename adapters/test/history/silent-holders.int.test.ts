import { connect } from "node:net"
import { expect, it, onTestFinished } from "vitest"
import { endSilentHolders } from "../../src/history/silent-holders.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { type Database, openDatabase, type Transaction } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"

const postgres = givenPostgres()

const given = (url: string, applicationName: string): Database => {
  const database = openDatabase(url, { applicationName, role: "landfall_writer", deadlineMs: 30_000 })
  onTestFinished(() => database.close())
  return database
}

/** A client that holds the checkpoints, begins a COPY and says nothing more, as a process that was stopped. */
const silentInCopy = async (url: string, applicationName: string) => {
  const { hostname, port, pathname, username } = new URL(url)
  const framed = (type: string, body: Buffer): Buffer => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length + 4)
    return Buffer.concat([Buffer.from(type, "latin1"), length, body])
  }
  const parameters = ["user", username, "database", pathname.slice(1), "application_name", applicationName]
  const version = Buffer.from([0, 3, 0, 0])
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  socket.write(framed("", Buffer.concat([version, Buffer.from(`${parameters.join("\0")}\0\0`)])))
  const heard: Buffer[] = []
  const all = (): string => Buffer.concat(heard).toString("latin1")
  const ended = Promise.withResolvers<string>()
  socket.on("close", () => ended.resolve(all()))
  const copying = Promise.withResolvers<void>()
  socket.on("data", (bytes) => {
    heard.push(bytes)
    if (all().includes(copyInResponse)) copying.resolve()
  })
  const statements = `begin; select 1 from checkpoints where topic = 'ops.alert' for update; copy duplicate_deliveries from stdin`
  socket.write(framed("Q", Buffer.from(`${statements}\0`)))
  await Promise.race([copying.promise, ended.promise])
  return { ended: ended.promise }
}

/** `G`, its length, text format, five columns. */
const copyInResponse = "G\0\0\0\x11\0\0\x05"

const lock = (transaction: Transaction) =>
  transaction.query("select 1 from checkpoints where topic = 'ops.alert' for update")

it("a writer that was stopped in the midst of a COPY loses its checkpoints to its successor, and to no other program", async () => {
  const url = await postgres.createDatabase("silent_holders")
  const owner = openDatabase(url, { applicationName: "owner" })
  onTestFinished(() => owner.close())
  await migrate(owner)
  await owner.transaction((transaction) =>
    transaction.script(`insert into checkpoints (topic, topic_partition, topic_id, first_offset, next_offset, log_size,
      log_root, log_right_edge, updated_at) values ('ops.alert', 0, gen_random_uuid(), 0, 0, 0, sha256(''), '', now())`),
  )
  const stopped = await silentInCopy(url, "writer")
  expect(await given(url, "another").transaction((transaction) => endSilentHolders(transaction, 0))).toBe(0)
  const successor = given(url, "writer")
  expect(await successor.transaction((transaction) => endSilentHolders(transaction))).toBe(0)
  const taken = await successor.transaction(async (transaction) => {
    const ended = await endSilentHolders(transaction, 0)
    const [{ role } = {}] = await transaction.query<{ role: string }>("select current_user::text as role")
    return { ended, role, locked: (await lock(transaction)).length }
  })
  expect(taken).toEqual({ ended: 1, role: "landfall_writer", locked: 1 })
  expect(await stopped.ended).toContain("terminating connection due to administrator command")
})
