import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { givenHouse, type House } from "./given-house.ts"
import { type Ran, runCli } from "./run-cli.ts"

let house: House
let dir = ""
beforeAll(async () => {
  house = await givenHouse()
  dir = await mkdtemp(join(tmpdir(), "landfall-cli-verify-"))
}, 120_000)
afterAll(async () => {
  await house.close()
  await rm(dir, { recursive: true, force: true })
}, 60_000)

const landfall = (...args: ReadonlyArray<string>): Promise<Ran> =>
  runCli(args, { DATABASE_URL: house.url, KAFKA_BROKERS: house.kafka.brokers })
const file = (name: string): string => join(dir, name)

const price = (observed_ms: number): MarketPrice => {
  const observed_at = timestamp(observed_ms)
  const price_event_id = priceEventId("BTC/EURe", "kraken", observed_at)
  return { price_event_id, pair: "BTC/EURe", price: "60001", source: "kraken", observed_at }
}

const tamper = (table: string, change: string): Promise<void> =>
  house.database.transaction((transaction) =>
    transaction.script(
      `alter table ${table} disable trigger append_only; ${change};
       alter table ${table} enable always trigger append_only`,
    ),
  )

// One story, from the key to the tampering: each step stands on those before it.
describe("landfall verify", () => {
  it("makes a key that only its owner can read, prints the public one, and never overwrites", async () => {
    const made = await landfall("verify", "new-key", "desk.example/landfall", file("key"))
    expect(made).toMatchObject({ code: 0, stderr: "" })
    expect(made.stdout).toMatch(/^desk\.example\/landfall\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}\n$/)
    await writeFile(file("pub"), made.stdout)
    expect((await stat(file("key"))).mode & 0o777).toBe(0o600)
    const before = await readFile(file("key"), "utf8")
    const again = await landfall("verify", "new-key", "desk.example/landfall", file("key"))
    expect(again).toMatchObject({ code: 1, stdout: "" })
    expect(again.stderr).toContain("was left as it is")
    expect(await readFile(file("key"), "utf8")).toBe(before)
  })

  it("says that the record is intact: roots, states, alerts, and each message as Kafka has it", async () => {
    const ran = await landfall("verify", "--json")
    expect(ran.code, ran.stdout).toBe(0)
    const found = JSON.parse(ran.stdout)
    expect(found).toMatchObject({
      ...{ intact: true, dead_letters: 1, difference_count: 0, differences: [], gap_count: 0, notes: [] },
      ...{ attested: null, against: null },
    })
    expect(found.evidence).toBeGreaterThan(8)
    expect(found.logs).toContainEqual(
      expect.objectContaining({
        log: "ref.market_price/0",
        compared_with_kafka: { from: 0, to: expect.any(Number) },
      }),
    )
    expect(ran.stderr).not.toContain("not held against the topics")
    const people = await runCli(["verify"], { DATABASE_URL: house.url })
    expect(people).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(
        "the evidence is not held against the topics: KAFKA_BROKERS is not set",
      ),
    })
    expect(people.stdout).toMatch(/ops\.alert\/0 +\d/)
    expect(people.stdout).toMatch(/intact: \d+ events, \d+ rows, 1 dead letters/)
  })

  it("attests, and holds what grew against it", async () => {
    await chmod(file("key"), 0o644)
    const ran = await landfall("verify", "--attest", file("log"), "--key", file("key"), "--json")
    expect(ran.code, ran.stdout).toBe(0)
    expect(ran.stderr).toContain(`chmod 600 ${file("key")}`)
    const before = JSON.parse(ran.stdout)
    expect(before).toMatchObject({ intact: true, attested: { file: file("log") } })
    await house.publish([{ topic: marketPriceTopic.name, record: price(Date.now()) }])
    await house.record()
    const grown = await landfall("verify", "--against", file("log"), "--public-key", file("pub"), "--json")
    expect(grown.code, grown.stdout).toBe(0)
    expect(JSON.parse(grown.stdout)).toMatchObject({
      evidence: before.evidence + 1,
      against: { attestations: 1, latest_at: before.attested.at },
    })
  })

  it("proves an event to whoever has the public key, without database or Kafka", async () => {
    const [alert] = house.alerts
    const id = alert?.alert_event_id ?? ""
    const attested = ["--against", file("log"), "--public-key", file("pub")]
    const made = await landfall("why", id, "--proof", ...attested)
    expect(made.code, made.stderr).toBe(0)
    expect(made.stdout).toMatch(/^c2sp\.org\/tlog-proof@v1\nextra \S+\nindex \d+\n/)
    await writeFile(file("proof"), made.stdout)
    const proof = (name: string, ...more: ReadonlyArray<string>) =>
      runCli(["verify", "proof", file(name), "--public-key", file("pub"), ...more], {})
    const checked = await proof("proof", "--json")
    expect(checked, checked.stderr).toMatchObject({ code: 0 })
    const shown = JSON.parse(checked.stdout)
    expect(shown).toMatchObject({
      holds: true,
      log: expect.stringContaining("desk.example/landfall/ops.alert/"),
    })
    expect(JSON.parse(shown.value)).toMatchObject({ alert_event_id: id })
    await writeFile(file("forged"), made.stdout.replace(/index \d+/, "index 99"))
    const forged = await proof("forged")
    expect(forged).toMatchObject({ code: 3, stdout: expect.stringContaining("the proof does not hold") })
  })

  it("refuses what does not fit together, and files that are not what they should be", async () => {
    const noEvent = "00000000-0000-4000-8000-000000000000"
    const cases = [
      ["--attest alone", ["verify", "--attest", "log"], 2, "go together"],
      ["a key file that is none", ["verify", "--attest", "log", "--key", "pub"], 1, "this is no key file"],
      ["a secret key", ["verify", "--against", "log", "--public-key", "key"], 1, "this is the secret key"],
      ["no attestations", ["verify", "--against", "pub", "--public-key", "pub"], 1, "this is no attestation"],
      [
        "a proof of nothing",
        ["why", noEvent, "--proof", "--against", "log", "--public-key", "pub"],
        1,
        "there is no event",
      ],
    ] as const
    const names = new Set<string>(["log", "key", "pub"])
    const runs = cases.map(async ([what, args, code, reason]) => {
      const words = args.map((word, place) => (place > 0 && names.has(word) ? file(word) : word))
      const ran = await landfall(...words)
      expect(ran, what).toMatchObject({ code, stdout: "" })
      expect(ran.stderr, what).toContain(reason)
      expect(ran.stderr, what).not.toContain("PRIVATE+KEY+desk")
    })
    await Promise.all(runs)
  })

  it("finds what was tampered with, names it, and signs nothing", async () => {
    const before = await readFile(file("log"))
    const [alert] = house.alerts
    await tamper("ops_alerts", `delete from ops_alerts where event_id = '${alert?.alert_event_id}'`)
    await tamper("market_prices", "update market_prices set payload = replace(payload, '60001', '99999')")
    const ran = await landfall("verify", "--attest", file("log"), "--key", file("key"))
    expect(ran.code).toBe(3)
    for (const named of [
      /ref\.market_price\/\d\/\d+: the row does not fit its leaf hash: it was changed/,
      /ref\.market_price\/\d\/\d+: what is recorded is not the message that Kafka has/,
      /ops\.alert\/\d\/\d+: Kafka has a message here, and it is recorded nowhere/,
      /is what deciding again gives, and it is not recorded|deciding it again gives/,
      /nothing was attested/,
    ])
      expect(ran.stdout).toMatch(named)
    expect(await readFile(file("log"))).toEqual(before)
    const json = await landfall("verify", "--against", file("log"), "--public-key", file("pub"), "--json")
    expect(json.code).toBe(3)
    const { differences } = JSON.parse(json.stdout)
    expect(differences).toContainEqual(expect.objectContaining({ subject: "attestation" }))
    expect(differences).toContainEqual(expect.objectContaining({ subject: "alert" }))
  })
})

