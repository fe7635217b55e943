import { alertBench } from "./alert/alert.ts"
import type { Bench } from "./bench.ts"
import { engineBench } from "./engine/engine.ts"
import { evaluateBench } from "./evaluate/evaluate.ts"
import { freshnessBench } from "./freshness/freshness.ts"
import { latencyBench } from "./latency/latency.ts"
import { loadBench } from "./load/load.ts"
import { memoryBench } from "./memory/memory.ts"
import { observeBench } from "./observe/observe.ts"

/** Every benchmark, by the name of its folder, in the order in which they run. */
export const benches: Readonly<Record<string, Bench>> = {
  engine: engineBench,
  memory: memoryBench,
  freshness: freshnessBench,
  evaluate: evaluateBench,
  alert: alertBench,
  observe: observeBench,
  latency: latencyBench,
  load: loadBench,
}
