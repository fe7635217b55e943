import { setTimeout as pause } from "node:timers/promises"
import type { AnyProjection } from "@landfall/projections/registry"
import { isWritten, readStandings } from "../history/snapshot-versions.ts"
import type { Database } from "../postgres/transaction.ts"
import { RebuildInterrupted, type RebuildPhase } from "./options.ts"
import { rebuildProjection } from "./rebuild.ts"

/** A snapshot that a running service brings up to its program's version, and how far it is. */
export interface BackgroundRebuild {
  readonly projection: string
  /** The version that is read meanwhile. */
  readonly from_version: number
  readonly to_version: number
  readonly phase: RebuildPhase | "waiting"
  readonly events: number
  readonly total: number
  /** Until all events are folded, at the rate so far; null before that is known. */
  readonly estimate_seconds: number | null
  /** Why it does not go on at the moment; null while it does. */
  readonly trouble: string | null
}

export interface BackgroundRebuilds {
  /** Those that are not finished. */
  readonly now: () => ReadonlyArray<BackgroundRebuild>
  /** Resolves when all are finished, or were stopped. */
  readonly done: Promise<void>
  /** What was folded is kept: the next start goes on from there. */
  readonly stop: () => Promise<void>
}

export interface BackgroundOptions {
  /** What {@link claimSnapshotVersions} gave: one after another is rebuilt from the evidence, and promoted. */
  readonly projections: ReadonlyArray<AnyProjection>
  /** A connection of their own, as the role that writes. */
  readonly database: Database
  readonly holder: string
  /** A steady clock in milliseconds. */
  readonly now: () => number
  readonly retryMs?: number
  readonly onEvent?: (event: BackgroundEvent) => void
}

export type BackgroundEvent =
  | { readonly type: "rebuilding" | "rebuilt"; readonly projection: string; readonly version: number }
  | { readonly type: "retrying"; readonly projection: string; readonly error: unknown }

/** The writer's batches share this process: a stop must not wait long for the end of a read. */
const segmentOffsets = 50_000
const retryMsMax = 60_000

/** Rebuilds what a newer program found in an older version, while the service does its work and the old rows are read. */
export const startBackgroundRebuilds = (options: BackgroundOptions): BackgroundRebuilds => {
  const stopped = new AbortController()
  const pending = new Map<string, BackgroundRebuild>(
    options.projections.map(({ name, version }) => [
      name,
      {
        projection: name,
        from_version: version,
        to_version: version,
        phase: "waiting",
        events: 0,
        total: 0,
        estimate_seconds: null,
        trouble: null,
      },
    ]),
  )
  const update = (name: string, changes: Partial<BackgroundRebuild>): void => {
    const known = pending.get(name)
    if (known !== undefined) pending.set(name, { ...known, ...changes })
  }
  const work = async (): Promise<void> => {
    for (const projection of options.projections) {
      await untilRebuilt(projection, options, stopped.signal, (changes) => update(projection.name, changes))
      if (stopped.signal.aborted) return
      pending.delete(projection.name)
    }
  }
  const done = work()
  return {
    now: () => [...pending.values()],
    done,
    stop: async () => {
      stopped.abort()
      await done
    },
  }
}

const untilRebuilt = async (
  projection: AnyProjection,
  options: BackgroundOptions,
  signal: AbortSignal,
  update: (changes: Partial<BackgroundRebuild>) => void,
): Promise<void> => {
  const { database, holder, onEvent, retryMs = 1_000 } = options
  const { name, version } = projection
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const standings = await database.transaction(readStandings)
      if (isWritten(standings, projection)) return // by another instance
      update({ from_version: standings.get(name)?.version ?? version })
      onEvent?.({ type: "rebuilding", projection: name, version })
      await rebuildProjection(database, projection, {
        promote: true,
        compare: false,
        holder,
        signal,
        limits: { segmentOffsets },
        onProgress: estimating(options.now, update),
      })
      onEvent?.({ type: "rebuilt", projection: name, version })
      return
    } catch (error) {
      if (error instanceof RebuildInterrupted) return
      onEvent?.({ type: "retrying", projection: name, error })
      update({ phase: "waiting", trouble: error instanceof Error ? error.message : String(error) })
      await pause(Math.min(retryMsMax, retryMs * 2 ** failures), undefined, { signal }).catch(() => {})
    }
  }
}

/** Tells how far it is, with the time that is left at the rate since it began. */
const estimating = (now: () => number, update: (changes: Partial<BackgroundRebuild>) => void) => {
  let first: { readonly events: number; readonly at_ms: number } | null = null
  return ({ phase, events, total }: { phase: RebuildPhase; events: number; total: number }): void => {
    if (first === null && phase === "folding") first = { events, at_ms: now() }
    const folded = first === null ? 0 : events - first.events
    const elapsed_ms = first === null ? 0 : now() - first.at_ms
    const left_ms = folded > 0 ? ((total - events) * elapsed_ms) / folded : null
    const estimate_seconds = left_ms === null ? null : Math.ceil(left_ms / 1000)
    update({ phase, events, total, estimate_seconds, trouble: null })
  }
}

/** A rebuild in words, as readiness gives its reasons. */
export const rebuildInWords = ({
  projection,
  from_version,
  to_version,
  events,
  total,
  estimate_seconds,
  trouble,
}: BackgroundRebuild): string => {
  const versions =
    from_version === to_version
      ? `for version ${to_version}`
      : `from version ${from_version} to ${to_version}`
  const left = estimate_seconds === null ? "" : `, about ${estimate_seconds} s left`
  const halted = trouble === null ? "" : `; it waits: ${trouble}`
  return `${projection} is rebuilding ${versions}: ${events} of ${total} events folded${left}${halted}`
}
