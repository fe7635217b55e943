import { setTimeout as sleep } from "node:timers/promises"
import { recordedPolicies } from "@landfall/adapters/alerts/policy-store"
import { type Failpoint, failpoints } from "@landfall/adapters/process/failpoint"
import { alertTopic } from "@landfall/domain/topics/alert"
import { readTopic } from "@landfall/sandbox/read-topic"
import { until } from "@landfall/sandbox/until"
import { freePort } from "@landfall/setup/parts/ports"
import { standStill } from "@landfall/setup/parts/stand-still"
import { expect, onTestFinished, test } from "vitest"
import { givenWorld, policyFile, type Spawned, short } from "./given-world.ts"
import { replayEverything } from "./replay.ts"

const given = givenWorld({ history: false })

const killed = { code: null, signal: "SIGKILL" }

const said = (process: Spawned, words: string): Promise<true> =>
  until(`a process to say ${words}`, async () => ((await process.output()).includes(words) ? true : null))

interface Kill {
  readonly point: Failpoint
  /** The version of the policy that it comes with. */
  readonly version: number
  /** The versions that are recorded and the transitions that can be read once it is dead. */
  readonly versions: ReadonlyArray<number>
  readonly transitions: ReadonlyArray<string>
}

/** Each of these processes goes on from where the one before it was killed. */
const kills: ReadonlyArray<Kill> = [
  { point: "after_fetch", version: 1, versions: [1], transitions: [] },
  { point: "in_transaction", version: 2, versions: [1], transitions: [] },
  { point: "after_commit", version: 2, versions: [1, 2], transitions: [] },
  { point: "before_kafka_commit", version: 2, versions: [1, 2], transitions: [] },
  { point: "after_kafka_commit", version: 2, versions: [1, 2], transitions: ["raised 1"] },
]

test("killed at each named point, it goes on from there: each transition and each policy is there once, and replays", async () => {
  expect(kills.map(({ point }) => point)).toEqual([...failpoints])
  const world = given()
  const pair = "POINT/EURe"
  const committed = async () => (await readTopic(world.kafka.brokers, alertTopic)).map(short)
  const versions = async () =>
    (await world.database.transaction(recordedPolicies)).map(({ policy }) => policy.version)
  await world.price(pair)
  for (const { point, version, ...left } of kills) {
    const sentinel = await world.spawn({
      LANDFALL_FAILPOINT: point,
      ALERT_POLICY_FILE: await world.policy(policyFile(version)),
    })
    expect(await sentinel.exited, `${point}: ${await sentinel.output()}`).toEqual(killed)
    expect(await sentinel.output()).toContain(`failpoint ${point}, passing 1: kill`)
    expect(await versions(), point).toEqual(left.versions)
    expect(await committed(), point).toEqual(left.transitions)
  }
  const last = await world.spawn({ ALERT_POLICY_FILE: await world.policy(policyFile(2)) })
  await said(last, "read to their end")
  await world.price(pair)
  await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  await last.stop()
  expect(await last.exited).toEqual({ code: 0, signal: null })
  expect(await committed()).toEqual(["raised 1", "cleared 1", "raised 2"])
  const replay = await replayEverything(world)
  expect(replay.alerts.filter(({ same }) => !same)).toEqual([])
  expect(replay.unexpected).toEqual([])
})

test("stopped with its alerts written but not committed, it is succeeded; going on, it ends, and each is there once", async () => {
  const world = given()
  const pair = "STOP/EURe"
  const ALERT_POLICY_FILE = await world.policy(policyFile(2))
  const zombie = await world.spawn({ LANDFALL_FAILPOINT: "before_kafka_commit:stop", ALERT_POLICY_FILE })
  await world.price(pair)
  await said(zombie, "failpoint before_kafka_commit")
  const successor = await world.spawn({ ALERT_POLICY_FILE })
  await world.transitions(pair, ["raised 1"])
  process.kill(zombie.pid, "SIGCONT")
  expect(await zombie.exited).toEqual({ code: 1, signal: null })
  expect(await zombie.output()).toMatch(/another instance (now holds the transactional id|published)/)
  await world.price(pair)
  await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  await successor.stop()
})

/** A minute when asked for by `npm run test:faults -- --full`; what is shorter is still longer than it waits for PostgreSQL: 10 s. */
const outage_ms = process.env["FAULTS_FULL"] === "1" ? 60_000 : 15_000

test("while PostgreSQL stands still it goes on alerting, one that starts meanwhile is not ready, and then goes on", {
  timeout: 120_000 + outage_ms,
}, async () => {
  const world = given()
  const pair = "STILL/EURe"
  const ALERT_POLICY_FILE = await world.policy(policyFile(2))
  const first = await world.spawn({ ALERT_POLICY_FILE })
  await said(first, "read to their end")
  const goOn = standStill(world.postgres.pid)
  onTestFinished(goOn)
  const since_ms = performance.now()
  await world.price(pair)
  await world.transitions(pair, ["raised 1"])
  await first.stop()
  const HTTP_PORT = String(await freePort())
  const second = await world.spawn({ ALERT_POLICY_FILE, HTTP_PORT })
  const ready = () => fetch(`http://127.0.0.1:${HTTP_PORT}/health/ready`)
  await until("PostgreSQL to be missed", async () =>
    (await (await ready()).text()).includes("PostgreSQL") ? true : null,
  )
  await sleep(Math.max(0, outage_ms - (performance.now() - since_ms)))
  expect((await ready()).status).toBe(503)
  goOn()
  await until("it to be ready", async () => ((await ready()).ok ? true : null))
  await world.price(pair)
  await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  await second.stop()
  expect(await second.exited).toEqual({ code: 0, signal: null })
})
