import { Socket } from "node:net"
import postgres from "postgres"
import { chunksOf, copyInto } from "./copy.ts"

/**
 * The one way to PostgreSQL. `postgres` 3.4.9 loses track of a transaction when its backend dies: the callback of a dead
 * transaction goes on and its late statements land inside the next one, acknowledged rows can vanish, statements can hang
 * for ever (porsager/postgres #1204, #1186, #1155). What holds: one client a writer, thrown away at the first failure; a
 * dead transaction's callback never settles; a deadline outside; and the caller reads its checkpoint again FOR UPDATE
 * before it retries anything, because a COMMIT whose answer was lost may have happened.
 */
export interface Database {
  /**
   * Runs `work` in one transaction; commits when it resolves. What `work` itself throws is passed on as it is, and nothing
   * was written. After a {@link DatabaseError} nothing is known but this: the transaction may have been committed, and
   * nothing more will be written by it. Transactions of one database run one after another.
   */
  readonly transaction: <Result>(
    work: (transaction: Transaction) => Promise<Result>,
    options?: TransactionOptions,
  ) => Promise<Result>
  /** Closes the connection; a transaction under way is rolled back. */
  readonly close: () => Promise<void>
}

/** What can be done inside a transaction. */
export interface Transaction {
  /** One statement with `$1`-style parameters (text, number, bytes or null); the rows it returned. */
  readonly query: <Row extends object = Record<string, unknown>>(
    text: string,
    parameters?: ReadonlyArray<Parameter>,
  ) => Promise<ReadonlyArray<Row> & { readonly count: number }>
  /** Several statements without parameters. */
  readonly script: (text: string) => Promise<void>
  /** `copy … from stdin`, fed with the given chunks. */
  readonly copyIn: (statement: string, chunks: Iterable<Uint8Array>) => Promise<void>
  /** `copy … to stdout`, as chunks in order; what is not read is skipped when the loop over them ends. */
  readonly copyOut: (statement: string) => Promise<AsyncIterable<Buffer>>
}

export type Parameter = string | number | boolean | Uint8Array | null

export interface TransactionOptions {
  /** `repeatable read read only` gives a report one consistent state. */
  readonly mode?: "read write" | "repeatable read read only"
  readonly deadlineMs?: number
}

export interface DatabaseOptions {
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  /** The role to act as (`landfall_writer`, `landfall_auditor`); the login must be a member of it. */
  readonly role?: string
  /** How long one transaction may take before its connection is given up. */
  readonly deadlineMs?: number
  /**
   * How long the server waits, with the locks that a transaction holds, for a client that says nothing: who was stopped in
   * the midst of it can give up nothing itself. As long as it likes unless told.
   */
  readonly silentMsMax?: number
}

/** PostgreSQL did not do what it was asked; the transaction's fate is unknown unless the cause says otherwise. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError"
  /** SQLSTATE, when the server answered with one. */
  readonly code: string | undefined
  constructor(message: string, cause: unknown) {
    super(message, { cause })
    this.code = sqlState(cause)
  }
}

const sqlState = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined

const beginModes = {
  "read write": "read write",
  "repeatable read read only": "isolation level repeatable read read only",
} as const

/** How soon the server notices that the client of a long statement is gone, and lets go of its locks. */
const goneCheckMs = 500

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {})

interface Client {
  readonly sql: postgres.Sql
  dead: boolean
}

interface Address {
  readonly host: ReadonlyArray<string>
  readonly port: ReadonlyArray<number>
  readonly path?: string | false
}

/**
 * A socket that does not wait: COPY ends with two small messages, and the second would be held back until the server has
 * acknowledged the first, which it puts off for 40 ms; four times a batch.
 */
const connectSocket = ({ host, port, path }: Address): Socket => {
  const [name = "127.0.0.1"] = host
  const socket = Object.assign(new Socket().setNoDelay(true), { host: name }) // TLS asks for this name
  return path ? socket.connect(path) : socket.connect(port[0] ?? 5432, name)
}

