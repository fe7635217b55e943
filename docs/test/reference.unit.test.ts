import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { kafkaAccessPage } from "../src/kafka-access.ts"
import { settingsPage } from "../src/settings.ts"

const pages: ReadonlyArray<readonly [name: string, page: () => string]> = [
  ["settings.md", settingsPage],
  ["kafka-access.md", kafkaAccessPage],
]

it.each(pages)("docs/reference/%s says what the code does", (name, page) => {
  const path = fileURLToPath(new URL(`../reference/${name}`, import.meta.url))
  if (process.env["UPDATE_REFERENCE"] === "1") writeFileSync(path, page())
  expect(readFileSync(path, "utf8")).toBe(page())
})
