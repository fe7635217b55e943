import { recordEncoder } from "@landfall/domain/codec"
import { topicByName } from "@landfall/domain/registry"
import { AlertCode } from "@landfall/domain/topics/alert"
import { emittable, type LineTime, type Memory, readEmission, transferIdOf } from "./emit.ts"
import { editPolicy, newPolicyFile, type PolicyFile, policyOf } from "./policy-lines.ts"
import type { ExpectedAlert, ExpectedState, Scenario, Step } from "./scenario.ts"
import { instantOf, lengthOf, type Reader, readerOf, ScenarioError, WordError, wordsOf } from "./words.ts"

/** A moment while its lines are read. */
interface OpenMoment {
  readonly line: number
  readonly at_ms: number
  readonly ticks: boolean
  readonly steps: Step[]
  readonly alerts: ExpectedAlert[]
  readonly states: ExpectedState[]
}

/** What has been read so far. */
interface Draft {
  title: string | null
  day: string
  tick_every_ms: number | null
  recorded_ms: number | null
  readonly policyFile: PolicyFile
  /** The line of a policy that is being written and not yet recorded; null when there is none. */
  policyLine: number | null
  firstPolicy: Scenario["policy"] | null
  readonly moments: OpenMoment[]
  readonly memory: Memory
  readonly names: Map<string, string>
}

const heads = ["scenario", "day", "policy", "tick", "at"] as const
const deeds = [
  "emit",
  "duplicate",
  "redeliver",
  "lag",
  "caught",
  "crash",
  "pause",
  "resume",
  "expect",
] as const

/** Reads a scenario. Throws a {@link ScenarioError} with file and line for the first line that cannot be read. */
export const parseScenario = (file: string, text: string): Scenario => {
  const draft: Draft = {
    title: null,
    day: "2026-11-23",
    tick_every_ms: null,
    recorded_ms: null,
    policyFile: newPolicyFile(),
    policyLine: null,
    firstPolicy: null,
    moments: [],
    memory: { transfers: new Map() },
    names: new Map(),
  }
  const lines = text.split(/\r?\n/)
  lines.forEach((source, index) => {
    located(file, index + 1, () => {
      const words = wordsOf(source)
      if (words.length > 0) readLine(draft, readerOf(index + 1, words))
    })
  })
  return located(file, lines.length, () => finished(file, draft))
}

const located = <Value>(file: string, line: number, read: () => Value): Value => {
  try {
    return read()
  } catch (error) {
    if (error instanceof WordError) throw new ScenarioError(file, error.line ?? line, error.message)
    throw error
  }
}

const finished = (file: string, draft: Draft): Scenario => {
  const first = draft.moments[0]
  if (draft.title === null) throw new WordError("the file is empty: begin with `scenario` and its title")
  if (first === undefined) throw new WordError("nothing happens: add a line such as `at 09:00:00`")
  closePolicy(draft)
  return {
    file,
    title: draft.title,
    policy: draft.firstPolicy ?? policyOf(draft.policyFile),
    recorded_ms: draft.recorded_ms ?? first.at_ms,
    tick_every_ms: draft.tick_every_ms,
    moments: draft.moments,
    names: draft.names,
  }
}

const readLine = (draft: Draft, reader: Reader): void => {
  const word = reader.takeOne("beginning of a line", [...heads, ...deeds])
  if (draft.title === null && word !== "scenario")
    throw new WordError("the first line is `scenario` and its title")
  if (word !== "policy") closePolicy(draft)
  switch (word) {
    case "scenario":
      return readTitle(draft, reader)
    case "day":
      return readDay(draft, reader)
    case "policy":
      return readPolicyLine(draft, reader)
    case "tick":
      reader.takeOne("word", ["every"])
      draft.tick_every_ms = lengthOf(reader.take("a length of time"))
      return reader.end()
    case "at":
      return readMoment(draft, reader)
    default:
      return readDeed(draft, reader, word)
  }
}

const readTitle = (draft: Draft, reader: Reader): void => {
  if (draft.title !== null) throw new WordError("a file holds one scenario")
  const words = [reader.take("a title")]
  while (reader.more()) words.push(reader.take("a title"))
  draft.title = words.join(" ")
}

const readDay = (draft: Draft, reader: Reader): void => {
  if (draft.moments.length > 0) throw new WordError("the day stands before the first `at`")
  const day = reader.take("a day such as 2026-11-23")
  instantOf(`${day}T00:00:00`, day, null)
  draft.day = day
  reader.end()
}

const readPolicyLine = (draft: Draft, reader: Reader): void => {
  if (reader.takeIf("recorded") !== undefined) {
    if (draft.moments.length > 0) throw new WordError("a later policy is recorded at the time it stands at")
    reader.takeOne("word", ["at"])
    draft.recorded_ms = instantOf(reader.take("a time"), draft.day, null)
    return reader.end()
  }
  editPolicy(draft.policyFile, reader)
  draft.policyLine = reader.line
}

