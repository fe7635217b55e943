import { setTimeout as sleep } from "node:timers/promises"
import { beforeEach, describe, expect, it } from "vitest"
import { DatabaseError, type Transaction } from "../../src/postgres/transaction.ts"
import { given, givenPostgres, plainClient } from "./given-postgres.ts"
import { expectNoUnhandledRejections } from "./unhandled.ts"

const server = givenPostgres()
expectNoUnhandledRejections()

beforeEach(async () => {
  await given(server.url).transaction((transaction) =>
    transaction.script("drop table if exists t; create table t (n integer primary key, word text)"),
  )
})

const put = (n: number) => (transaction: Transaction) =>
  transaction.query("insert into t (n) values ($1)", [n])

/** What a rejected transaction says. */
const failure = async (work: Promise<unknown>): Promise<DatabaseError> => {
  const error = await work.then(
    () => new Error("it was not rejected"),
    (reason: unknown) => reason,
  )
  if (!(error instanceof DatabaseError)) throw error
  return error
}

describe("a transaction", () => {
  it("commits when its work resolves, and gives back what the work gave", async () => {
    const database = given(server.url)
    const result = await database.transaction(async (transaction) => {
      await put(1)(transaction)
      return "done"
    })
    expect(result).toBe("done")
    expect(await plainClient(server.url)`select n from t`).toEqual([{ n: 1 }])
  })

  it("takes text, numbers, booleans, bytes and nulls, and counts the rows", async () => {
    const [row] = await given(server.url).transaction((transaction) =>
      transaction.query(
        "select $1::text as a, $2::integer as b, $3::boolean as c, $4::bytea as d, $5::text is null as e, $6::bigint::text as f",
        ["it's", 7, true, Buffer.of(0, 255), null, 2 ** 53],
      ),
    )
    expect(row).toEqual({ a: "it's", b: 7, c: true, d: Buffer.of(0, 255), e: true, f: "9007199254740992" })
    const { count } = await given(server.url).transaction((transaction) =>
      transaction.query("insert into t (n) select generate_series(1, $1::integer)", [12]),
    )
    expect(count).toBe(12)
  })

  it("rolls back and passes on what the work threw", async () => {
    const database = given(server.url)
    class Mine extends Error {}
    const mine = new Mine("changed my mind")
    const attempt = database.transaction(async (transaction) => {
      await put(1)(transaction)
      throw mine
    })
    await expect(attempt).rejects.toBe(mine)
    const atOnce = database.transaction(() => {
      throw mine
    })
    await expect(atOnce).rejects.toBe(mine)
    await database.transaction(put(2))
    expect(await plainClient(server.url)`select n from t`).toEqual([{ n: 2 }])
  })

  it("says what PostgreSQL refused, with its code, and rolls back", async () => {
    const database = given(server.url, { applicationName: "history-writer" })
    await database.transaction(put(1))
    let wentOn = false
    const error = await failure(
      database.transaction(async (transaction) => {
        await put(2)(transaction)
        await put(1)(transaction).catch(() => {})
        wentOn = true
      }),
    )
    expect(error.code).toBe("23505")
    expect(error.message).toMatch(/history-writer.*duplicate key/)
    await database.transaction(put(3))
    expect(await plainClient(server.url)`select n from t order by n`).toEqual([{ n: 1 }, { n: 3 }])
    expect(wentOn).toBe(false)
  })

  it("that only reads cannot write, and sees one state throughout", async () => {
    const database = given(server.url)
    const other = given(server.url)
    const mode = "repeatable read read only" as const
    expect((await failure(database.transaction(put(1), { mode }))).code).toBe("25006")
    const counts = await database.transaction(
      async (transaction) => {
        const count = () => transaction.query("select count(*)::integer as n from t")
        const before = await count()
        await other.transaction(put(1))
        return [...before, ...(await count())]
      },
      { mode },
    )
    expect(counts).toEqual([{ n: 0 }, { n: 0 }])
  })

  it("acts as the role it was given, under its application's name", async () => {
    await plainClient(server.url)`create role acted nologin`
    const [row] = await given(server.url, { role: "acted", applicationName: "actor" }).transaction(
      (transaction) =>
        transaction.query(
          "select current_user::text as role, session_user::text as login, current_setting('application_name') as name",
        ),
    )
    expect(row).toEqual({ role: "acted", login: "postgres", name: "actor" })
  })

  it("runs after the one that was begun before it", async () => {
    const database = given(server.url)
    const order: string[] = []
    const step = (name: string) => async (transaction: Transaction) => {
      order.push(`${name} begins`)
      await transaction.query("select pg_sleep(0.02)")
      order.push(`${name} ends`)
      if (name === "second") throw new Error("in the middle")
      return name
    }
    const all = await Promise.allSettled(
      ["first", "second", "third"].map((name) => database.transaction(step(name))),
    )
    expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"])
    expect(order).toEqual(["first", "second", "third"].flatMap((name) => [`${name} begins`, `${name} ends`]))
  })
})

