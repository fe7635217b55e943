import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { until } from "@landfall/sandbox/until"
import { spawnLeashed } from "@landfall/setup/parts/leash"
import { freePort } from "@landfall/setup/parts/ports"
import { waitUntilReady } from "@landfall/setup/parts/ready"
import { peersCode } from "../peers/once.ts"
import type { PrometheusCommand } from "../peers/prometheus.ts"

/** One evaluation of the rule, as Prometheus itself measured it. */
export interface Evaluation {
  readonly took_ms: number
  /** How many alerts were firing after it. */
  readonly firing: number
  readonly rss_bytes: number
}

/** A Prometheus that evaluates one staleness rule every two seconds. */
export interface RunningPrometheus {
  /** Waits until the rule was evaluated once more. */
  readonly evaluation: () => Promise<Evaluation>
  readonly stop: () => Promise<void>
}

const startTimeoutMs = 60_000
const pollMs = 50

const metric = (page: string, name: string): number => {
  const found = new RegExp(`^${name}(?:\\{[^\\n]*\\})? (\\S+)$`, "m").exec(page)?.[1]
  return found === undefined ? Number.NaN : Number(found)
}

const configure = async (dir: string, target: string, window_s: number): Promise<string> => {
  await mkdir(dir, { recursive: true })
  for (const file of ["prometheus.yml", "rules.yml"]) {
    const text = await readFile(join(peersCode, "prometheus", file), "utf8")
    await writeFile(
      join(dir, file),
      text.replaceAll("TARGET", target).replaceAll("WINDOW_S", String(window_s)),
    )
  }
  return join(dir, "prometheus.yml")
}

/** Starts Prometheus on that target and resolves once the rule finds as many alerts as there are series due. */
export const startPrometheus = async (options: {
  readonly prometheus: PrometheusCommand
  readonly dir: string
  readonly target: string
  readonly window_s: number
  readonly due: number
}): Promise<RunningPrometheus> => {
  const { prometheus, dir, due } = options
  const config = await configure(dir, options.target, options.window_s)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const log = join(dir, "prometheus.log")
  const child = await spawnLeashed(
    prometheus.command,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { log, cwd: dir },
  )
  await waitUntilReady("Prometheus", child, log, startTimeoutMs, () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  const page = async (): Promise<string> => (await fetch(`${url}/metrics`)).text()
  const firing = async (): Promise<number> => {
    const answer = (await (await fetch(`${url}/api/v1/alerts`)).json()) as {
      readonly data: { readonly alerts: ReadonlyArray<{ readonly state: string }> }
    }
    return answer.data.alerts.filter(({ state }) => state === "firing").length
  }
  const evaluatedAt = (text: string): number =>
    metric(text, "prometheus_rule_group_last_evaluation_timestamp_seconds")
  try {
    await until(`${due} alerts of Prometheus`, async () => ((await firing()) === due ? true : null), {
      timeoutMs: startTimeoutMs,
    })
  } catch (error) {
    await child.stop()
    throw error
  }
  return {
    evaluation: async () => {
      const before = evaluatedAt(await page())
      for (;;) {
        await sleep(pollMs)
        const text = await page()
        if (evaluatedAt(text) === before) continue
        return {
          took_ms: metric(text, "prometheus_rule_group_last_duration_seconds") * 1000,
          firing: await firing(),
          rss_bytes: metric(text, "process_resident_memory_bytes"),
        }
      }
    },
    stop: () => child.stop(),
  }
}
