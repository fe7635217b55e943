import { hostname } from "node:os"
import { optional, required, withDefault } from "@landfall/adapters/config/field"
import { flag, integer, oneOf } from "@landfall/adapters/config/kinds"
import type { RebuildOptions, RebuildProgress, Rebuilt } from "@landfall/adapters/rebuild/options"
import { type CopyStanding, planRebuild, type RebuildPlan } from "@landfall/adapters/rebuild/plan"
import { giveUpRebuild, rebuildProjection, rollBackProjection } from "@landfall/adapters/rebuild/rebuild"
import { timestamp } from "@landfall/domain/timestamp"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import type { Context } from "../context.ts"
import { defineCommand } from "../define-command.ts"
import { type ExitCode, exitCodes, UsageError } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"
import { grouped } from "../output/progress.ts"
import { isDifferent, printRebuilt } from "./rebuild-output.ts"

const [firstName = "", ...otherNames] = projections.map(({ name }) => name)

interface Options {
  readonly from: "evidence" | "topics"
  readonly promote: boolean
  readonly rollback: boolean
  readonly "give-up": boolean
  readonly fresh: boolean
  readonly "to-version": number | null
}

/** `landfall rebuild`: makes a snapshot again beside the live one, tells the difference, and swaps. */
export const rebuildCommand = defineCommand({
  name: "rebuild",
  summary: "Makes a projection's rows again beside the live ones, tells the difference, and swaps them in",
  description:
    "The live table is read and written meanwhile. Without --promote the rebuilt rows stay beside it, and the exit code is 3\nwhen they differ from the live ones; the next rebuild goes on from there, also after it was killed or interrupted.\nA second rebuild of the same projection, in whatever process, is locked out. What was live before a promotion is kept\nuntil the next one: --rollback puts it back, with what came in since.",
  arguments: { projection: required(oneOf([firstName, ...otherNames]), "what to make again") },
  options: {
    from: withDefault(oneOf(["evidence", "topics"]), "evidence", "PostgreSQL's evidence or Kafka's topics"),
    promote: withDefault(flag, "false", "make the rebuilt table the live one"),
    rollback: withDefault(flag, "false", "put the previous table back, instead of rebuilding"),
    "give-up": withDefault(flag, "false", "drop a rebuild that was begun, instead of rebuilding"),
    fresh: withDefault(flag, "false", "begin anew although there is a rebuild to go on with"),
    "to-version": optional(
      integer({ min: 1, max: 2_147_483_647 }),
      "refuse unless this program folds that version of the projection",
    ),
  },
  changes: true,
  examples: [
    {
      line: "landfall rebuild funding_transfer --yes",
      for: "the difference to the live rows; exit code 3 if any",
    },
    { line: "landfall rebuild funding_transfer --promote --yes", for: "and swap the rebuilt rows in" },
    { line: "landfall rebuild --rollback funding_transfer --yes", for: "the rows of before, up to date" },
    { line: "landfall rebuild market_price --from topics --yes", for: "what Kafka itself gives" },
  ],
  run: async (context, { arguments: { projection: name }, options }) => {
    const projection = projections.find((one) => one.name === name) as AnyProjection
    requireConsistent(projection, options)
    const database = context.connections.database("landfall_writer")
    const plan = await database.transaction((transaction) => planRebuild(transaction, projection))
    if (!(await context.mayChange(planText(projection, plan, options)))) {
      context.output.result({ done: false, projection: name, ...planShown(plan) }, () => {})
      return exitCodes.ok
    }
    if (options["give-up"]) return giveUp(context, projection)
    const rebuilt = await rebuild(context, projection, options)
    context.output.result({ done: true, ...rebuilt }, () => printRebuilt(context.output, rebuilt))
    return !rebuilt.promoted && isDifferent(rebuilt.difference) ? exitCodes.difference : exitCodes.ok
  },
})