describe("a statement that never answers", () => {
  it("is given up at the deadline, and the next transaction works", async () => {
    const database = given(server.url, { deadlineMs: 300 })
    const started = performance.now()
    const error = await failure(
      database.transaction(async (transaction) => {
        await put(1)(transaction)
        await transaction.query("select pg_sleep(60)")
      }),
    )
    expect(error.message).toContain("no answer within 300 ms")
    expect(performance.now() - started).toBeLessThan(5_000)
    await database.transaction(put(2))
    expect(await plainClient(server.url)`select n from t`).toEqual([{ n: 2 }])
  })

  it("lets go of its locks soon after it was given up", async () => {
    const database = given(server.url, { deadlineMs: 300 })
    await database.transaction(put(1))
    const stuck = database.transaction(async (transaction) => {
      await transaction.query("select n from t where n = 1 for update")
      await transaction.query("select pg_sleep(60)")
    })
    await failure(stuck)
    await database.transaction((transaction) => transaction.query("select n from t where n = 1 for update"), {
      deadlineMs: 5_000,
    })
  })

  it("may have a deadline of its own", async () => {
    const database = given(server.url, { deadlineMs: 100 })
    await database.transaction((transaction) => transaction.query("select pg_sleep(0.3)"), {
      deadlineMs: 5_000,
    })
  })
})

describe("closing", () => {
  it("rolls back what is under way, refuses what comes after, and may be repeated", async () => {
    const database = given(server.url)
    const { promise: begun, resolve: tell } = Promise.withResolvers<void>()
    const underWay = failure(
      database.transaction(async (transaction) => {
        await put(1)(transaction)
        tell()
        await transaction.query("select pg_sleep(60)")
      }),
    )
    const waiting = failure(database.transaction(put(2)))
    await begun
    await database.close()
    await database.close()
    expect((await underWay).message).toContain("test")
    expect((await waiting).message).toContain("closed")
    expect((await failure(database.transaction(put(3)))).message).toContain("closed")
    expect(await plainClient(server.url)`select n from t`).toEqual([])
  })

  it("loses its locks when its client falls silent in the midst of it", async () => {
    const lock = (transaction: Transaction) => transaction.query("select pg_advisory_xact_lock(77)")
    const stopped = given(server.url, { applicationName: "stopped", silentMsMax: 200 })
    const successor = given(server.url, { applicationName: "successor" })
    const [holds, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const holding = stopped.transaction(async (transaction) => {
      await lock(transaction)
      holds.resolve()
      await goesOn.promise
      await put(1)(transaction)
    })
    holding.catch(() => {}) // it may be told of its end before it goes on
    await holds.promise
    await successor.transaction(lock)
    goesOn.resolve()
    await failure(holding)
    expect(await plainClient(server.url)`select n from t`).toEqual([])
    await stopped.transaction(put(2))
  })

  it("leaves no connection behind, also after failures", async () => {
    const database = given(server.url, { applicationName: "leaving", deadlineMs: 200 })
    for (let n = 0; n < 5; n++) {
      await failure(database.transaction((transaction) => transaction.query("select 1 / 0")))
    }
    await failure(database.transaction((transaction) => transaction.query("select pg_sleep(60)")))
    await database.close()
    const sql = plainClient(server.url)
    const left = () => sql`select pid from pg_stat_activity where application_name = 'leaving'`
    const deadline = performance.now() + 5_000
    while ((await left()).length > 0 && performance.now() < deadline) await sleep(20)
    expect(await left()).toEqual([])
  })
})

describe("a connection", () => {
  it("that died while it was idle costs no transaction", async () => {
    const database = given(server.url, { applicationName: "idle" })
    await database.transaction(put(1))
    const sql = plainClient(server.url)
    await sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'idle'`
    await new Promise((resolve) => setImmediate(resolve))
    await database.transaction(put(2))
    expect(await sql`select n from t order by n`).toEqual([{ n: 1 }, { n: 2 }])
  })

  it("that cannot be made rejects, and is tried anew by the next transaction", async () => {
    const nowhere = given("postgres://postgres@127.0.0.1:1/postgres")
    expect((await failure(nowhere.transaction(put(1)))).code).toBe("ECONNREFUSED")
    expect((await failure(nowhere.transaction(put(1)))).code).toBe("ECONNREFUSED")
    const unknown = given(server.url, { role: "nobody_knows" })
    expect((await failure(unknown.transaction(put(1)))).message).toContain("nobody_knows")
  })
})
