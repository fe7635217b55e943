import { posix } from "node:path"
import { isSource, workspaceOf } from "./layers.ts"
import { importsOf } from "./scan.ts"

const parse = (text: string | undefined): Readonly<Record<string, unknown>> => {
  const value: unknown = text === undefined ? {} : JSON.parse(text)
  return typeof value === "object" && value !== null ? { ...value } : {}
}

const optionsOf = (config: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  Object.keys(parse(JSON.stringify(config["compilerOptions"] ?? {})))

/** Workspaces that do not have the common compiler options, or loosen one. `files` are those of the whole project. */
export const workspaceProblems = (files: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const common = optionsOf(parse(files.get("tsconfig.base.json")))
  const folders = [...files.keys()]
    .filter((path) => path.endsWith("/package.json"))
    .map((path) => posix.dirname(path))
    .filter((folder) => workspaceOf(`${folder}/package.json`) === folder)
  return folders.flatMap((folder) => {
    const text = files.get(`${folder}/tsconfig.json`)
    if (text === undefined) return [`${folder}: has no tsconfig.json`]
    const config = parse(text)
    const base = typeof config["extends"] === "string" ? posix.join(folder, config["extends"]) : "nothing"
    const changed = optionsOf(config).filter((option) => common.includes(option))
    return [
      ...(base === "tsconfig.base.json" ? [] : [`${folder}: extends ${base}, not tsconfig.base.json`]),
      ...changed.map((option) => `${folder}: changes the common compiler option ${option}`),
    ]
  })
}

/** Packages that a workspace's source imports without naming them in its package.json. */
export const dependencyProblems = (files: ReadonlyMap<string, string>): ReadonlyArray<string> =>
  [...files].flatMap(([path, text]) => {
    const workspace = workspaceOf(path)
    if (workspace === null || !isSource(path) || !path.endsWith(".ts")) return []
    const manifest = parse(files.get(`${workspace}/package.json`))
    const named = Object.keys(parse(JSON.stringify(manifest["dependencies"] ?? {})))
    return importsOf(text)
      .filter((name) => name !== null && !name.startsWith(".") && !name.startsWith("node:"))
      .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name ?? "")?.[0] ?? "")
      .filter((name) => name !== manifest["name"] && !named.includes(name))
      .map((name) => `${path}: imports ${name}, which ${workspace}/package.json does not name`)
  })
