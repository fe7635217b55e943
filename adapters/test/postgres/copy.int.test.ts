import { beforeEach, describe, expect, it } from "vitest"
import { type Database, DatabaseError } from "../../src/postgres/transaction.ts"
import { given, givenPostgres, plainClient } from "./given-postgres.ts"
import { expectNoUnhandledRejections } from "./unhandled.ts"

const server = givenPostgres()
expectNoUnhandledRejections()

beforeEach(async () => {
  await given(server.url).transaction((transaction) =>
    transaction.script("drop table if exists t; create table t (n integer primary key, word text)"),
  )
})

const word = "x".repeat(1_000)

/** Rows from `first` to before `end` as COPY text, in chunks of many rows. */
function* lines(first: number, end: number, rowsPerChunk: number): Generator<Buffer> {
  for (let at = first; at < end; at += rowsPerChunk) {
    const numbers = Array.from({ length: Math.min(rowsPerChunk, end - at) }, (_, index) => at + index)
    yield Buffer.from(numbers.map((n) => `${n}\t${word}\n`).join(""))
  }
}

const copyIn = (database: Database, chunks: Iterable<Uint8Array>) =>
  database.transaction((transaction) => transaction.copyIn("copy t from stdin", chunks))

const count = async (): Promise<unknown> =>
  (await plainClient(server.url)`select count(*)::integer as n from t`)[0]?.["n"]

/** The code that PostgreSQL gave for the failure of a transaction. */
const codeOf = async (work: Promise<unknown>): Promise<string | undefined> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DatabaseError)
  return error instanceof DatabaseError ? error.code : undefined
}

