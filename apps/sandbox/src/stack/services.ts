import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Leashed, spawnLeashed } from "@landfall/setup/parts/leash"
import { freePort } from "@landfall/setup/parts/ports"
import { until } from "../until.ts"

/** A Landfall service that runs as a process of its own. */
export interface RunningService {
  readonly name: string
  readonly url: string
  readonly token: string
  readonly process: Leashed
  readonly log: string
  readonly get: <Answer>(path: string) => Promise<Answer>
  readonly post: <Answer>(path: string, body?: unknown) => Promise<Answer>
}

const apps = fileURLToPath(new URL("../../../", import.meta.url))
const startTimeoutMs = 60_000

/**
 * Starts `apps/<name>` and resolves when it is ready, or when it lives where it has hours of work before it is ready;
 * rejects with the end of its log when it is not.
 */
export const startService = async (
  name: string,
  env: Readonly<Record<string, string>>,
  logFolder: string,
  startedWhen: "ready" | "live" = "ready",
): Promise<RunningService> => {
  const port = await freePort()
  const token = randomBytes(24).toString("hex")
  const log = join(logFolder, `${name}.log`)
  const url = `http://127.0.0.1:${port}`
  const child = await spawnLeashed(process.execPath, [join(apps, name, "src", "main.ts")], {
    env: { ...env, HTTP_PORT: String(port), CONTROL_TOKEN: token },
    log,
  })
  let ended = false
  void child.exited.then(() => {
    ended = true
  })
  const call = async <Answer>(path: string, init: RequestInit): Promise<Answer> => {
    const answer = await fetch(`${url}${path}`, init)
    if (!answer.ok)
      throw new Error(`${name} answered ${answer.status} to ${path}: ${(await answer.text()).slice(0, 500)}`)
    return (await answer.json()) as Answer
  }
  const service: RunningService = {
    name,
    url,
    token,
    process: child,
    log,
    get: (path) => call(path, {}),
    post: (path, body) =>
      call(path, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body ?? {}),
      }),
  }
  await until(
    `${name} to be ${startedWhen}`,
    async () => {
      if (ended) throw new Error(`${name} ended at its start: ${await lastLines(log)}`)
      return service.get(`/health/${startedWhen}`).then(
        () => true,
        () => null,
      )
    },
    { timeoutMs: startTimeoutMs, fatal: () => ended },
  ).catch(async (error: unknown) => {
    await child.stop()
    throw new Error(
      `${error instanceof Error ? error.message : error}; its log ${log} ends with: ${await lastLines(log)}`,
    )
  })
  return service
}

/** How each of the services stands, for a test that waited in vain: what it says of its readiness, and the end of its log. */
export const standingOf = (services: Iterable<RunningService>): Promise<ReadonlyArray<string>> =>
  Promise.all(
    [...services].map(async ({ name, url, log }) => {
      const ready = await fetch(`${url}/health/ready`).then((answer) => answer.text(), String)
      return `${name} says ${ready.slice(0, 300)}, and last in its log: ${await lastLines(log, 400)}`
    }),
  )

const lastLines = async (file: string, lengthMax = 1_500): Promise<string> =>
  (await readFile(file, "utf8").catch(() => "(no log)"))
    .trim()
    .split("\n")
    .slice(-3)
    .join(" | ")
    .slice(-lengthMax)
