import { alertsCommand } from "./commands/alerts.ts"
import { fundingCommand } from "./commands/funding.ts"
import { migrateCommand } from "./commands/migrate.ts"
import { replayCommand } from "./commands/replay.ts"
import { timelineCommand } from "./commands/timeline.ts"
import type { Command } from "./define-command.ts"

/** Every command of `landfall`, in the order of its help. A new one is one file and one line here. */
export const commands: ReadonlyArray<Command> = [
  fundingCommand,
  alertsCommand,
  timelineCommand,
  replayCommand,
  migrateCommand,
]
