/** What the process says when it ends. */
export const exitCodes = {
  ok: 0,
  /** It could not be done; stderr says why. */
  failed: 1,
  /** The command line was not understood; stderr has the usage. */
  usage: 2,
  /** It was done, and a check found a difference. */
  difference: 3,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** The command line asks for something that there is not: the process prints the message and the usage, and ends with 2. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** What was asked cannot be done, for a reason that the message tells in full: no stack, exit code 1. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed"
}
