import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { formatted } from "../parts/kafka-format.ts"
import { ownFolder } from "./folder.ts"

const properties = "version=1\nnode.id=1\ndirectory.id=first\ncluster.id=first-cluster\n"

/** A tool that counts its runs and writes what Kafka's does. */
const givenTool = (data: string) => {
  const tool = {
    runs: 0,
    format: async () => {
      tool.runs += 1
      await mkdir(data)
      await writeFile(join(data, "meta.properties"), properties)
      await writeFile(join(data, "bootstrap.checkpoint"), Buffer.of(1, 0, 255))
    },
  }
  return tool
}

test("a folder that was formatted once is copied, under names of its own", async () => {
  const dir = await ownFolder()
  const kept = join(dir, "kept")
  const first = join(dir, "first")
  const tool = givenTool(first)
  await formatted({ data: first, clusterId: "first-cluster", nodeId: "1", format: tool.format, kept })
  expect(await readFile(join(first, "meta.properties"), "utf8")).toBe(properties)

  const copies = await Promise.all(
    ["2", "3"].map(async (nodeId) => {
      const data = join(dir, nodeId)
      // What an interrupted formatting left.
      await mkdir(data)
      await writeFile(join(data, "old"), "")
      await formatted({ data, clusterId: `cluster-${nodeId}`, nodeId, format: tool.format, kept })
      expect(await readFile(join(data, "bootstrap.checkpoint"))).toEqual(Buffer.of(1, 0, 255))
      await expect(readFile(join(data, "old"))).rejects.toThrow("ENOENT")
      return await readFile(join(data, "meta.properties"), "utf8")
    }),
  )
  expect(tool.runs).toBe(1)
  expect(copies.map((text) => text.replace(/(?<=directory\.id=).*/, "…"))).toEqual([
    "version=1\nnode.id=2\ndirectory.id=…\ncluster.id=cluster-2\n",
    "version=1\nnode.id=3\ndirectory.id=…\ncluster.id=cluster-3\n",
  ])
  expect(new Set([properties, ...copies].map((text) => /directory\.id=(.*)/.exec(text)?.[1])).size).toBe(3)
})

test("what must not be kept is formatted each time", async () => {
  const dir = await ownFolder()
  const data = join(dir, "data")
  const tool = givenTool(data)
  for (const _ of [1, 2])
    await formatted({ data, clusterId: "a", nodeId: "1", format: tool.format, kept: null })
  expect(tool.runs).toBe(2)
})
