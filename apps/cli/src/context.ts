import type { Environment } from "@landfall/adapters/config/settings"
import { type Confirm, openConfirm } from "./confirm.ts"
import { type Connections, openConnections } from "./connections.ts"
import { type Output, openOutput, type Streams } from "./output/output.ts"

/** All that a command may touch. */
export interface Context {
  readonly output: Output
  readonly connections: Connections
  /**
   * For commands that change something: tells what would be done, and gives whether to do it. Always false under
   * `--dry-run`; true under `--yes`; else a person is asked, and without a terminal it throws a UsageError.
   */
  readonly mayChange: Confirm
  /** The environment variables of this process. */
  readonly env: Environment
  /** Aborted by Ctrl-C and SIGTERM: long work ends in order and can be resumed where it says so. */
  readonly signal: AbortSignal
  /** The clock, in epoch milliseconds. */
  readonly now: () => number
}

export interface ContextOptions {
  readonly env: Environment
  readonly json: boolean
  readonly dryRun: boolean
  readonly yes: boolean
  readonly signal: AbortSignal
  readonly streams: Streams
}

/** Opens the context of one run; `close` ends its connections. */
export const openContext = (options: ContextOptions): Context & { readonly close: () => Promise<void> } => {
  const output = openOutput({ json: options.json, env: options.env, streams: options.streams })
  const connections = openConnections({ env: options.env, note: output.note })
  return {
    output,
    connections,
    mayChange: openConfirm({ dryRun: options.dryRun, yes: options.yes, note: output.note }),
    env: options.env,
    signal: options.signal,
    now: Date.now,
    close: connections.close,
  }
}
