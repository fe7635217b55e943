import { execFileSync } from "node:child_process"
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"

/** A disk of its own that a test can fill and empty. */
export interface SmallDisk {
  readonly dir: string
  /** Leaves no room at all. */
  readonly fill: () => Promise<void>
  readonly empty: () => Promise<void>
}

/** Whether this user may mount a disk in memory; elsewhere there is no disk that could be filled without harm. */
export const canMount = process.getuid?.() === 0

/** A disk in memory of so many megabytes, which is gone after the test. */
export const givenSmallDisk = async (megabytes: number): Promise<SmallDisk> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-small-disk-"))
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0755`, "tmpfs", dir])
  onTestFinished(async () => {
    execFileSync("umount", ["--lazy", dir])
    await rm(dir, { recursive: true, force: true })
  })
  const ballast = join(dir, "ballast")
  return {
    dir,
    fill: async () => {
      const { bavail, bsize } = await statfs(dir)
      await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch((error: NodeJS.ErrnoException) => {
        // Somebody else took the last room in the meantime: it is as full as it was to be.
        if (error.code !== "ENOSPC") throw error
      })
    },
    empty: () => rm(ballast, { force: true }),
  }
}