/** Opens a database; the first transaction connects. */
export const openDatabase = (url: string, options: DatabaseOptions): Database => {
  const open = (): Client => {
    const client: Client = {
      dead: false,
      sql: postgres(url, {
        max: 1,
        idle_timeout: 0,
        max_lifetime: null,
        connect_timeout: 5,
        onnotice() {},
        ...({ socket: connectSocket } as object), // not in the client's types
        fetch_types: false, // its query at connect rejects where no one can catch it; arrays are written as '{…}' text
        connection: {
          application_name: options.applicationName,
          client_connection_check_interval: goneCheckMs,
          idle_in_transaction_session_timeout: options.silentMsMax ?? 0,
          ...(options.role === undefined ? {} : { role: options.role }),
        },
        onclose() {
          client.dead = true
        },
      }),
    }
    return client
  }
  let current = open()
  let closed = false
  let tail: Promise<unknown> = Promise.resolve()

  const discard = (client: Client): void => {
    client.dead = true
    if (current === client && !closed) current = open()
    client.sql.end({ timeout: 0 }).catch(() => {}) // closes the socket, so the server rolls back
  }

  const run = <Result>(
    work: (transaction: Transaction) => Promise<Result>,
    { mode = "read write", deadlineMs = options.deadlineMs ?? 30_000 }: TransactionOptions,
  ): Promise<Result> => {
    if (closed) return Promise.reject(new DatabaseError("the database was closed", null))
    // An idle connection may have died since: `onclose` marked it, and a new one costs less than a failed transaction.
    if (current.dead) discard(current)
    const client = current
    return new Promise<Result>((resolve, reject) => {
      const giveUp = (error: unknown): void => {
        clearTimeout(timer)
        discard(client)
        reject(error)
      }
      const fail = (error: unknown): void =>
        giveUp(new DatabaseError(`PostgreSQL (${options.applicationName}): ${text(error)}`, error))
      const timer = setTimeout(() => fail(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
      // After any failure the callback hangs on purpose: if it went on, its statements could reach another transaction.
      const guard = <Value>(promise: Promise<Value>): Promise<Value> =>
        promise.then(
          (value) => (client.dead ? never<Value>() : value),
          (error) => {
            fail(error)
            return never<Value>()
          },
        )
      const begun = client.sql.begin(beginModes[mode], async (sql) => {
        try {
          const value = await work(guarded(sql, client, guard))
          return client.dead ? never<Result>() : value
        } catch (error) {
          giveUp(error) // what `work` itself threw: the failures of statements never come back to it
          return never<Result>()
        }
      })
      begun.then((value) => {
        clearTimeout(timer)
        resolve(value as Result)
      }, fail)
    })
  }

  return {
    transaction: (work, transactionOptions = {}) => {
      const mine = tail.then(() => run(work, transactionOptions))
      tail = mine.catch(() => {})
      return mine
    },
    close: async () => {
      closed = true
      await current.sql.end({ timeout: 1 }).catch(() => {})
    },
  }
}

type Guard = <Value>(promise: Promise<Value>) => Promise<Value>

const guarded = (sql: postgres.TransactionSql, client: Client, guard: Guard): Transaction => {
  const alive = <Value>(start: () => Promise<Value>): Promise<Value> =>
    client.dead ? never<Value>() : guard(start())
  return {
    query: (statement, parameters = []) =>
      alive(
        async () => (await sql.unsafe(statement, [...parameters] as never[], { prepare: true })) as never,
      ),
    script: (statements) =>
      alive(async () => {
        await sql.unsafe(statements)
      }),
    copyIn: (statement, chunks) => alive(() => copyInto(sql.unsafe(statement), chunks)),
    copyOut: (statement) => alive(async () => chunksOf(await sql.unsafe(statement).readable(), guard)),
  }
}

const text = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error)
