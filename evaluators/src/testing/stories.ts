import { FundingStatus } from "@landfall/domain/topics/funding-observation"
import fc from "fast-check"

const pairs = ["BTC/EURe", "EURe/BTC"]
const transfers = ["one", "two"]
const statuses = FundingStatus.literals

/** Times near the windows of {@link head}, so that events fall before, on and after bounds. */
const offset = fc.oneof(
  fc.integer({ min: -40, max: 10 }).map((s) => (s < 0 ? `-${-s}s` : `+${s}s`)),
  fc.constantFrom("-9999ms", "-10s", "-10001ms", "+1h"),
)
const observed = fc.option(offset).map((at) => (at === null ? "" : ` observed ${at}`))

const price = fc
  .tuple(fc.constantFrom(...pairs), fc.integer({ min: 1, max: 9 }), observed)
  .map(([pair, value, at]) => `emit ref.market_price ${pair} ${value}${at}`)
const inventory = observed.map((at) => `emit state.intent_inventory desk.near${at}`)
const observation = fc
  .tuple(
    fc.constantFrom(...transfers),
    fc.constantFrom(...statuses),
    fc.constantFrom("", "", " bridge FAILED", " bridge PENDING", " revision 1"),
    observed,
  )
  .map(([name, status, more, at]) => `emit ops.funding_observation ${name} ${status}${more}${at}`)
const trade = fc
  .tuple(
    fc.constantFrom(...pairs),
    fc.constantFrom("submitted", "accepted", "rejected", "failed", "settled"),
    observed,
  )
  .map(([pair, status, at]) => `emit exec.trade_result ${pair} %n ${status}${at}`)

const topic = fc.constantFrom(
  "ref.market_price",
  "state.intent_inventory",
  "ops.funding_observation",
  "exec.trade_result",
  "ops.alert",
)

/** What can happen beside events; each fault comes with its end, or stays. */
const fault = fc.oneof(
  topic.map((name) => `lag ${name}`),
  topic.map((name) => `caught up ${name}`),
  fc.constantFrom("pause", "resume", "resume", "crash", "redeliver"),
)

const event = fc.oneof(
  { arbitrary: price, weight: 3 },
  { arbitrary: inventory, weight: 1 },
  { arbitrary: observation, weight: 5 },
  { arbitrary: trade, weight: 2 },
)

const moment = (line: fc.Arbitrary<string>) =>
  fc
    .tuple(
      fc.constantFrom("+1ms", "+999ms", "+1s", "+5s", "+9999ms", "+10s", "+30s"),
      fc.constantFrom("", "", "", " without tick"),
      fc.array(line, { maxLength: 4 }),
    )
    .map(([at, tick, lines]) => [`at ${at}${tick}`, ...lines.map((one) => `  ${one}`)].join("\n"))

const head = (clearAfter: string) => `scenario made up
policy reference_price_stale max_age 10s
policy reference_price_stale clear_after ${clearAfter}
policy inventory_snapshot_stale max_age 10s
policy inventory_snapshot_stale clear_after ${clearAfter}
policy funding_seen_unconfirmed window 10s
policy funding_seen_unconfirmed clear_after ${clearAfter}
policy funding_confirmed_credit_pending window 10s
policy funding_confirmed_credit_pending clear_after ${clearAfter}
policy funding_stuck window 40s
policy funding_stuck clear_after ${clearAfter}
policy executor_submission_failed clear_after 20s
policy expect pair BTC/EURe
policy expect account desk.near
at 09:00:00`

const storyOf = (clearAfter: fc.Arbitrary<string>, line: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(clearAfter, fc.array(moment(line), { minLength: 1, maxLength: 12 })).map(([quiet, moments]) => {
    let commands = 0
    // A command has an id of its own: the same id with another content is no event.
    const numbered = moments.map((text) => text.replaceAll("%n", () => `command-${++commands}`))
    return [head(quiet), ...numbered].join("\n")
  })

/** Made-up scenarios as text, so that a failing one reads as a story. They expect nothing themselves. */
export const storyText = storyOf(
  fc.constantFrom("0s", "0s", "7s"),
  fc.oneof({ arbitrary: event, weight: 5 }, { arbitrary: fault, weight: 1 }),
)

/** Made-up scenarios in which nothing fails and nothing waits: what they raise can be told from their events alone. */
export const plainStoryText = storyOf(fc.constant("0s"), event)
