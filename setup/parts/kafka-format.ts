import { randomUUID } from "node:crypto"
import { access, cp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"

/** A name for a cluster or for a folder of one, as Kafka wants it. */
export const newClusterId = (): string =>
  Buffer.from(randomUUID().replaceAll("-", ""), "hex").toString("base64url")

/** A folder to be formatted for a first start. */
export interface Unformatted {
  readonly data: string
  readonly clusterId: string
  readonly nodeId: string
  /** Has Kafka's own tool format it. */
  readonly format: () => Promise<void>
  /** Where a formatted folder is kept, whose copies then stand for more runs of the tool; null where it is to be run. */
  readonly kept: string | null
}

/**
 * Formats the folder: what the tool writes differs only in the names inside `meta.properties`, and starting it takes longer
 * than all else. Rejects when the tool does.
 */
export const formatted = async ({ data, clusterId, nodeId, format, kept }: Unformatted): Promise<void> => {
  // What an interrupted formatting left.
  await rm(data, { recursive: true, force: true })
  if (kept === null) return await format()
  if (!(await exists(kept))) {
    await format()
    await keep(data, kept)
    return
  }
  const part = `${data}.part`
  await rm(part, { recursive: true, force: true })
  await cp(kept, part, { recursive: true })
  const names = join(part, "meta.properties")
  await writeFile(names, renamed(await readFile(names, "utf8"), nodeId, clusterId))
  await rename(part, data)
}

/** Keeps a copy, whole or not at all; another process may have been first. */
const keep = async (data: string, kept: string): Promise<void> => {
  const part = `${kept}.${process.pid}`
  await cp(data, part, { recursive: true })
  await rename(part, kept).catch(() => rm(part, { recursive: true, force: true }))
}

const renamed = (properties: string, nodeId: string, clusterId: string): string => {
  const values: Readonly<Record<string, string>> = {
    "node.id": nodeId,
    "cluster.id": clusterId,
    "directory.id": newClusterId(),
  }
  return properties
    .split("\n")
    .map((line) => {
      const name = line.slice(0, line.indexOf("="))
      return values[name] === undefined ? line : `${name}=${values[name]}`
    })
    .join("\n")
}

export const exists = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  )
