import { type Checkpoint, CheckpointMoved, partitionName } from "@landfall/adapters/history/checkpoint"
import { silentMsMax } from "@landfall/adapters/history/silent-holders"
import { SnapshotMoved, type StoredRow } from "@landfall/adapters/history/snapshot-table"
import type { HistoryTables } from "@landfall/adapters/history/tables"
import { type Database, DatabaseError, type Transaction } from "@landfall/adapters/postgres/transaction"
import { emptyLog } from "@landfall/adapters/transparency-log/merkle-log"
import { AnswerLost, type Backend, type SimulatedPostgres } from "./postgres.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

export interface DatabaseOptions {
  readonly time: VirtualTime
  readonly postgres: SimulatedPostgres
  readonly process: Process
  readonly random: Random
}

/** A transaction as its client has it. Once its connection broke, nothing that was asked of it is ever answered. */
interface Client extends Transaction {
  readonly backend: Backend
  /** Asks the backend something. */
  readonly ask: <Value>(run: () => Value | Promise<Value>, length_ms_max?: number) => Promise<Value>
  lockTimeout_ms: number
}

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {})
const deadline_ms_default = 30_000

/**
 * The database as a process has it, with what `openDatabase` promises: one transaction after another, and after a failure a new
 * connection, while the old one's transaction may still be committed, or hold its locks for a while.
 */
export const simulatedDatabase = ({ time, postgres, process, random }: DatabaseOptions): Database => {
  const run = <Result>(
    work: (transaction: Transaction) => Promise<Result>,
    deadline_ms: number,
  ): Promise<Result> =>
    new Promise<Result>((resolve, reject) => {
      let dead = false
      let committing = false
      const backend = postgres.open(process)
      // The server notices a closed connection soon, or when it looks for one the next time.
      const letGo = (): void => {
        if (committing) return
        time.at(time.now() + random.int(0, random.chance(0.1) ? 600 : 20), () => postgres.rollBack(backend))
      }
      process.onDeath(letGo)
      const giveUp = (error: unknown): void => {
        if (dead) return
        dead = true
        clearTimeout(timer)
        letGo()
        reject(error)
      }
      const fail = (error: unknown): void => giveUp(new DatabaseError(`PostgreSQL: ${String(error)}`, error))
      const timer = setTimeout(() => fail(new Error(`no answer within ${deadline_ms} ms`)), deadline_ms)
      const ask = async <Value>(run: () => Value | Promise<Value>, length_ms_max = 0): Promise<Value> => {
        if (dead) return never()
        try {
          if (length_ms_max > 0) {
            await process.wait(random.int(0, length_ms_max))
            postgres.requireUp()
            if (random.chance(postgres.faults().failing / 8)) {
              postgres.rollBack(backend)
              throw new AnswerLost("the backend was terminated in the transaction")
            }
          }
          if (backend.state !== "open") throw new AnswerLost("terminating connection")
          backend.heard_ms = time.now()
          const value = await run()
          return dead ? never() : value
        } catch (error) {
          // What the tables find wrong is thrown to who asked; what is wrong with the connection never comes back to it.
          if (error instanceof CheckpointMoved || error instanceof SnapshotMoved) throw error
          fail(error)
          return never()
        }
      }
      const commit = async (): Promise<void> => {
        await process.wait(random.int(0, 5))
        await process.step("before COMMIT")
        postgres.requireUp()
        const fate = random.next() / Math.max(postgres.faults().failing, 1e-9)
        if (fate < 0.25) throw new AnswerLost("the COMMIT was lost")
        if (fate < 0.5) {
          // It is on its way, and nobody will hear when it has arrived.
          committing = true
          time.at(time.now() + random.int(1, 3_000), () => {
            if (backend.state === "open") postgres.commit(backend)
          })
          await process.wait(random.int(1, 50))
          throw new AnswerLost("no answer to COMMIT came in time")
        }
        postgres.commit(backend)
        await process.step("after COMMIT")
        if (fate < 1) throw new AnswerLost("the answer to COMMIT was lost")
      }
      const client: Client = {
        backend,
        ask,
        lockTimeout_ms: Number.POSITIVE_INFINITY,
        // The one statement that a writer asks by itself is whether PostgreSQL is there.
        query: () => ask(() => Object.assign([], { count: 0 }) as never, 3),
        // And the one setting that it makes is for how long it waits for locks.
        script: async () => {
          client.lockTimeout_ms = 5_000
        },
        copyIn: () => Promise.reject(new Error("rows are written by the tables of the simulation")),
        copyOut: () => Promise.reject(new Error("nothing reads rows in the simulation")),
      }
      work(client).then(
        (value) => {
          if (dead) return
          commit().then(() => {
            if (dead) return
            dead = true
            clearTimeout(timer)
            resolve(value)
          }, fail)
        },
        (error: unknown) => giveUp(error),
      )
    })
  let tail: Promise<unknown> = Promise.resolve()
  return {
    transaction: (work, { deadlineMs = deadline_ms_default } = {}) => {
      const mine = tail.then(() => run(work, deadlineMs))
      tail = mine.catch(() => {})
      return mine
    },
    close: async () => {},
  }
}

