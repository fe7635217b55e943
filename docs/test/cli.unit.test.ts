import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { cliPage } from "../src/cli.ts"

const page = fileURLToPath(new URL("../cli.md", import.meta.url))

it("docs/cli.md says what the commands take", () => {
  if (process.env["UPDATE_REFERENCE"] === "1") writeFileSync(page, cliPage())
  expect(readFileSync(page, "utf8")).toBe(cliPage())
})
