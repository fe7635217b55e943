import { uptime } from "node:os"
import { timestamp } from "@landfall/domain/timestamp"
import { secretsOf } from "../config/secrets-of.ts"
import { bindOf, type ServiceSettings, tokensOf } from "../config/service-settings.ts"
import { createLog } from "../log/log.ts"
import { clockMetrics } from "../metrics/clock.ts"
import { createMetrics } from "../metrics/metrics.ts"
import { arm } from "./failpoint.ts"
import { steadyClock } from "./steady-clock.ts"

/** The version that services say they are of. */
const version = "0.1.0"

/**
 * What every service has from its name and settings before it does anything: a log and answers that show none of its
 * secrets, metrics, a clock for its deadlines, and where it listens for whom. `shown` goes into `buildService` with what is the service's own.
 */
export const serviceShell = (
  name: string,
  settings: ServiceSettings & { readonly [setting: string]: unknown },
) => {
  const hide = secretsOf(settings)
  const log = createLog({ name, level: settings.LOG_LEVEL, hide })
  const metrics = createMetrics({ name, version })
  const failpoint = settings.LANDFALL_FAILPOINT
  if (failpoint !== null) {
    arm(failpoint)
    log.warn({ failpoint }, "LANDFALL_FAILPOINT is set, which is for tests: this process will kill itself")
  }
  const clock = steadyClock({
    wall: Date.now,
    elapsed: () => uptime() * 1000, // goes on while the machine is suspended, as performance.now() does not
    onMoved: (moved_ms) =>
      log.warn(
        { moved_ms },
        "this machine's clock was moved; deadlines go on as before and follow it slowly, or at once when the service is started again",
      ),
    onFollowed: () => log.info("this machine's clock is followed again"),
  })
  clockMetrics(metrics, clock.skewMs)
  const shown = {
    name,
    version,
    bind: bindOf(settings),
    tokens: tokensOf(settings),
    hide,
    log,
    metrics,
    now: () => timestamp(Date.now()),
    clockSkewMs: clock.skewMs,
  }
  return { log, metrics, now: clock.now, shown }
}
