import { type Random, seededRandom } from "@landfall/simulation/world/random"
import { bridgeFaults, tickerFaults, verifierFaults, wireFaults } from "./lies.ts"

/** The services that are killed, stopped and told to end. */
export const serviceNames = [
  "history-writer",
  "liquidity-manager",
  "inventory-sync",
  "market-reference-ingest",
  "ops-sentinel",
] as const
export type ServiceName = (typeof serviceNames)[number]

/** The services that publish under a transactional id, so that a second instance ends the first. */
export const publishers = [
  "liquidity-manager",
  "inventory-sync",
  "market-reference-ingest",
  "ops-sentinel",
] as const satisfies ReadonlyArray<ServiceName>
export type Publisher = (typeof publishers)[number]

/** A part that is away or stands still for a while. */
type Outage =
  | "postgres_stopped"
  | "broker_stopped"
  | "broker_paused"
  | "bitcoind_stopped"
  | "bitcoind_paused"
  | "anvil_refusing"
  | "anvil_paused"
  | "esplora_frozen"
/** A part that answers wrongly for a while. */
type Wrong = "esplora_wrong" | "bridge_wrong" | "verifier_wrong" | "ticker_wrong"

/** What one fault is. Times are in milliseconds; `delay_ms` is how long a killed process stays away. */
export type Fault =
  | { readonly kind: "service_killed"; readonly service: ServiceName; readonly delay_ms: number }
  | { readonly kind: "service_paused"; readonly service: ServiceName; readonly lasts_ms: number }
  | { readonly kind: "service_ended"; readonly service: ServiceName; readonly times: 1 | 2 }
  | { readonly kind: "backends_terminated"; readonly every_ms: number; readonly lasts_ms: number }
  | { readonly kind: "postgres_killed" | "broker_killed" }
  | { readonly kind: Outage; readonly lasts_ms: number }
  | { readonly kind: Wrong; readonly lie: string; readonly lasts_ms: number }
  | { readonly kind: "bitcoin_reorg"; readonly depth: number; readonly empty: boolean }
  | { readonly kind: "gnosis_reorg"; readonly depth: number; readonly gone_ms: number }
  | { readonly kind: "poison"; readonly messages: number; readonly salt: number }
  | { readonly kind: "redelivered"; readonly messages: number }
  | { readonly kind: "second_writer"; readonly lasts_ms: number; readonly ending: "SIGKILL" | "SIGTERM" }
  | { readonly kind: "zombie_writer"; readonly lasts_ms: number }
  | { readonly kind: "rival"; readonly service: Publisher; readonly lasts_ms: number }
export type FaultKind = Fault["kind"]

/** A fault, and when it begins, in milliseconds from the start of the chaos. */
export interface PlannedFault {
  readonly at_ms: number
  readonly fault: Fault
}

/** What a seed does in so many minutes; the same seed gives the same plan. */
export interface Plan {
  readonly seed: number
  readonly chaos_ms: number
  readonly faults: ReadonlyArray<PlannedFault>
}

/** The stack works for so long first, so that there is something to lose. */
const calm_ms = 4_000
/** From one fault to the next: often enough that several are under way, seldom enough that some work gets done. */
const gap_ms = { least: 500, most: 5_500 }
/** What a part is given after a fault before it has the next: a start of a service takes seconds on a small machine. */
const respite_ms = 6_000

type Card = (random: Random) => Fault

const seconds = (random: Random, least: number, most: number): number => random.int(least * 1000, most * 1000)

const lasting =
  (kind: Outage, least: number, most: number): Card =>
  (random) => ({ kind, lasts_ms: seconds(random, least, most) })

const wrong =
  (kind: Wrong, lies: ReadonlyArray<string>): Card =>
  (random) => ({ kind, lie: random.pick(lies), lasts_ms: seconds(random, 3, 15) })

const backends =
  (every_ms: number): Card =>
  (random) => ({ kind: "backends_terminated", every_ms, lasts_ms: seconds(random, 2, 6) })

const reorg =
  (depth: number): Card =>
  (random) => ({ kind: "bitcoin_reorg", depth, empty: random.chance(0.5) })

const gnosisReorg =
  (depth: number): Card =>
  (random) => ({ kind: "gnosis_reorg", depth, gone_ms: seconds(random, 0, 4) })

const forEach = <Name extends string>(
  names: ReadonlyArray<Name>,
  card: (name: Name) => Card,
): ReadonlyArray<Card> => names.map(card)

const killed =
  (service: ServiceName): Card =>
  (random) => ({
    kind: "service_killed",
    service,
    delay_ms: random.chance(0.5) ? 0 : seconds(random, 0, 5),
  })
const paused =
  (service: ServiceName): Card =>
  (random) => ({
    kind: "service_paused",
    service,
    lasts_ms: random.chance(0.7) ? seconds(random, 1, 12) : seconds(random, 20, 40),
  })
const ended =
  (service: ServiceName): Card =>
  (random) => ({
    kind: "service_ended",
    service,
    times: random.chance(0.5) ? 2 : 1,
  })
