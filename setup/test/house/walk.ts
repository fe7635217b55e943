import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"

const skipped: ReadonlySet<string> = new Set(["node_modules", "coverage", "dist", "golden"])
const read = /\.(?:ts|mjs|sql|sh)$|(?:^|\/)(?:package|tsconfig(?:\.base)?)\.json$/

/** The project's own source files under a folder, by path from it with `/`, with their text. */
export const readFiles = (root: string): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && !skipped.has(entry.name) && !entry.name.startsWith(".")) walk(path)
      else if (entry.isFile() && read.test(path))
        files.set(relative(root, path).replaceAll("\\", "/"), readFileSync(path, "utf8"))
    }
  }
  walk(root)
  return files
}
