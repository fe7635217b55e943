import { optional, required, withDefault } from "@landfall/adapters/config/field"
import { flag, oneOf } from "@landfall/adapters/config/kinds"
import { position, shortPosition } from "@landfall/adapters/config/position-kind"
import { checkLive, type LiveCheck } from "@landfall/adapters/replay/check-live"
import { livePosition, liveRows } from "@landfall/adapters/replay/live-state"
import type { TopicSource } from "@landfall/adapters/replay/read-topic"
import {
  type Replayed,
  type ReplayOptions,
  replayEvidence,
  replayTopics,
} from "@landfall/adapters/replay/replay-projection"
import { hashRows, keysInOrder } from "@landfall/adapters/replay/state-hash"
import { timestamp } from "@landfall/domain/timestamp"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import type { Context } from "../context.ts"
import { defineCommand } from "../define-command.ts"
import { type ExitCode, exitCodes, UsageError } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"
import { replayAlertsCommand } from "./replay-alerts.ts"

/** A replay reads everything there is, in one transaction. */
const deadlineMs = 6 * 3_600_000

const projectionNames = projections.map(({ name }) => name)
const [firstName = "", ...otherNames] = projectionNames

/** In the place of a projection: what the alert rules decided. */
const decisions = "alerts"

/** A state, made anew or read, as it is printed. */
interface State {
  readonly source: string
  readonly position: Replayed["position"]
  readonly rows: Replayed["rows"]
  /** Null for the live snapshot, which was not folded now. */
  readonly events: number | null
  readonly unreadable: number
}

interface Options {
  readonly from: "evidence" | "topics"
  readonly start: Replayed["position"] | null
  readonly end: Replayed["position"] | null
  readonly hash: boolean
  readonly ndjson: boolean
  readonly live: boolean
  readonly check: boolean
}

/** `landfall replay`: folds into memory, changes nothing. */
export const replayCommand = defineCommand({
  name: "replay",
  summary: "Folds events into memory, from any position to any other, and prints the state or its hash",
  description:
    "Nothing is changed. The hash is SHA-256 over the canonical rows in key order; --live hashes the live snapshot by the same\nfunction, and --check folds up to where the live snapshot stands and holds the two against each other (exit code 3 when\nthey differ). `alerts` makes every recorded alert decision again, at its cut and under its policy, and compares the bytes\n(exit code 3 when one is missing, extra or otherwise).",
  arguments: { projection: required(oneOf([decisions, firstName, ...otherNames]), "what to fold") },
  options: {
    from: withDefault(oneOf(["evidence", "topics"]), "evidence", "PostgreSQL's evidence or Kafka's topics"),
    start: optional(position, "the first offsets to fold; the beginning where none is named"),
    end: optional(position, "the offsets to stop before; partitions that it does not name are not folded"),
    hash: withDefault(flag, "false", "print the hash, and not the rows"),
    ndjson: withDefault(flag, "false", "print the rows alone, one JSON object a line, in key order"),
    live: withDefault(flag, "false", "the live snapshot, instead of folding"),
    check: withDefault(flag, "false", "hold a fold against the live snapshot, at its position"),
  },
  examples: [
    { line: "landfall replay funding_transfer --hash", for: "the hash of all evidence, folded" },
    {
      line: "landfall replay funding_transfer --check",
      for: "whether the live snapshot is that fold; exit code 3 if not",
    },
    {
      line: "landfall replay alerts",
      for: "whether every alert follows from its evidence; exit code 3 if not",
    },
    {
      line: "landfall replay market_price --from topics --end ref.market_price/0=1000 --json",
      for: "the prices after the first thousand messages of partition 0",
    },
  ],
  run: (context, { arguments: { projection: name }, options }) => {
    const projection = projections.find((one) => one.name === name) as AnyProjection
    const ranged = options.start !== null || options.end !== null
    if ((options.live || options.check) && ranged)
      throw new UsageError("--live and --check stand where the snapshot stands: leave out --start and --end")
    if (options.live && (options.check || options.from === "topics"))
      throw new UsageError("--live folds nothing: leave out --check and --from")
    if (options.ndjson && (options.hash || options.check || context.output.json))
      throw new UsageError("--ndjson prints rows alone: leave out --hash, --check and --json")
    if (name === decisions) {
      if (ranged || options.hash || options.ndjson || options.live || options.check)
        throw new UsageError(
          "alerts are decided again at each recorded cut: only --from and --json go with them",
        )
      return replayAlertsCommand(context, sourceOf(context, options.from))
    }
    return options.check ? check(context, projection, options) : show(context, projection, options)
  },
})

const sourceOf = ({ connections }: Context, sort: Options["from"]): TopicSource | null =>
  sort === "topics" ? { kafka: connections.kafka(), admin: connections.admin() } : null

const reading = (context: Context, label: string): { options: ReplayOptions; end: () => void } => {
  const progress = context.output.progress(label)
  return { options: { onProgress: progress.at, signal: context.signal }, end: progress.end }
}

