import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Leashed, sendSignal, spawnLeashed } from "@landfall/setup/parts/leash"
import { pause } from "./waiting.ts"

/** How a process ended that nobody had ended. */
export interface OwnEnd {
  readonly name: string
  readonly at_ms: number
  readonly code: number | null
  readonly signal: string | null
  readonly lastWords: string
}

/** A service as an orchestrator runs it: it is started again whenever it has ended. */
export interface Supervised {
  readonly name: string
  readonly url: string
  /** Whether a process runs now. */
  readonly runs: () => boolean
  /** Asks `/health/ready`: null when it is, or why it is not. */
  readonly unready: () => Promise<string | null>
  readonly get: <Answer>(path: string) => Promise<Answer>
  /** SIGKILL; it is started again after so long. */
  readonly kill: (delay_ms: number) => Promise<void>
  /** SIGSTOP; the process keeps its connections and knows nothing of the time. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** SIGTERM, so often. Resolves with what was wrong with its end, or null. It is started again. */
  readonly end: (times: number) => Promise<string | null>
  /** Ends it and does not start it again; resolves with what was wrong with its end, or null. */
  readonly stop: () => Promise<string | null>
  /** SIGKILL, and it is not started again. */
  readonly abandon: () => Promise<void>
}

export interface SupervisedOptions {
  readonly name: string
  readonly app: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  readonly folder: string
  readonly onOwnEnd: (end: OwnEnd) => void
}

const apps = fileURLToPath(new URL("../../", import.meta.url))
/** A service promises to have ended by then after SIGTERM. */
const drain_ms = 20_000
/** What it says when it could not end in order, because of Kafka. */
const unanswered = '"kafka_calls_under_way":["'
const restart_ms = 300
const answer_ms = 5_000

const lastWords = async (log: string): Promise<string> =>
  (await readFile(log, "utf8").catch(() => "")).trimEnd().split("\n").slice(-3).join(" | ").slice(-1_200)

/** Starts a service and goes on starting it until it is stopped. */
export const supervise = async (options: SupervisedOptions): Promise<Supervised> => {
  const { name, app, port, env, folder, onOwnEnd } = options
  const url = `http://127.0.0.1:${port}`
  const log = join(folder, `${name}.log`)
  const token = randomBytes(24).toString("hex")
  const stopped = new AbortController()
  let child: Leashed | null = null
  let wanted: "nothing" | "end" = "nothing"
  let delay_ms = restart_ms

  const start = async (): Promise<void> => {
    wanted = "nothing"
    const started = await spawnLeashed(process.execPath, [join(apps, app, "src", "main.ts")], {
      env: { ...env, HTTP_PORT: String(port), CONTROL_TOKEN: token },
      log,
    })
    // Told to stop while it started.
    if (stopped.signal.aborted) return started.kill()
    child = started
    void started.exited.then(async ({ code, signal }) => {
      child = null
      if (wanted === "nothing")
        onOwnEnd({ name, at_ms: performance.now(), code, signal, lastWords: await lastWords(log) })
      const wait_ms = delay_ms
      delay_ms = restart_ms
      await pause(wait_ms, stopped.signal)
      if (!stopped.signal.aborted) await start()
    })
  }

  /**
   * Tells it to end and waits for it; a stopped process hears nothing, so it goes on first. While Kafka is away it may end with 1,
   * when it says what Kafka has not answered.
   */
  const end = async (times: number, kafkaMayBeAway: boolean): Promise<string | null> => {
    const running = child
    if (running === null) return null
    wanted = "end"
    const began_ms = performance.now()
    sendSignal(running.pid, "SIGCONT")
    for (let time = 0; time < times; time++) sendSignal(running.pid, "SIGTERM")
    await running.stop("SIGTERM", drain_ms + 5_000)
    const { code, signal } = await running.exited
    const took = `after ${Math.round(performance.now() - began_ms)} ms`
    // One that has just been started does not hear yet, and ends as any program does.
    if (code === 0 || signal === "SIGTERM") return null
    const words = await lastWords(log)
    if (kafkaMayBeAway && code === 1 && words.includes(unanswered)) return null
    return `${name} ended ${took} with ${code ?? signal} on SIGTERM: ${words}`
  }

  const get = async <Answer>(path: string): Promise<Answer> => {
    const answer = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(answer_ms),
    })
    return (await answer.json()) as Answer
  }
  await start()
  return {
    name,
    url,
    runs: () => child !== null,
    unready: async () => {
      const { ready, reasons } = await get<{ ready: boolean; reasons: ReadonlyArray<unknown> }>(
        "/health/ready",
      )
      return ready ? null : reasons.map((reason) => JSON.stringify(reason)).join("; ") || "not ready"
    },
    get,
    kill: async (after_ms) => {
      wanted = "end"
      delay_ms = after_ms
      await child?.kill()
    },
    freeze: () => {
      if (child !== null) sendSignal(child.pid, "SIGSTOP")
    },
    thaw: () => {
      if (child !== null) sendSignal(child.pid, "SIGCONT")
    },
    end: (times) => end(times, true),
    stop: async () => {
      stopped.abort()
      return end(1, false)
    },
    abandon: async () => {
      stopped.abort()
      wanted = "end"
      await child?.kill()
    },
  }
}
