import { openDatabase } from "@landfall/adapters/postgres/transaction"
import type { Cleanup } from "@landfall/sandbox/stack/parts"
import { step, type Terminal } from "@landfall/sandbox/terminal"
import { until } from "@landfall/sandbox/until"
import { seededRandom } from "@landfall/simulation/world/random"
import postgres from "postgres"
import { startDeposits } from "./deposits.ts"
import { heal } from "./heal.ts"
import { inject, redeliver } from "./inject.ts"
import { openFindings } from "./judge.ts"
import { awaitLiveness, lagOf } from "./liveness.ts"
import { startLoad } from "./load/load.ts"
import type { Held, Injected, Outcome } from "./outcome.ts"
import { inWords, type Plan, type PlannedFault } from "./plan.ts"
import type { OwnEnd } from "./supervised.ts"
import { openTruth } from "./truth.ts"
import { inTurn, madeAgain, verified } from "./verified.ts"
import { pause, repeatedly, saying } from "./waiting.ts"
import { openWatch } from "./watch.ts"
import { startWorld } from "./world.ts"

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

/** Runs a plan against the real parts: chaos under load, healing, liveness, and everything held against what happened. */
export const runPlan = async (options: RunOptions): Promise<Outcome> => {
  const { plan, rate, folder, terminal, cleanup } = options
  const truth = openTruth()
  const ownEnds: OwnEnd[] = []
  const rivalled = new Set<string>()
  let [fenced, ends] = [0, 0]
  let began_ms = performance.now()
  const since = (): number => performance.now() - began_ms
  const at = (ms: number): string => `${(ms / 1000).toFixed(1).padStart(7)} s`
  const findings = openFindings((rule, how) => terminal.failed(rule, how))

  terminal.heading("Real parts, and the simulated ones")
  const world = await startWorld({
    terminal,
    folder,
    cleanup,
    onOwnEnd: (end) => {
      const isFenced = rivalled.has(end.name) && /another instance/.test(end.lastWords)
      if (isFenced) fenced++
      else ownEnds.push({ ...end, at_ms: since() })
      terminal.line(
        `  ${at(since())}  ${end.name} ${isFenced ? "was fenced by its rival and" : ""} ended by itself: ${end.lastWords.slice(0, 300)}`,
      )
    },
  })
  terminal.heading("Services")
  for (const service of Object.values(world.services))
    await step(
      terminal,
      service.name,
      () =>
        until(`${service.name} to be ready`, async () => ((await service.unready()) === null ? true : null)),
      () => service.url,
    )
  terminal.line(`      logs and data: ${folder}`)

  const sql = postgres(world.postgres.url, {
    max: 2,
    onnotice: () => {},
    connection: { application_name: "chaos" },
  })
  cleanup.add(() => sql.end({ timeout: 1 }))
  const database = openDatabase(world.postgres.url, { applicationName: "chaos-watch" })
  cleanup.add(() => database.close())
  const watch = openWatch(database, truth, findings)
  const random = seededRandom(plan.seed ^ 0x5bd1e995)
  const deposits = startDeposits({ world, truth, sql, random: random.fork() })
  const load = await startLoad({
    brokers: world.kafka.brokers,
    eventsPerSecond: rate,
    seed: random.int(0, 2 ** 31 - 1),
  })
  cleanup.add(load.kill)
  const watching = new AbortController()
  cleanup.add(async () => watching.abort())
  const watched = repeatedly(lookEvery_ms, watching.signal, watch.look, () => {})

  terminal.heading(`Chaos: ${plan.faults.length} faults`)
  began_ms = performance.now()
  const over = new AbortController()
  const injected: Injected[] = []
  const ended = async (stopping: Promise<string | null>): Promise<void> => {
    ends++
    const wrong = await stopping
    if (wrong !== null) findings.add("SIGTERM ends a service in order", wrong)
  }
  const make = async ({ at_ms, fault }: PlannedFault): Promise<void> => {
    await pause(at_ms - since(), over.signal)
    const started_ms = since()
    terminal.line(`  ${at(started_ms)}  ${inWords(fault)}`)
    if (fault.kind === "rival") rivalled.add(fault.service)
    let failed: string | null = null
    try {
      if (fault.kind === "service_ended") ends++
      const wrong = await inject(fault, { world, truth, signal: over.signal })
      if (wrong !== null) findings.add("SIGTERM ends a service in order", wrong)
    } catch (error) {
      failed = saying(error)
      terminal.line(`  ${at(since())}  could not be made: ${fault.kind}: ${failed}`)
    }
    injected.push({ at_ms: started_ms, fault, took_ms: since() - started_ms, failed })
  }
  const faults = plan.faults.map(make)
  await pause(plan.chaos_ms, AbortSignal.any([]))
  over.abort()
  await Promise.all(faults)
  const chaos_ms = since()

  terminal.heading("Healing")
  const restarted = await heal(world)
  if (restarted.length > 0) terminal.line(`  ${restarted.join(", ")} had to be started anew`)
  await deposits.stopSending()
  await deposits.reconcile()
  const events = load.sent()
  await load.stop()
  terminal.line(
    `  ${at(since())}  everything is there again; ${deposits.all().length} deposits, ${events} events`,
  )

  const liveness = await awaitLiveness({
    world,
    deposits,
    truth,
    sql,
    deadline_ms: liveness_ms,
    signal: AbortSignal.any([]),
  })
  for (const { what, after_ms, missing } of liveness)
    if (after_ms === null) terminal.failed(what, missing)
    else terminal.done(what, "", after_ms)
  await deposits.stop()
  watching.abort()
  await watched
  // Who publishes ends first, and what was published is recorded: then nothing is under way.
  const { "history-writer": writer, ...publishing } = world.services
  for (const service of Object.values(publishing)) await ended(service.stop())
  // A message behind each last transaction: the checkpoint moves over the transaction's marker with the next message only.
  await redeliver(world, { messages: 1 }, over.signal)
  await until("all of it to be recorded", async () => ((await lagOf(writer)).length === 0 ? true : null))
  await ended(writer.stop())

  await watch.look()
  terminal.heading("The record")
  for (const { name, lastWords } of ownEnds)
    findings.add("no service ends by itself", `${name}: ${lastWords}`)
  const whole = [
    await verified(world.postgres.url, world.kafka.brokers),
    await madeAgain(sql, world.kafka.brokers),
    ...(await inTurn(sql)),
  ]
  for (const { what, seen, broken } of whole)
    if (broken.length === 0) terminal.done(what, seen, 0)
    else terminal.failed(what, broken.slice(0, 5).join("\n          "))
  const { negatives, observations, transitions, inventories } = watch.judged
  const looked = `${watch.looks()} looks at ${watch.rows()} rows as they came`
  const along: ReadonlyArray<readonly [rule: string, seen: string]> = [
    [
      "no negative conclusion from an absent source",
      `${negatives} deposits called gone, in ${observations} observations`,
    ],
    ["nothing is spendable before credit", `${inventories} inventories`],
    ["each place is taken once", looked],
    ["the checkpoint only moves on", looked],
    ["the Merkle root stands for its rows", looked],
    ["evidence can be read", looked],
    ["each revision once, in order", `${observations} observations as they came`],
    ["each alert is raised and cleared in turn, once each", `${transitions} transitions as they came`],
    ["SIGTERM ends a service in order", `${ends} times`],
    ["no service ends by itself", `${fenced} were fenced by a second instance, and ended as they should`],
  ]
  const brokenBy = (rule: string): ReadonlyArray<string> =>
    findings
      .all()
      .filter((finding) => finding.rule === rule)
      .map(({ how }) => how)
  const held = along.map(([what, seen]): Held => ({ what, seen, broken: brokenBy(what) }))
  const sent = deposits.all()
  return {
    seed: plan.seed,
    minutes: options.minutes,
    rate,
    injected: injected.sort((left, right) => left.at_ms - right.at_ms),
    events,
    chaos_ms,
    deposits: {
      bitcoin: sent.filter(({ chain }) => chain === "bitcoin").length,
      gnosis: sent.filter(({ chain }) => chain === "gnosis").length,
      replaced: sent.filter(({ replaced_by }) => replaced_by !== null).length,
    },
    liveness,
    held: [...held, ...whole],
    ownEnds,
    remarks: [
      ...Array.from(deposits.troubles(), ([trouble, times]) => `${trouble} (${times} times)`),
      ...load.troubles().slice(0, 10),
    ],
  }
}