const show = async (context: Context, projection: AnyProjection, options: Options): Promise<ExitCode> => {
  const { output } = context
  const state = await (options.live
    ? readLive(context, projection)
    : options.from === "topics"
      ? foldTopics(context, projection, options)
      : foldEvidence(context, projection, options))
  if (options.ndjson) {
    for (const key of keysInOrder(state.rows)) await output.record({ key, row: state.rows.get(key) })
    return exitCodes.ok
  }
  const { rows, ...head } = {
    as_of: timestamp(context.now()),
    projection: projection.name,
    version: projection.version,
    ...state,
    row_count: state.rows.size,
    hash: hashRows(projection, state.rows),
  }
  if (output.json) {
    if (options.hash) output.result(head, () => {})
    else
      await output.document(
        head,
        "rows",
        keysInOrder(rows).map((key) => ({ key, row: rows.get(key) })),
      )
    return exitCodes.ok
  }
  if (options.hash) output.line(head.hash)
  else
    for (const key of keysInOrder(rows))
      output.line(`${printable(key)}  ${rowText(projection, rows.get(key))}`)
  const say = options.hash ? output.note : output.line
  if (!options.hash) say("")
  say(
    `${projection.name} v${projection.version} from ${head.source}: ${head.row_count} rows${head.events === null ? "" : ` of ${head.events} events`}`,
  )
  if (head.unreadable > 0) say(`${head.unreadable} messages are no records of the topic and were not folded`)
  if (!options.hash) say(`hash ${head.hash}`)
  say(`position ${shortPosition(head.position)}`)
  return exitCodes.ok
}

/** The fields that differ most from row to row tell a person most; the whole row is for `--json`. */
const rowText = (projection: AnyProjection, row: unknown): string =>
  Object.entries(projection.columns)
    .filter(([, { type }]) => type !== "json" && type !== "uuid")
    .flatMap(([name, { of }]) => {
      const value = of(row)
      return value === undefined || value === null ? [] : [`${name}=${printable(String(value))}`]
    })
    .join(" ")

const foldTopics = async (context: Context, projection: AnyProjection, range: Options): Promise<State> => {
  const source = { kafka: context.connections.kafka(), admin: context.connections.admin() }
  const { options, end } = reading(context, projection.topic.name)
  try {
    return { source: "topics", ...(await replayTopics(source, projection, { ...options, range })) }
  } finally {
    end()
  }
}

const inOneTransaction = <Value>(
  context: Context,
  work: Parameters<ReturnType<Context["connections"]["database"]>["transaction"]>[0],
): Promise<Value> =>
  context.connections
    .database("landfall_auditor")
    .transaction(work, { mode: "repeatable read read only", deadlineMs }) as Promise<Value>

const foldEvidence = async (context: Context, projection: AnyProjection, range: Options): Promise<State> => {
  const { options, end } = reading(context, projection.topic.evidenceTable)
  try {
    const replayed = await inOneTransaction<Replayed>(context, (transaction) =>
      replayEvidence(transaction, projection, { ...options, range }),
    )
    return { source: "evidence", ...replayed }
  } finally {
    end()
  }
}

const readLive = (context: Context, projection: AnyProjection): Promise<State> =>
  inOneTransaction(context, async (transaction) => {
    const rows: Replayed["rows"] = new Map()
    for await (const page of liveRows(transaction, projection))
      for (const { key, row } of page) rows.set(key, row)
    const state: State = {
      source: "live",
      position: await livePosition(transaction, projection),
      rows,
      events: null,
      unreadable: 0,
    }
    return state
  })

const check = async (
  context: Context,
  projection: AnyProjection,
  { from: sort }: Options,
): Promise<ExitCode> => {
  const { output } = context
  const source = sourceOf(context, sort)
  const { options, end } = reading(
    context,
    sort === "topics" ? projection.topic.name : projection.topic.evidenceTable,
  )
  let found: LiveCheck
  try {
    found = await inOneTransaction(context, (transaction) =>
      checkLive(transaction, projection, source, options),
    )
  } finally {
    end()
  }
  const { same, differing, differences, live, replayed } = found
  const head = {
    as_of: timestamp(context.now()),
    projection: projection.name,
    version: projection.version,
    source: sort,
  }
  output.result({ ...head, ...found }, () => {
    for (const { key, live: shown, replayed: made } of differences) {
      output.line(output.paint("red", `${printable(key)} differs`))
      output.line(`  live      ${shown === null ? "no such row" : printable(shown)}`)
      output.line(`  replayed  ${made === null ? "no such row" : printable(made)}`)
    }
    if (differing > differences.length) output.line(`and ${differing - differences.length} rows more`)
    output.line(`live      ${live.hash}  ${live.rows} rows`)
    output.line(`replayed  ${replayed.hash}  ${replayed.rows} rows of ${replayed.events} events from ${sort}`)
    output.line(`position  ${shortPosition(found.position)}`)
    output.line(same ? output.paint("green", "the same") : output.paint("red", `${differing} rows differ`))
  })
  return same ? exitCodes.ok : exitCodes.difference
}
