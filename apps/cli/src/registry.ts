import { adoptCommand } from "./commands/adopt.ts"
import { alertsCommand } from "./commands/alerts.ts"
import { deadLettersDismissCommand } from "./commands/dead-letters-dismiss.ts"
import { deadLettersListCommand } from "./commands/dead-letters-list.ts"
import { deadLettersRetryCommand } from "./commands/dead-letters-retry.ts"
import { deadLettersShowCommand } from "./commands/dead-letters-show.ts"
import { doctorCommand } from "./commands/doctor.ts"
import { fundingCommand } from "./commands/funding.ts"
import { migrateCommand } from "./commands/migrate.ts"
import { rebuildCommand } from "./commands/rebuild.ts"
import { replayCommand } from "./commands/replay.ts"
import { rowsCommand } from "./commands/rows.ts"
import { statusCommand } from "./commands/status.ts"
import { timelineCommand } from "./commands/timeline.ts"
import { verifyCommand } from "./commands/verify.ts"
import { verifyNewKeyCommand } from "./commands/verify-new-key.ts"
import { verifyProofCommand } from "./commands/verify-proof.ts"
import { whyCommand } from "./commands/why.ts"
import type { Command } from "./define-command.ts"

/** Every command of `landfall`, in the order of its help. A new one is one file and one line here. */
export const commands: ReadonlyArray<Command> = [
  statusCommand,
  fundingCommand,
  alertsCommand,
  timelineCommand,
  whyCommand,
  rowsCommand,
  rebuildCommand,
  replayCommand,
  verifyCommand,
  verifyNewKeyCommand,
  verifyProofCommand,
  deadLettersListCommand,
  deadLettersShowCommand,
  deadLettersRetryCommand,
  deadLettersDismissCommand,
  adoptCommand,
  migrateCommand,
  doctorCommand,
]