/** Records the policy that was written: the scenario's first, or the next version. */
const closePolicy = (draft: Draft): void => {
  const line = draft.policyLine
  if (line === null) return
  draft.policyLine = null
  const moment = draft.moments.at(-1)
  if (moment === undefined) return
  draft.policyFile.version++
  try {
    moment.steps.push({ kind: "policy", line, policy: policyOf(draft.policyFile) })
  } catch (error) {
    if (error instanceof WordError) throw new WordError(error.message, line)
    throw error
  }
}

const readMoment = (draft: Draft, reader: Reader): void => {
  draft.firstPolicy ??= policyOf(draft.policyFile)
  const before = draft.moments.at(-1)
  const at_ms = instantOf(reader.take("a time"), draft.day, before?.at_ms ?? null)
  if (before !== undefined && at_ms < before.at_ms) throw new WordError("the story does not go back in time")
  const ticks = reader.takeIf("without") === undefined
  if (!ticks) reader.takeOne("word", ["tick"])
  reader.end()
  draft.moments.push({ line: reader.line, at_ms, ticks, steps: [], alerts: [], states: [] })
}

const readDeed = (draft: Draft, reader: Reader, word: (typeof deeds)[number]): void => {
  const moment = draft.moments.at(-1)
  if (moment === undefined)
    throw new WordError(`\`${word}\` needs a time: put a line such as \`at 09:00:00\` before it`)
  if (word === "expect") return readExpectation(draft, moment, reader)
  const { line } = reader
  const time = timeOf(draft, moment)
  switch (word) {
    case "emit":
      moment.steps.push({ kind: "emit", line, ...checked(readEmission(reader, time, draft.memory)) })
      for (const name of draft.memory.transfers.keys()) draft.names.set(name, transferIdOf(name))
      break
    case "duplicate":
      moment.steps.push({ ...latestEmission(draft), line })
      break
    case "lag":
      moment.steps.push({ kind: "lag", line, topic: reader.takeOne("topic", [...emittable, "ops.alert"]) })
      break
    case "caught":
      reader.takeOne("word", ["up"])
      moment.steps.push({
        kind: "caught_up",
        line,
        topic: reader.takeOne("topic", [...emittable, "ops.alert"]),
      })
      break
    default:
      moment.steps.push({ kind: word, line })
  }
  reader.end()
}

/** The record that was written last, which a careless service writes again. */
const latestEmission = ({ moments }: Draft): Extract<Step, { readonly kind: "emit" }> => {
  const latest = moments.flatMap(({ steps }) => steps).findLast((step) => step.kind === "emit")
  if (latest === undefined) throw new WordError("nothing was emitted that could come twice")
  return latest
}

const timeOf = (draft: Draft, { at_ms }: OpenMoment): LineTime => ({
  at_ms,
  instant: (word) => instantOf(word, draft.day, at_ms),
})

/** What a service could not write has no place in a story either. */
const checked = (emission: { readonly topic: string; readonly record: unknown }) => {
  const topic = topicByName(emission.topic)
  if (topic === undefined) throw new WordError(`there is no topic ${emission.topic}`)
  try {
    recordEncoder(topic)(emission.record)
  } catch (error) {
    throw new WordError(`no such record: ${error instanceof Error ? error.message : String(error)}`)
  }
  return emission
}

const states = ["ok", "pending", "raised", "lagging", "error"] as const

const readExpectation = (draft: Draft, moment: OpenMoment, reader: Reader): void => {
  const { line } = reader
  const what = reader.takeOne("expectation", ["raised", "cleared", "state", "nothing"])
  if (!moment.ticks) throw new WordError("nothing is decided `without tick`: expect it at the next tick")
  if (what === "nothing") {
    if (moment.alerts.length > 0) throw new WordError("an alert is expected above, so it is not nothing")
  } else if (what === "state") {
    const state = reader.takeOne("state", states)
    const code = reader.takeOne("alert code", AlertCode.literals)
    moment.states.push({ line, state, code, subject: reader.take("a subject") })
  } else {
    moment.alerts.push({ line, status: what, ...readExpectedAlert(draft, moment, reader) })
  }
  reader.end()
}

const readExpectedAlert = (
  draft: Draft,
  moment: OpenMoment,
  reader: Reader,
): Omit<ExpectedAlert, "line" | "status"> => {
  const { instant } = timeOf(draft, moment)
  const code = reader.takeOne("alert code", AlertCode.literals)
  const subject = reader.take("a subject")
  reader.takeOne("word", ["at"])
  let expected: Omit<ExpectedAlert, "line" | "status"> = {
    code,
    subject,
    at_ms: instant(reader.take("a time")),
  }
  while (reader.more()) {
    const name = reader.takeOne("word", ["seen", "because", "episode", "severity", "first"])
    const value = reader.take(`what follows ${name}`)
    if (name === "seen") expected = { ...expected, seen_ms: instant(value) }
    if (name === "first") expected = { ...expected, first_ms: instant(value) }
    if (name === "because") expected = { ...expected, reason: value }
    if (name === "episode") expected = { ...expected, episode: Number(value) }
    if (name === "severity") expected = { ...expected, severity: value }
  }
  return expected
}
