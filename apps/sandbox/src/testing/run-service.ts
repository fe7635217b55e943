import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const apps = fileURLToPath(new URL("../../../", import.meta.url))

/** Runs a service with exactly this environment until it ends by itself: its exit code, and what it said. */
export const runService = async (
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly words: string }> => {
  const child = spawn(process.execPath, [`${apps}${name}/src/main.ts`], {
    env: { ...env },
    stdio: ["ignore", "ignore", "pipe"],
  })
  let words = ""
  child.stderr.on("data", (chunk: Buffer) => {
    words += chunk.toString()
  })
  const [code] = (await once(child, "close")) as [number | null]
  return { code, words }
}
