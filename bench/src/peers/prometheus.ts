import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { inShort, PeerMissing, peersFolder, runStep } from "./once.ts"

/** A Prometheus that can be run. */
export interface PrometheusCommand {
  readonly command: string
  readonly version: string
}

const execute = promisify(execFile)
const folder = join(peersFolder, "prometheus")
const fetched = join(folder, "usr", "bin", "prometheus")
const byHand =
  "install it with `sudo apt-get update && sudo apt-get install -y --no-install-recommends prometheus`"

const versionOf = async (command: string): Promise<string | null> =>
  execute(command, ["--version"]).then(
    ({ stdout, stderr }) => /version ([\w.+~-]+)/.exec(stdout + stderr)?.[1] ?? "unknown",
    () => null,
  )

/** Debian's package, unpacked beside the project: no root, and no service that starts by itself. */
const fetchPackage = async (): Promise<void> => {
  const part = `${folder}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true })
  const download = (): Promise<void> =>
    runStep("apt-get", ["-q", "-o", "APT::Sandbox::User=", "download", "prometheus"], part)
  await download().catch(async (error: unknown) => {
    // A machine that was never asked for a package has no list of them; only root may fetch one.
    if (process.getuid?.() !== 0) throw error
    await runStep("apt-get", ["-q", "update"], part)
    await download()
  })
  const packed = (await readdir(part)).find((name) => name.endsWith(".deb"))
  if (packed === undefined) throw new Error("apt-get download left no package")
  await runStep("dpkg-deb", ["-x", packed, "."], part)
  await rm(folder, { recursive: true, force: true })
  await rename(part, folder)
}

/** The Prometheus on PATH, or Debian's, fetched once. Throws {@link PeerMissing} with what to run by hand. */
export const obtainPrometheus = async (): Promise<PrometheusCommand> => {
  const installed = await versionOf("prometheus")
  if (installed !== null) return { command: "prometheus", version: installed }
  if (!existsSync(fetched))
    await fetchPackage().catch((error: unknown) => {
      throw new PeerMissing(`Prometheus could not be fetched (${inShort(error)}): ${byHand}`)
    })
  const version = await versionOf(fetched)
  if (version === null) throw new PeerMissing(`${fetched} does not run here: delete ${folder}, and ${byHand}`)
  return { command: fetched, version }
}
