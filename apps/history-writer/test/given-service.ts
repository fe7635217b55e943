import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { until } from "@landfall/sandbox/until"
import { type Leashed, spawnLeashed } from "@landfall/setup/parts/leash"
import { onTestFinished } from "vitest"
import type { House, Parts } from "./given-parts.ts"
import { freshGroup } from "./given-writer.ts"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
let logs = 0

/** The service as a process of its own. */
export interface GivenService {
  readonly child: Leashed
  /** Its log so far: one JSON object a line, or what it printed before it had a log. */
  readonly log: () => Promise<string>
  /** Where it listens, once it does. */
  readonly url: () => Promise<string>
}

/** The environment of a service for that house. */
export const environmentOf = (house: House): Readonly<Record<string, string | undefined>> => ({
  KAFKA_BROKERS: house.brokers,
  KAFKA_GROUP_ID: freshGroup(),
  DATABASE_URL: house.url,
  MIGRATE: "true",
  HTTP_PORT: "0",
  LOG_LEVEL: "info",
})

/** Starts the service with that environment; it is killed after the test if it still runs. */
export const givenService = async (
  { dir }: Parts,
  env: Readonly<Record<string, string | undefined>>,
): Promise<GivenService> => {
  const file = join(dir, `service-${logs++}.log`)
  const child = await spawnLeashed(process.execPath, [main], { env, log: file })
  onTestFinished(() => child.kill())
  const log = () => readFile(file, "utf8")
  let ended = false
  void child.exited.then(() => {
    ended = true
  })
  const url = async (): Promise<string> => {
    const found = await until("the service listens", async () => {
      const listening = (await log()).split("\n").find((line) => line.includes('"msg":"listening"'))
      if (listening !== undefined) return (JSON.parse(listening) as { url: string }).url
      return ended ? "" : null
    })
    if (found === "") throw new Error(`the service ended instead of listening:\n${await log()}`)
    return found
  }
  return { child, log, url }
}