/** The tables of a history writer over the simulated database. */
export const simulatedTables = ({ time, postgres, random }: DatabaseOptions): HistoryTables => {
  const of = (transaction: Transaction): Client => transaction as Client

  const lock = async ({ backend, lockTimeout_ms }: Client, names: ReadonlyArray<string>): Promise<void> => {
    const until_ms = time.now() + lockTimeout_ms
    while (!postgres.lock(backend, names)) {
      if (time.now() >= until_ms) throw new Error("canceling statement due to lock timeout")
      await Promise.race([postgres.released(), time.sleep(Math.min(1_000, until_ms - time.now()))])
      if (backend.state !== "open") throw new AnswerLost("terminating connection")
    }
  }

  const found = ({ backend }: Client, name: string): Checkpoint | undefined =>
    backend.writes.checkpoints.get(name) ?? postgres.checkpoints.get(name)

  return {
    endSilentHolders: (transaction) => of(transaction).ask(() => postgres.endSilent(silentMsMax), 3),
    lockCheckpoints: (transaction, partitions) => {
      const client = of(transaction)
      return client.ask(async () => {
        const names = partitions.map(partitionName)
        await lock(client, names)
        return new Map(
          names.flatMap((name) => {
            const checkpoint = found(client, name)
            return checkpoint === undefined ? [] : [[name, checkpoint] as const]
          }),
        )
      }, 5)
    },
    createCheckpoint: (transaction, { topic, partition, topicId, firstOffset }, now_ms) => {
      const client = of(transaction)
      const name = partitionName({ topic, partition })
      return client.ask(async () => {
        // Whoever creates one that another is creating waits for that one's end.
        await lock(client, [`create ${name}`])
        if (postgres.checkpoints.has(name)) return
        const empty = { last: null, log: emptyLog, duplicates: 0, deadLetters: 0, updatedAtMs: now_ms }
        const bounds = { topicId, firstOffset, nextOffset: firstOffset }
        client.backend.writes.checkpoints.set(name, { topic, partition, ...bounds, ...empty })
      })
    },
    moveCheckpoints: (transaction, moves) => {
      const client = of(transaction)
      return client.ask(
        () => {
          for (const { from } of moves) {
            const at = found(client, partitionName(from))
            const stands = at?.nextOffset === from.nextOffset && at.log.size === from.log.size
            if (!stands && postgres.guards)
              throw new CheckpointMoved(`another writer moved the checkpoint of ${partitionName(from)}`)
          }
          for (const { to } of moves) client.backend.writes.checkpoints.set(partitionName(to), to)
        },
        random.int(1, 10),
      )
    },
    readStandings: (transaction) => of(transaction).ask(() => new Map()),
    findExisting: (transaction, topic, eventIds) =>
      of(transaction).ask(
        () =>
          new Map(
            eventIds.flatMap((id) => {
              const payload = postgres.ids.get(`${topic.name} ${id}`)?.message.value
              return payload == null ? [] : [[id, payload.toString("utf8")] as const]
            }),
          ),
      ),
    writeEvidence: (transaction, _, events) => {
      const client = of(transaction)
      return client.ask(() => {
        for (const { message, eventId } of events) client.backend.writes.evidence.push({ message, eventId })
      }, 3)
    },
    writeSetAside: (transaction, setAside) => {
      const client = of(transaction)
      return client.ask(() => {
        const { writes } = client.backend
        for (const { message } of setAside.letters) writes.deadLetters.push(message)
        for (const { message } of setAside.repeats) writes.duplicates.push(message)
      })
    },
    snapshot: ({ name }) => {
      const rows = (): ReadonlyMap<string, StoredRow> => postgres.snapshots.get(name) ?? new Map()
      return {
        load: (transaction, keys) =>
          of(transaction).ask(
            () =>
              new Map(
                keys.flatMap((key) => {
                  const row = rows().get(key)
                  return row === undefined ? [] : [[key, row] as const]
                }),
              ),
          ),
        write: (transaction, changes) => {
          const client = of(transaction)
          return client.ask(() => {
            for (const { key, before, after } of changes) {
              const at = rows().get(key)
              if (postgres.guards && (at?.offset !== before?.offset || at?.partition !== before?.partition))
                throw new SnapshotMoved(`another writer changed ${key} of ${name}; nothing was written`)
              client.backend.writes.rows.push({ projection: name, key, after })
            }
          })
        },
      }
    },
  }
}