const requireConsistent = ({ name, version }: AnyProjection, options: Options): void => {
  const wanted = options["to-version"]
  if (wanted !== null && wanted !== version)
    throw new UsageError(
      `this program folds version ${version} of ${name}: run the program that folds version ${wanted}, or leave out --to-version`,
    )
  const others = options.promote || options.fresh || options.from === "topics"
  if (options.rollback && (others || options["give-up"]))
    throw new UsageError("--rollback stands alone: it brings the previous table up to date and puts it back")
  if (options["give-up"] && others)
    throw new UsageError("--give-up stands alone: it drops the rebuild that was begun")
}

const planText = ({ name, version }: AnyProjection, plan: RebuildPlan, options: Options): string => {
  const live = plan.live === null ? "was never written" : `is of version ${plan.live.version}`
  const state = [`the live table of ${name} ${live}; this program folds version ${version}`]
  if (plan.shadow !== null)
    state.push(
      `a rebuild by ${plan.shadow.holder} has folded ${grouped(plan.shadow.events)} of ${grouped(plan.total)} events`,
    )
  if (plan.previous !== null)
    state.push(
      `the previous table is of version ${plan.previous.version}, kept since ${timestamp(plan.previous.beganAtMs)}`,
    )
  const act = options.rollback
    ? "the previous table is brought up to date and put back; the live one becomes the previous one"
    : options["give-up"]
      ? "the rebuild that was begun is dropped"
      : `${grouped(plan.total)} events are folded from ${options.from === "topics" ? "Kafka" : "the evidence"} into a table beside the live one${options.promote ? ", which then becomes the live one" : ""}`
  return [...state, act].map(printable).join("\n")
}

const planShown = ({ live, shadow, previous, total }: RebuildPlan) => {
  const frozen_ms = live?.frozenAtMs ?? null
  return {
    events: total,
    live_version: live?.version ?? null,
    frozen_at: frozen_ms === null ? null : timestamp(frozen_ms),
    begun: shadow === null ? null : copyShown(shadow),
    previous: previous === null ? null : copyShown(previous),
  }
}

const copyShown = ({ version, source, holder, beganAtMs, events }: CopyStanding) => ({
  version,
  from: source,
  holder,
  began_at: timestamp(beganAtMs),
  events,
})

const giveUp = async ({ connections, output }: Context, projection: AnyProjection): Promise<ExitCode> => {
  const dropped = await giveUpRebuild(connections.database("landfall_writer"), projection)
  output.result({ done: true, projection: projection.name, dropped }, () =>
    output.line(dropped ? "the rebuild was given up" : "no rebuild was begun"),
  )
  return exitCodes.ok
}

const rebuild = async (context: Context, projection: AnyProjection, options: Options): Promise<Rebuilt> => {
  const { connections, signal } = context
  const drawn = drawing(context, projection.name)
  const common: RebuildOptions = {
    holder: `landfall rebuild on ${hostname()} (process ${process.pid})`,
    onProgress: drawn.at,
    signal,
  }
  const database = connections.database("landfall_writer")
  try {
    if (options.rollback) return await rollBackProjection(database, projection, common)
    return await rebuildProjection(database, projection, {
      ...common,
      from: options.from,
      fresh: options.fresh,
      promote: options.promote,
      ...(options.from === "topics"
        ? { topics: { kafka: connections.kafka(), admin: connections.admin() } }
        : {}),
    })
  } finally {
    drawn.end()
  }
}

const labels = {
  loading: "reading what is there",
  folding: "folding",
  comparing: "comparing",
  indexing: "indexing",
  promoting: "swapping",
} as const satisfies Record<RebuildProgress["phase"], string>

/** A bar for each phase; only folding has an end that is known. */
const drawing = ({ output }: Context, name: string) => {
  let phase: RebuildProgress["phase"] | null = null
  let bar = output.progress(name)
  let first = 0
  return {
    at: (progress: RebuildProgress): void => {
      if (progress.phase !== phase) {
        bar.end()
        phase = progress.phase
        first = progress.events
        bar = output.progress(`${labels[phase]} ${name}`)
      }
      // What was folded before is no part of this run's rate.
      bar.at(progress.events - first, progress.phase === "folding" ? progress.total - first : null)
    },
    end: () => bar.end(),
  }
}
