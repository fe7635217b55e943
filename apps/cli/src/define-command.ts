import type { Fields, Values } from "@landfall/adapters/config/field"
import type { Context } from "./context.ts"
import type { ExitCode } from "./exit-codes.ts"

/** What a command was given: each argument and option as its kind read it. */
export interface Given<Arguments, Options> {
  readonly arguments: Arguments
  readonly options: Options
}

/** One command of `landfall`: plain data, from which its parsing, help and page in docs/cli.md follow. */
export interface Command {
  /** One word, or two for a command in a group: `dead-letters retry`. */
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  /** What else its user must know: what is compared, what is kept, what the exit code says. */
  readonly description: string | null
  /** In the order of the command line; what has a default or is optional comes last. */
  readonly arguments: Fields
  /** By name without the dashes. A `flag` whose default is false takes no value: it is true when given. */
  readonly options: Fields
  /** Whole command lines, each with what it is for. */
  readonly examples: ReadonlyArray<{ readonly line: string; readonly for: string }>
  /** A command that changes something has `--dry-run` and `--yes` too: see {@link Context.mayChange}. */
  readonly changes: boolean
  run(context: Context, given: Given<unknown, unknown>): Promise<ExitCode>
}

/** Declares a command, with a `run` that knows the types of its arguments and options. */
export const defineCommand = <
  const Arguments extends Fields = Record<never, never>,
  const Options extends Fields = Record<never, never>,
>(command: {
  readonly name: string
  readonly summary: string
  readonly description?: string
  readonly arguments?: Arguments
  readonly options?: Options
  readonly examples: Command["examples"]
  readonly changes?: boolean
  run(context: Context, given: Given<Values<Arguments>, Values<Options>>): Promise<ExitCode>
}): Command => ({
  ...command,
  description: command.description ?? null,
  arguments: command.arguments ?? {},
  options: command.options ?? {},
  changes: command.changes ?? false,
  // The program reads the command line by the very fields above, so that it has these types.
  run: command.run as Command["run"],
})
