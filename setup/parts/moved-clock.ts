import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs"
import { open } from "node:fs/promises"
import { endianness } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { toolsFolder } from "./paths.ts"

/** A clock that processes are started with, and that is moved while they run. */
export interface MovedClock {
  /** The environment to start a process with. Its monotonic clocks and its timers stay as they are. */
  readonly env: Readonly<Record<string, string>>
  /** Puts the clock so many seconds ahead of the machine's, or behind it, at once. */
  readonly move: (seconds: number) => Promise<void>
}

const source = fileURLToPath(new URL("moved-clock.c", import.meta.url))

/** Compiles what moves the clock, once for each version of it, with the compiler that the Kafka client was built with. */
const built = async (): Promise<string> => {
  const version = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16)
  const folder = join(toolsFolder, "moved-clock")
  const library = join(folder, `${version}.so`)
  if (existsSync(library)) return library
  mkdirSync(folder, { recursive: true })
  const part = `${library}.part-${process.pid}`
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-pthread"]
  await promisify(execFile)(process.env["CC"] || "cc", [...flags, "-o", part, source, "-ldl"])
  renameSync(part, library)
  return library
}

/**
 * A clock in a folder of its own, right at first. The whole process goes by it: Node, and librdkafka, which waits until
 * instants. libfaketime (0.9.10) cannot be used for that: it does not know the function by which librdkafka waits
 * (`cnd_timedwait` of C11), which so waits for the length of the leap.
 */
export const movedClock = async (dir: string): Promise<MovedClock> => {
  const library = await built()
  const path = join(dir, "clock")
  const move = async (seconds: number): Promise<void> => {
    const bytes = Buffer.alloc(4)
    if (endianness() === "LE") bytes.writeInt32LE(seconds)
    else bytes.writeInt32BE(seconds)
    // Written over, never anew: the processes have it in their memory.
    const file = await open(path, existsSync(path) ? "r+" : "w")
    try {
      await file.write(bytes, 0, bytes.byteLength, 0)
    } finally {
      await file.close()
    }
  }
  await move(0)
  return { env: { LD_PRELOAD: library, MOVED_CLOCK_FILE: path }, move }
}
