import { openDatabase } from "@landfall/adapters/postgres/transaction"
import type { Cleanup } from "@landfall/sandbox/stack/ending"
import { step, type Terminal } from "@landfall/sandbox/terminal"
import { until } from "@landfall/sandbox/until"
import { seededRandom } from "@landfall/simulation/world/random"
import postgres from "postgres"
import { type Book, openBook } from "./book.ts"
import { type Deposits, startDeposits } from "./deposits.ts"
import { heal } from "./heal.ts"
import { heldAlong } from "./held.ts"
import { redeliver } from "./inject.ts"
import { awaitLiveness, type Liveness, lagOf } from "./liveness.ts"
import { type Load, startLoad } from "./load/load.ts"
import type { Held, Outcome } from "./outcome.ts"
import type { Plan } from "./plan.ts"
import { openTruth, type Truth } from "./truth.ts"
import { unrest } from "./unrest.ts"
import { type Attesting, inTurn, madeAgain, openAttesting } from "./verified.ts"
import { repeatedly, saying } from "./waiting.ts"
import { openWatch, type Watch } from "./watch.ts"
import { startWorld, type World } from "./world.ts"

export interface RunOptions {
  readonly plan: Plan
  readonly minutes: number
  readonly rate: number
  readonly folder: string
  readonly terminal: Terminal
  readonly cleanup: Cleanup
}

const lookEvery_ms = 3_000
const liveness_ms = 60_000

/** What a run has at hand. */
interface Stage {
  readonly options: RunOptions
  readonly book: Book
  readonly world: World
  readonly truth: Truth
  readonly sql: postgres.Sql
  readonly watch: Watch
  readonly deposits: Deposits
  readonly load: Load
  readonly attesting: Attesting
}

/** Runs a plan against the real parts: chaos under load, healing, liveness, and everything held against what happened. */
export const runPlan = async (options: RunOptions): Promise<Outcome> => {
  const { plan, terminal, cleanup, minutes, rate } = options
  const stage = await setTheStage(options)
  const { book, watch, deposits, load } = stage
  const watching = new AbortController()
  cleanup.add(async () => watching.abort())
  const watched = repeatedly(lookEvery_ms, watching.signal, watch.look, () => {})

  terminal.heading(`Chaos: ${plan.faults.length} faults`)
  book.start()
  const injected = await unrest({ ...stage, plan })
  const chaos_ms = book.since()
  const events = load.sent()

  terminal.heading("Healing")
  const liveness = await recover(stage)
  watching.abort()
  await watched
  await comeToRest(stage)

  terminal.heading("The record")
  const whole = await judgeRecord(stage)
  const sent = deposits.all()
  return {
    seed: plan.seed,
    minutes,
    rate,
    injected,
    events,
    chaos_ms,
    deposits: {
      bitcoin: sent.filter(({ chain }) => chain === "bitcoin").length,
      gnosis: sent.filter(({ chain }) => chain === "gnosis").length,
      replaced: sent.filter(({ replaced_by }) => replaced_by !== null).length,
    },
    liveness,
    held: [...heldAlong(book, watch), ...whole],
    ownEnds: book.ownEnds(),
    remarks: [
      ...Array.from(deposits.troubles(), ([trouble, times]) => `${trouble} (${times} times)`),
      ...Array.from(
        Map.groupBy(load.troubles(), (trouble) => trouble),
        ([trouble, times]) => `the load: ${trouble} (${times.length} times)`,
      ),
    ],
  }
}

const setTheStage = async (options: RunOptions): Promise<Stage> => {
  const { plan, rate, folder, terminal, cleanup } = options
  const book = openBook(terminal)
  const truth = openTruth()
  terminal.heading("Real parts, and the simulated ones")
  const world = await startWorld({ terminal, folder, cleanup, onOwnEnd: book.onOwnEnd })
  terminal.heading("Services")
  for (const service of Object.values(world.services)) {
    const isReady = async () => ((await service.unready()) === null ? true : null)
    const ready = () => until(`${service.name} to be ready`, isReady)
    await step(terminal, service.name, ready, () => service.url)
  }
  terminal.line(`      logs and data: ${folder}`)
  const { url } = world.postgres
  const sql = postgres(url, { max: 2, onnotice: () => {}, connection: { application_name: "chaos" } })
  cleanup.add(() => sql.end({ timeout: 1 }))
  const database = openDatabase(url, { applicationName: "chaos-watch" })
  cleanup.add(() => database.close())
  const random = seededRandom(plan.seed ^ 0x5bd1e995)
  const deposits = startDeposits({ world, truth, sql, random: random.fork() })
  const { brokers } = world.kafka
  const load = await startLoad({ brokers, eventsPerSecond: rate, seed: random.int(0, 2 ** 31 - 1) })
  cleanup.add(load.kill)
  const attesting = await openAttesting(url, brokers, folder)
  const watch = openWatch(database, truth, book.findings)
  return { options, book, world, truth, sql, watch, deposits, load, attesting }
}

/** Mends everything, and waits for what must come to hold then. */
const recover = async (stage: Stage): Promise<ReadonlyArray<Liveness>> => {
  const { options, world, deposits, load, book, truth, sql } = stage
  const { terminal } = options
  const restarted = await heal(world)
  if (restarted.length > 0) book.tell(`${restarted.join(", ")} had to be started anew`)
  await deposits.stopSending()
  await deposits.reconcile()
  await load.stop()
  book.tell(`everything is there again; ${deposits.all().length} deposits, ${load.sent()} events`)
  const liveness = await awaitLiveness({ world, deposits, truth, sql, deadline_ms: liveness_ms })
  for (const { what, after_ms, missing, waited } of liveness)
    if (after_ms === null) terminal.failed(what, missing)
    else terminal.done(what, waited === "" ? "" : `waited last for ${waited}`, after_ms)
  await deposits.stop()
  return liveness
}

/** Ends the services in order: who publishes first, so that the writer records the last of it. */
const comeToRest = async ({ book, world, watch }: Stage): Promise<void> => {
  const { "history-writer": writer, ...publishing } = world.services
  for (const service of Object.values(publishing)) book.onEnded(await service.stop())
  // A message behind each last transaction: the checkpoint moves over the transaction's marker with the next message only.
  await redeliver(world, { messages: 1 }, new AbortController().signal)
  // What cannot be recorded was told of already; the rest of the record is still to be judged.
  const isRecorded = async () => ((await lagOf(writer)).length === 0 ? true : null)
  await until("all of it to be recorded", isRecorded).catch((error: unknown) => book.tell(saying(error)))
  book.onEnded(await writer.stop())
  await watch.look()
}

/** Holds the whole record against Kafka, the attestations, and itself made again. */
const judgeRecord = async ({ options, world, sql, attesting }: Stage): Promise<ReadonlyArray<Held>> => {
  const { terminal } = options
  const checks: ReadonlyArray<() => Promise<ReadonlyArray<Held>>> = [
    async () => [await attesting.verify()],
    async () => [await madeAgain(sql, world.kafka.brokers)],
    () => inTurn(sql),
  ]
  const all: Held[] = []
  for (const check of checks) {
    const began_ms = performance.now()
    for (const held of await check()) {
      all.push(held)
      if (held.broken.length === 0) terminal.done(held.what, held.seen, performance.now() - began_ms)
      else terminal.failed(held.what, held.broken.slice(0, 5).join("\n          "))
    }
  }
  return all
}