describe("COPY into a table", () => {
  it.each([
    { what: "chunks of two megabytes", rowsPerChunk: 2_000 },
    { what: "many small chunks", rowsPerChunk: 3 },
    { what: "one chunk", rowsPerChunk: 4_000 },
  ])("takes $what", async ({ rowsPerChunk }) => {
    await copyIn(given(server.url), lines(0, 4_000, rowsPerChunk))
    expect(await count()).toBe(4_000)
  })

  it("takes nothing, and other statements and copies before and after it", async () => {
    const database = given(server.url)
    await database.transaction(async (transaction) => {
      await transaction.query("insert into t values (1, 'first')")
      await transaction.copyIn("copy t from stdin", [])
      await transaction.copyIn("copy t from stdin", lines(10, 20, 5))
      await transaction.query("insert into t values (2, 'second')")
      await transaction.copyIn("copy t from stdin", lines(20, 30, 5))
    })
    expect(await count()).toBe(22)
  })

  it.each([
    { where: "in the first chunk", taken: 0, code: "23505", bad: () => lines(5, 6, 1) },
    { where: "in the middle", taken: 2_000, code: "23505", bad: () => lines(5, 6, 1) },
    { where: "in the middle", taken: 2_000, code: "22P02", bad: () => [Buffer.from("five\tx\n")] },
    { where: "at the end", taken: 3_500, code: "22P04", bad: () => [Buffer.from("5\tx\ty")] },
  ])(
    "rejects with code $code for a bad row $where, and the next transaction works",
    async ({ taken, code, bad }) => {
      const database = given(server.url)
      await database.transaction((transaction) => transaction.query("insert into t values (5, 'mine')"))
      function* chunks() {
        yield* lines(100, 100 + taken, 500)
        yield* bad()
        // As much again after the failure: whoever writes it must notice, and not wait for ever.
        if (code !== "22P04") yield* lines(100 + taken, 4_000, 500)
      }
      expect(await codeOf(copyIn(database, chunks()))).toBe(code)
      expect(await count()).toBe(1)
      await copyIn(database, lines(10, 20, 5))
      expect(await count()).toBe(11)
    },
  )

  it("writes nothing when the rows cannot be made, and the next transaction works", async () => {
    const database = given(server.url)
    function* broken() {
      yield* lines(0, 1_000, 100)
      throw new Error("no more rows")
    }
    await expect(copyIn(database, broken())).rejects.toThrow("no more rows")
    expect(await count()).toBe(0)
    await copyIn(database, lines(0, 10, 5))
    expect(await count()).toBe(10)
  })

  it("rejects when its backend dies in the middle, and the next transaction works", async () => {
    const database = given(server.url, { applicationName: "copying" })
    const sql = plainClient(server.url)
    const dying = database.transaction(async (transaction) => {
      await transaction.query("insert into t values (1, 'x')")
      const killed = sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'copying'`
      killed.catch(() => {})
      await transaction.copyIn("copy t from stdin", lines(10, 300_000, 500))
    })
    await codeOf(dying)
    expect(await count()).toBe(0)
    await copyIn(database, lines(0, 10, 5))
    expect(await count()).toBe(10)
  })
})

describe("COPY out of a table", () => {
  const read = async (database: Database, statement: string): Promise<Buffer> =>
    database.transaction(async (transaction) => {
      const chunks: Buffer[] = []
      for await (const chunk of await transaction.copyOut(statement)) chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks)
    })

  it("gives every byte in order, however large", async () => {
    const database = given(server.url)
    await copyIn(database, lines(0, 3_000, 500))
    const all = Buffer.concat([...lines(0, 3_000, 500)])
    expect((await read(database, "copy (select * from t order by n) to stdout")).equals(all)).toBe(true)
    expect((await read(database, "copy (select * from t where n < 0) to stdout")).length).toBe(0)
  })

  it("gives rows of any size, and the next transaction works", async () => {
    // Around 64 KiB the client's stream is full, and its socket paused, when the last row arrives.
    const database = given(server.url, { deadlineMs: 3_000 })
    for (const bytes of [1, 65_000, 66_000, 70_000, 100_000, 130_000, 200_000, 1_000_000, 3_000_000]) {
      for (const rows of [1, 2, 5]) {
        const text = await read(
          database,
          `copy (select repeat('y', ${bytes}) from generate_series(1, ${rows})) to stdout`,
        )
        expect(text.equals(Buffer.from(`${"y".repeat(bytes)}\n`.repeat(rows)))).toBe(true)
      }
    }
  })

  it("waits for a reader that is slower than the server", async () => {
    const database = given(server.url)
    await copyIn(database, lines(0, 3_000, 500))
    const bytes = await database.transaction(async (transaction) => {
      let size = 0
      for await (const chunk of await transaction.copyOut("copy t to stdout")) {
        size += chunk.length
        if (size % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      return size
    })
    expect(bytes).toBe(Buffer.concat([...lines(0, 3_000, 500)]).length)
  })

  it("may be left early, and the transaction goes on", async () => {
    const database = given(server.url)
    await copyIn(database, lines(0, 3_000, 500))
    await database.transaction(async (transaction) => {
      for await (const chunk of await transaction.copyOut("copy t to stdout")) if (chunk.length > 0) break
      await transaction.query("delete from t where n >= 10")
    })
    expect(await count()).toBe(10)
  })

  it("rejects when a row cannot be made in the middle, and the next transaction works", async () => {
    const database = given(server.url)
    const failing = "copy (select 1 / (50000 - n) from generate_series(1, 60000) n) to stdout"
    let wentOn = false
    const work = database.transaction(async (transaction) => {
      for await (const _ of await transaction.copyOut(failing).catch(() => []));
      wentOn = true
    })
    expect(await codeOf(work)).toBe("22012")
    expect(wentOn).toBe(false)
    expect((await read(database, "copy (select 1) to stdout")).toString()).toBe("1\n")
  })

  it("rejects when its backend dies in the middle, and the next transaction works", async () => {
    const database = given(server.url, { applicationName: "reading" })
    const sql = plainClient(server.url)
    const dying = database.transaction(async (transaction) => {
      const rows = "copy (select repeat('z', 1000) from generate_series(1, 100000)) to stdout"
      let killed = false
      for await (const _ of await transaction.copyOut(rows)) {
        if (killed) continue
        killed = true
        await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'reading'`
      }
    })
    await codeOf(dying)
    expect((await read(database, "copy (select 1) to stdout")).toString()).toBe("1\n")
  })
})
