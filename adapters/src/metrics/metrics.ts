import { collectDefaultMetrics, Gauge, Registry } from "@prometheus-io/client"

/** The metrics of one process. Each service has its own registry, never the global one. */
export type Metrics = Registry

/** A registry with what every service shows: the build, and Node's memory, garbage collector and event loop. */
export const createMetrics = (service: { readonly name: string; readonly version: string }): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const build = new Gauge({
    name: "landfall_build_info",
    help: "Always 1; the labels say which service of which version answers.",
    labelNames: ["service", "version"],
    registers: [registry],
  })
  build.set({ service: service.name, version: service.version }, 1)
  return registry
}
