import { step, type Terminal } from "../terminal.ts"
import { writePolicy } from "./alert-policy.ts"
import type { Cleanup } from "./ending.ts"
import { landfallEnvironment } from "./environment.ts"
import type { Parts } from "./parts.ts"
import { type RunningService, startService } from "./services.ts"

/** All services of the desk, each a process of its own. */
export interface Operation {
  readonly writer: RunningService
  readonly manager: RunningService
  readonly inventory: RunningService
  readonly market: RunningService
  readonly sentinel: RunningService
}

/** Starts every service: the history writer first, because it makes the tables, then the others side by side. */
export const startOperation = async (
  terminal: Terminal,
  parts: Parts,
  accountId: string,
  folder: string,
  cleanup: Cleanup,
): Promise<Operation> => {
  const environment = landfallEnvironment(parts, accountId)
  const serve = async (
    name: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<RunningService> => {
    const service = await step(
      terminal,
      name,
      () => startService(name, { ...environment, ...more }, folder),
      ({ url }) => url,
    )
    cleanup.add(() => service.process.stop())
    return service
  }
  const writer = await serve("history-writer")
  const starting = [
    serve("liquidity-manager").then(async (manager) => ({
      manager,
      inventory: await serve("inventory-sync", { LIQUIDITY_MANAGER_URL: manager.url }),
    })),
    serve("market-reference-ingest"),
    serve("ops-sentinel", { ALERT_POLICY_FILE: await writePolicy(folder, accountId) }),
  ] as const
  await Promise.allSettled(starting)
  const [{ manager, inventory }, market, sentinel] = await Promise.all(starting)
  return { writer, manager, inventory, market, sentinel }
}

/** The services in a list. */
export const servicesOf = (operation: Operation): ReadonlyArray<RunningService> => Object.values(operation)
