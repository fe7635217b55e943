import { setTimeout as sleep } from "node:timers/promises"
import { beforeEach, describe, expect, it } from "vitest"
import type { Database } from "../../src/postgres/transaction.ts"
import { answersLostProxy } from "./answers-lost-proxy.ts"
import { given, givenPostgres, plainClient } from "./given-postgres.ts"
import { expectNoUnhandledRejections } from "./unhandled.ts"

const server = givenPostgres()
expectNoUnhandledRejections()

beforeEach(async () => {
  await given(server.url).transaction((transaction) =>
    transaction.script(`drop table if exists event, checkpoint;
      create table event (n integer primary key, attempt integer not null);
      create table checkpoint (id integer primary key, next integer not null);
      insert into checkpoint values (1, 0)`),
  )
})

/** Appends three rows after `next` and moves the checkpoint, as a writer does; false when it had happened already. */
const append = (database: Database, next: number, attempt: number): Promise<boolean> =>
  database.transaction(async (transaction) => {
    const [checkpoint] = await transaction.query<{ next: number }>(
      "select next from checkpoint where id = 1 for update",
    )
    if (checkpoint?.next === next + 3) return false
    for (let n = next; n < next + 3; n++)
      await transaction.query("insert into event (n, attempt) values ($1, $2)", [n, attempt])
    const { count } = await transaction.query("update checkpoint set next = $1 where id = 1 and next = $2", [
      next + 3,
      next,
    ])
    if (count !== 1) throw new Error(`the checkpoint is not at ${next}`)
    return true
  })

/** Terminates the backends of that application again and again until it is told to stop. */
const killer = (url: string, applicationName: string, everyMs: number) => {
  const sql = plainClient(url)
  let stopped = false
  let killed = 0
  const work = (async () => {
    while (!stopped) {
      await sleep(everyMs)
      killed += (
        await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${applicationName}`
      ).length
    }
    return killed
  })()
  return () => {
    stopped = true
    return work
  }
}

describe("while its backends are terminated", () => {
  it.each([
    { everyMs: 7, batches: 25 },
    { everyMs: 60, batches: 500 },
  ])("every $everyMs ms, each of $batches batches is written exactly once", async ({ everyMs, batches }) => {
    const database = given(server.url, { applicationName: "victim", deadlineMs: 5_000 })
    const stop = killer(server.url, "victim", everyMs)
    const errors: unknown[] = []
    let next = 0
    let known = true
    // Until enough of them were hit; a batch that was rejected may have been written, so the last must be seen through.
    for (let attempt = 0; next < batches * 3 || errors.length < 5 || !known; attempt++) {
      try {
        await append(database, next, attempt)
        next += 3
        known = true
      } catch (error) {
        errors.push(error)
        known = false
      }
    }
    expect(await stop()).toBeGreaterThan(0)
    const sql = plainClient(server.url)
    const [result] = await sql`select count(*)::integer as rows, max(n) as last, min(n) as first,
      (select next from checkpoint) as checkpoint from event`
    expect(result).toEqual({ rows: next, first: 0, last: next - 1, checkpoint: next })
    const torn = await sql`select n / 3 as batch from event group by n / 3 having count(distinct attempt) > 1`
    expect(torn).toEqual([])
    // None of them had to wait for the deadline.
    expect(errors.filter((error) => /no answer/.test(String(error)))).toEqual([])
  })
})

describe("a COMMIT whose answer is lost", () => {
  it("rejects at the deadline, and its rows are there exactly once when the writer has looked", async () => {
    const proxy = await answersLostProxy(server.url)
    const database = given(proxy.url, { deadlineMs: 500 })
    await append(database, 0, 0)
    proxy.loseAnswersFrom("COMMIT")
    await expect(append(database, 3, 1)).rejects.toThrow("no answer within 500 ms")
    expect(proxy.lost()).toBeGreaterThan(0)
    proxy.heal()
    expect(await append(database, 3, 2)).toBe(false)
    expect(await append(database, 6, 3)).toBe(true)
    expect(await plainClient(server.url)`select n, attempt from event order by n`).toEqual(
      [0, 0, 0, 1, 1, 1, 3, 3, 3].map((attempt, n) => ({ n, attempt })),
    )
  })

  it("is waited for by the next look when it is still under way", async () => {
    const database = given(server.url, { deadlineMs: 300 })
    // A trigger that runs at COMMIT, slower than the deadline: the commit may be done after the rejection.
    await plainClient(server.url).unsafe(`create or replace function linger() returns trigger language plpgsql
      as $$ begin perform pg_sleep(0.4); return null; end $$;
      create constraint trigger linger after insert on event deferrable initially deferred
      for each row when (new.n = 0) execute function linger()`)
    await expect(append(database, 0, 0)).rejects.toThrow("no answer within 300 ms")
    const patient = given(server.url)
    const wasThere = !(await append(patient, 0, 1))
    const [{ rows } = { rows: 0 }] = await plainClient(server.url)`select count(*)::integer as rows from event
      where attempt = ${wasThere ? 0 : 1}`
    expect(rows).toBe(3)
    expect((await plainClient(server.url)`select n from event`).length).toBe(3)
  })
})
