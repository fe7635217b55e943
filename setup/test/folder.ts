import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"

/** An empty folder of the running test's own, removed after it. */
export async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "landfall-setup-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