const rival =
  (service: Publisher): Card =>
  (random) => ({
    kind: "rival",
    service,
    lasts_ms: seconds(random, 4, 12),
  })

/** What leaves most services idle for long: a broker is back after seconds, or half a minute on a busy machine. */
const outages: ReadonlyArray<Card> = [
  lasting("postgres_stopped", 3, 60),
  () => ({ kind: "broker_killed" }),
  lasting("broker_stopped", 3, 20),
  lasting("broker_paused", 2, 20),
  (random) => ({ kind: "zombie_writer", lasts_ms: seconds(random, 20, 35) }),
]

/** What the rest of the operation goes on beside. */
const troubles: ReadonlyArray<Card> = [
  ...forEach(serviceNames, killed),
  killed("history-writer"),
  killed("liquidity-manager"),
  ...forEach(serviceNames, paused),
  ...forEach(serviceNames, ended),
  ...forEach(publishers, rival),
  backends(7),
  backends(60),
  backends(300),
  () => ({ kind: "postgres_killed" }),
  lasting("bitcoind_stopped", 2, 20),
  lasting("bitcoind_paused", 2, 20),
  lasting("anvil_refusing", 2, 20),
  lasting("anvil_paused", 2, 20),
  lasting("esplora_frozen", 3, 20),
  wrong("esplora_wrong", wireFaults),
  wrong("bridge_wrong", bridgeFaults),
  wrong("verifier_wrong", verifierFaults),
  wrong("ticker_wrong", tickerFaults),
  reorg(1),
  reorg(2),
  reorg(6),
  reorg(10),
  gnosisReorg(1),
  gnosisReorg(6),
  gnosisReorg(12),
  (random) => ({ kind: "poison", messages: random.int(1, 40), salt: random.int(0, 1_000_000) }),
  (random) => ({ kind: "redelivered", messages: random.int(1, 200) }),
  (random) => ({
    kind: "second_writer",
    lasts_ms: seconds(random, 1, 15),
    ending: random.pick(["SIGKILL", "SIGTERM"] as const),
  }),
]

/** A run goes through all of it again and again, each time in another order. */
const deck: ReadonlyArray<Card> = [...outages, ...troubles, ...troubles]

/** The parts that a fault has for itself: two faults of one part at a time would hide each other. */
export const partsOf = (fault: Fault): ReadonlyArray<string> => {
  switch (fault.kind) {
    case "service_killed":
    case "service_paused":
    case "service_ended":
    case "rival":
      return [fault.service]
    case "backends_terminated":
    case "postgres_killed":
    case "postgres_stopped":
      return ["postgres"]
    case "broker_killed":
    case "broker_stopped":
    case "broker_paused":
    case "poison":
    case "redelivered":
      return ["broker"]
    case "bitcoind_stopped":
    case "bitcoind_paused":
    case "bitcoin_reorg":
      return ["bitcoind"]
    case "anvil_refusing":
    case "anvil_paused":
    case "gnosis_reorg":
      return ["anvil"]
    case "esplora_frozen":
    case "esplora_wrong":
      return ["esplora"]
    case "bridge_wrong":
      return ["bridge"]
    case "verifier_wrong":
      return ["verifier"]
    case "ticker_wrong":
      return ["ticker"]
    case "second_writer":
      return ["second-writer"]
    case "zombie_writer":
      return ["history-writer", "second-writer"]
  }
}

/** How long a fault keeps its parts, in milliseconds. */
export const lastsOf = (fault: Fault): number => {
  if ("lasts_ms" in fault) return fault.lasts_ms
  if ("delay_ms" in fault) return fault.delay_ms
  return "gone_ms" in fault ? fault.gone_ms : 0
}

const shuffled = <Item>(items: ReadonlyArray<Item>, random: Random): Item[] => {
  const left = [...items]
  return Array.from({ length: left.length }, () => left.splice(random.int(0, left.length - 1), 1)).flat()
}

/** Draws what a seed does in so many minutes, which may be a fraction. Pure: the seed alone decides. */
export const planOf = (seed: number, minutes: number): Plan => {
  const random = seededRandom(seed)
  const chaos_ms = Math.round(minutes * 60_000)
  const faults: PlannedFault[] = []
  const busyUntil = new Map<string, number>()
  let hand: Card[] = []
  for (let at_ms = calm_ms; at_ms < chaos_ms; at_ms += random.int(gap_ms.least, gap_ms.most)) {
    if (hand.length === 0) hand = shuffled(deck, random)
    // The first card whose parts are free; the others wait for their turn.
    for (const [place, card] of hand.entries()) {
      const fault = card(random)
      const parts = partsOf(fault)
      if (parts.some((part) => (busyUntil.get(part) ?? 0) > at_ms)) continue
      for (const part of parts) busyUntil.set(part, at_ms + lastsOf(fault) + respite_ms)
      faults.push({ at_ms, fault })
      hand.splice(place, 1)
      break
    }
  }
  return { seed, chaos_ms, faults }
}

/** A fault in words, with its numbers. */
export const inWords = ({ kind, ...rest }: Fault): string => {
  const numbers = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
  return [kind.replaceAll("_", " "), ...numbers].join(", ")
}
