import { defaultLimits, startHistoryWriter } from "@landfall/adapters/history/history-writer"
import { topics } from "@landfall/domain/registry"
import { openWriter } from "@landfall/history-writer/open-writer"
import { simulatedAdmin, simulatedConsumer } from "../world/consumer.ts"
import { simulatedDatabase, simulatedTables } from "../world/database.ts"
import type { SimulatedGroups } from "../world/group.ts"
import type { SimulatedKafka } from "../world/kafka.ts"
import type { Machine } from "../world/machine.ts"
import type { SimulatedPostgres } from "../world/postgres.ts"
import type { Process } from "../world/process.ts"
import type { Random } from "../world/random.ts"
import type { VirtualTime } from "../world/virtual-time.ts"

export interface WriterWorld {
  readonly time: VirtualTime
  readonly kafka: SimulatedKafka
  readonly groups: SimulatedGroups
  readonly postgres: SimulatedPostgres
  readonly machine: Machine
}

/** How an instance is set up: a wrong group makes a second one that reads all that the first one reads. */
export interface WriterSettings {
  readonly groupId: string
  readonly memberName: string | null
}

/** Small batches, so that there are many; and waits that end with the first message, so that an idle second is cheap. */
const limits = {
  ...defaultLimits,
  waitMs: 1_000,
  portionMessagesMax: 40,
  batchMessagesMax: 60,
  cachedRowsMax: 20,
}

/** Runs the history writer as it is; ends when it has stopped for good, as its process would. */
export const runWriter = (
  world: WriterWorld,
  settings: WriterSettings,
  process: Process,
  random: Random,
): Promise<void> => {
  const options = { ...world, process, random }
  const writer = openWriter({
    open: () =>
      startHistoryWriter({
        ...settings,
        kafka: { brokers: "simulated", clientId: process.name },
        topics,
        admin: simulatedAdmin(options),
        database: simulatedDatabase(options),
        // Rows say when they were written in people's time: by the clock that can be set.
        now: world.machine.wall,
        limits,
        openConsumer: simulatedConsumer(options),
        tables: simulatedTables(options),
      }),
    retryMs: limits.retryMs,
    onRetry: () => {},
  })
  return writer.done
}
