import { posix } from "node:path"
import { importsOf } from "./scan.ts"

/** The workspaces that each workspace may import; imports go one way. */
const below: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  projections: ["domain"],
  evaluators: ["domain", "projections"],
  sql: ["domain", "projections"],
  adapters: ["domain", "projections", "evaluators", "sql"],
  app: ["domain", "projections", "evaluators", "sql", "adapters"],
  sandbox: ["domain", "projections", "evaluators", "sql", "adapters", "setup"],
  bench: ["domain", "projections", "evaluators", "sql", "adapters", "setup", "app", "sandbox"],
  chaos: ["domain", "projections", "evaluators", "sql", "adapters", "setup", "app", "sandbox", "simulation"],
  simulation: ["domain", "projections", "evaluators", "adapters", "app"],
  setup: ["domain"],
  docs: ["domain", "projections", "evaluators", "adapters", "app"],
}

/** The parts of effect that neither act nor know the time: Schema, and what compiles it. */
const pureEffect: ReadonlySet<string> = new Set([
  "effect",
  "effect/Schema",
  "effect/schema/SchemaJITCompiler",
])

/** The packages that the pure workspaces may import; others are free but for what `house` forbids. */
const packages: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: ["effect", "uuid"],
  projections: ["effect"],
  evaluators: ["effect"],
}

const topFolders: ReadonlySet<string> = new Set([
  "domain",
  "projections",
  "evaluators",
  "sql",
  "adapters",
  "bench",
  "setup",
])

/** The folder of the file's workspace, such as `apps/sandbox`; null outside of workspaces. */
export const workspaceOf = (path: string): string | null => {
  const [top = "", name = ""] = path.split("/")
  if (top === "apps") return `apps/${name}`
  return topFolders.has(top) ? top : null
}

/** The layer that a workspace folder or a `@landfall/` package belongs to. */
const layerOf = (name: string): string => {
  const bare = name.replace(/^apps\//, "")
  return bare in below ? bare : "app"
}

/** Whether the file is part of what runs, and not a test. */
export const isSource = (path: string): boolean =>
  /^(?:[a-z-]+|apps\/[a-z-]+)\/src\/|^setup\/parts\//.test(path)

/** Whether the file belongs to the test kit that users get with the projections and the rules. */
export const isTestKit = (path: string): boolean =>
  /^(?:projections|evaluators)\/src\/(?:testing|laws)\//.test(path)

const problemWith = (path: string, layer: string, name: string | null): string | null => {
  const pure = packages[layer]
  if (name === null) return pure === undefined ? null : "imports a module that is known only when it runs"
  if (name.startsWith(".")) {
    const target = posix.join(posix.dirname(path), name)
    const inside = target.startsWith(`${workspaceOf(path)}/`) && isSource(target)
    return inside ? null : `imports ${name}, outside of its own src: use the package's name`
  }
  const own = /^@landfall\/([^/]+)/.exec(name)?.[1]
  if (own !== undefined) {
    if (
      isTestKit(name.replace(/^@landfall\/([^/]+)\//, "$1/src/")) &&
      layer !== "bench" &&
      layer !== "simulation"
    )
      return `imports ${name}, which is for tests`
    const allowed = below[layer]?.includes(layerOf(own)) ?? false
    return allowed
      ? null
      : `imports ${name}: ${layer} may import ${below[layer]?.join(", ") || "no other workspace"}`
  }
  if (pure === undefined) return null
  const base = name.split("/")[0] ?? name
  if (base === "fast-check" && isTestKit(path)) return null
  if (!pure.includes(base)) return `imports ${name}: ${layer} may import ${pure.join(", ")}`
  return base === "effect" && !pureEffect.has(name) ? `imports ${name}: only Schema is pure` : null
}

/** What the file imports that it may not; for files that run, tests may import more. */
export const layerProblems = (path: string, text: string): ReadonlyArray<string> => {
  const workspace = workspaceOf(path)
  if (workspace === null || !isSource(path)) return []
  return importsOf(text)
    .map((name) => problemWith(path, layerOf(workspace), name))
    .filter((problem) => problem !== null)
}
