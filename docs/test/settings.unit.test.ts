import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { settingsPage } from "../src/settings.ts"

const page = fileURLToPath(new URL("../reference/settings.md", import.meta.url))

it("docs/reference/settings.md says what the services read", () => {
  if (process.env["UPDATE_REFERENCE"] === "1") writeFileSync(page, settingsPage())
  expect(readFileSync(page, "utf8")).toBe(settingsPage())
})
