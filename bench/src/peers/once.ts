import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { runToEnd } from "@landfall/setup/parts/run-to-end"

/** Where the peers are put: with what else set-up fetches, and never among the project's own dependencies. */
export const peersFolder = fileURLToPath(new URL("../../../.tools/peers/", import.meta.url))

/** Where the peers' own code and the lists of what they need are. */
export const peersCode = fileURLToPath(new URL("../../peers/", import.meta.url))

/** A peer that is not there, and what to run so that it will be. */
export class PeerMissing extends Error {}

/** Runs a command of a peer's set-up, its output in a log; throws with the log's last lines. */
export const runStep = (command: string, args: ReadonlyArray<string>, cwd: string): Promise<void> =>
  runToEnd(command, args, { cwd, log: join(peersFolder, "set-up.log") })

/**
 * Does the work of a peer's set-up once for the same files (those that say what is needed), again when one of them
 * changed or the result is gone.
 */
export const once = async (options: {
  readonly name: string
  readonly files: ReadonlyArray<string>
  /** The file by whose being there the result is known. */
  readonly result: string
  readonly work: () => Promise<void>
}): Promise<void> => {
  const hash = createHash("sha256")
  for (const file of options.files) hash.update(await readFile(file))
  const wanted = hash.digest("hex")
  const stamp = join(peersFolder, `${options.name}.stamp`)
  const found = await readFile(stamp, "utf8").catch(() => "")
  if (found === wanted && existsSync(options.result)) return
  // The old stamp goes before the work, so that what interrupts it has it done again.
  await rm(stamp, { force: true })
  await options.work()
  await mkdir(dirname(stamp), { recursive: true })
  await writeFile(stamp, wanted)
}

/** What went wrong in a few words; the rest is in the log of the set-up. */
export const inShort = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0]?.split(". The log ")[0] ?? ""

/** What the promise gives, or the reason why the peer is not there; other errors are thrown. */
export const orMissing = async <Peer>(
  obtained: Promise<Peer>,
): Promise<{ readonly peer: Peer } | { readonly missing: string }> => {
  try {
    return { peer: await obtained }
  } catch (error) {
    if (error instanceof PeerMissing) return { missing: error.message }
    throw error
  }
}