// The last, because the log goes on elsewhere afterwards.
describe("landfall adopt", () => {
  const adopt = (...args: ReadonlyArray<string>): Promise<Ran> =>
    landfall("adopt", marketPriceTopic.name, "--why", "the cluster was restored", ...args)

  it("refuses a topic that is the recorded one", async () => {
    const ran = await adopt("--yes")
    expect(ran).toMatchObject({ code: 1, stdout: "" })
    expect(ran.stderr).toContain("ref.market_price is the topic that was recorded")
  })

  it("shows where a recreated topic would go on, and adopts it under the name of who did it", async () => {
    await house.database.transaction((transaction) =>
      transaction.query("update checkpoints set topic_id = gen_random_uuid() where topic = $1", [
        marketPriceTopic.name,
      ]),
    )
    const looked = await adopt("--dry-run", "--json")
    expect(looked.code).toBe(0)
    const plan = JSON.parse(looked.stdout) as { partitions: ReadonlyArray<Record<string, unknown>> }
    expect(plan).toMatchObject({ done: false, partitions: [{ generation: 2 }, { generation: 2 }] })
    const done = await adopt("--yes", "--by", "ada", "--json")
    expect(JSON.parse(done.stdout)).toMatchObject({ done: true, partitions: plan.partitions })
    const rows = await house.database.transaction((transaction) =>
      transaction.query("select adopted_by, reason from log_generations"),
    )
    expect([...rows]).toEqual(
      Array.from({ length: 2 }, () => ({ adopted_by: "ada", reason: "the cluster was restored" })),
    )
    expect((await adopt("--yes")).stderr).toContain("is the topic that was recorded")
  })
})
