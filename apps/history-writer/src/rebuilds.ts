import { hostname } from "node:os"
import type { Logger } from "@landfall/adapters/log/log"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import {
  type BackgroundRebuild,
  type BackgroundRebuilds,
  startBackgroundRebuilds,
} from "@landfall/adapters/rebuild/in-background"
import type { AnyProjection } from "@landfall/projections/registry"

/** The rebuilds of this service, and their end. */
export interface Rebuilds {
  readonly now: () => ReadonlyArray<BackgroundRebuild>
  readonly stop: () => Promise<void>
}

export const noRebuilds: Rebuilds = { now: () => [], stop: async () => {} }

/** Rebuilds, beside the writing, what this program folds in another version than the one it found. */
export const startRebuilds = (
  due: ReadonlyArray<AnyProjection>,
  url: string,
  role: string,
  log: Logger,
): Rebuilds => {
  if (due.length === 0) return noRebuilds
  const database = openDatabase(url, { applicationName: "history-writer rebuild", role })
  const rebuilds: BackgroundRebuilds = startBackgroundRebuilds({
    projections: due,
    database,
    holder: `history-writer on ${hostname()} (process ${process.pid})`,
    now: () => performance.now(),
    onEvent: (event) => {
      const { projection } = event
      if (event.type === "retrying")
        log.warn({ projection, err: event.error }, "a rebuild does not go on; trying again")
      else log.info({ projection, version: event.version }, event.type)
    },
  })
  const ended = rebuilds.done.finally(() => database.close())
  return {
    now: rebuilds.now,
    stop: async () => {
      await rebuilds.stop()
      await ended
    },
  }
}
