import { rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** A clock that a Node process is started with, and that is moved while it runs. */
export interface MovedClock {
  /** The environment to start the process with. Its monotonic clock and its timers stay as they are. */
  readonly env: Readonly<Record<string, string>>
  /** Puts the process's clock so many seconds ahead of the machine's, or behind it; it sees that within a moment. */
  readonly move: (seconds: number) => Promise<void>
}

const preload = fileURLToPath(new URL("moved-clock-preload.mjs", import.meta.url))

/**
 * A clock in a folder of its own, right at first. It is Node's `Date` that is moved, by which our code decides, and not what
 * the C library says: libfaketime (0.9.10) moves that, but not the clock by which the kernel wakes a thread, so that
 * librdkafka, which waits until an instant, would wait for the length of the leap; on a machine both are moved.
 */
export const movedClock = async (dir: string): Promise<MovedClock> => {
  const file = join(dir, "clock")
  const move = async (seconds: number): Promise<void> => {
    // Renamed, because a half-written file is a clock, too.
    await writeFile(`${file}.new`, String(seconds))
    await rename(`${file}.new`, file)
  }
  await move(0)
  return { env: { NODE_OPTIONS: `--import=${preload}`, MOVED_CLOCK_FILE: file }, move }
}
