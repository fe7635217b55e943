import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { metricsPage } from "../src/metrics.ts"

const page = fileURLToPath(new URL("../reference/metrics.md", import.meta.url))

it("docs/reference/metrics.md says what the services register", () => {
  if (process.env["UPDATE_REFERENCE"] === "1") writeFileSync(page, metricsPage())
  expect(readFileSync(page, "utf8")).toBe(metricsPage())
})
