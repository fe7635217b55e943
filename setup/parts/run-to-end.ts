import { type LeashOptions, spawnLeashed } from "./leash.ts"
import { endOf } from "./ready.ts"

/** Runs a command on the leash to its end and fails with the end of its log unless it says 0. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: LeashOptions,
): Promise<void> {
  const child = await spawnLeashed(command, args, options)
  const { code, signal } = await child.exited
  if (code !== 0)
    throw new Error(`${command} ended with ${signal ?? `code ${code}`}. ${await endOf(options.log)}`)
}
