import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished } from "vitest"
import { migrations } from "../src/migrations.ts"

/** A folder with those files, removed after the running test. */
const folderOf = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-migrations-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

describe("the migrations", () => {
  it("are every file of their folder, numbered from 1 without gaps, each with its hash", () => {
    const all = migrations()
    const folder = fileURLToPath(new URL("../migrations/", import.meta.url))
    expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1))
    expect(all.map(({ number, name }) => `${String(number).padStart(4, "0")}_${name}.sql`)).toEqual(
      readdirSync(folder).sort(),
    )
    for (const { text, sha256 } of all) expect(sha256).toBe(createHash("sha256").update(text).digest("hex"))
  })

  it("go on after 9 in the order of their numbers", () => {
    const names = Array.from({ length: 12 }, (_, index) => `${String(index + 1).padStart(4, "0")}_step.sql`)
    const folder = folderOf(Object.fromEntries(names.map((name) => [name, `select '${name}'`])))
    expect(migrations(folder).map(({ number, text }) => [number, text])).toEqual(
      names.map((name, index) => [index + 1, `select '${name}'`]),
    )
  })

  it.each([
    ["a gap", ["0001_a.sql", "0003_c.sql"], "0003_c.sql should begin with 0002_"],
    ["a repeated number", ["0001_a.sql", "0001_b.sql"], "0001_b.sql should begin with 0002_"],
    ["a first one that is not 1", ["0000_a.sql"], "0000_a.sql should begin with 0001_"],
    ["no number", ["a.sql"], "a.sql should begin with 0001_"],
    ["a number of another form", ["0001_a.sql", "2_b.sql"], "2_b.sql should begin with 0002_"],
    ["a longer number", ["00010_a.sql"], "00010_a.sql should begin with 0001_"],
  ])("may not have %s", (_, files, message) => {
    expect(() => migrations(folderOf(Object.fromEntries(files.map((file) => [file, ""]))))).toThrow(message)
  })

  it("only go forward, and leave the transaction to the one who applies them", () => {
    for (const { name, text } of migrations()) {
      const statements = text.replace(/--.*$/gm, "").replace(/\$\$[\s\S]*?\$\$/g, "")
      expect(statements, name).not.toMatch(/^\s*(?:begin|commit|rollback|start\s+transaction|savepoint)\b/im)
      expect(statements, name).not.toMatch(/\bconcurrently\b|\bvacuum\b/i)
    }
  })

  it("act as the owner only until they end", () => {
    for (const { name, text } of migrations()) {
      const roles = [...text.matchAll(/^(?:set local role \w+|reset role);$/gm)].map(
        ([statement]) => statement,
      )
      if (roles.length > 0) expect(roles, name).toEqual(["set local role landfall_owner;", "reset role;"])
    }
  })
})
