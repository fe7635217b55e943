import { buildService } from "@landfall/adapters/http/service"
import { createLog } from "@landfall/adapters/log/log"
import { createMetrics } from "@landfall/adapters/metrics/metrics"
import { timestamp } from "@landfall/domain/timestamp"
import { afterEach, beforeEach, expect, test } from "vitest"
import { listRoutes } from "../src/list-routes.ts"
import { listUrls } from "../src/state.ts"

const problems = Array.from({ length: 25 }, (_, index) => `row ${index} is no whole amount`)
const assets = ["btc:mainnet:rune", "eth:100:0xaa", "eth:100:0xbb"]

let app: Awaited<ReturnType<typeof buildService>>["app"]
beforeEach(async () => {
  const service = { name: "inventory-sync", version: "0" }
  const built = await buildService({
    ...service,
    bind: { host: "127.0.0.1", port: 0 },
    tokens: { control: null, read: null },
    log: createLog({ name: "test", level: "silent" }),
    metrics: createMetrics(service),
    now: () => timestamp(0),
    readiness: () => ({ ready: true, reasons: [] }),
    state: () => ({}),
    routes: listRoutes({ unreadable_deposits: () => problems, unlisted_assets: () => assets }),
  })
  app = built.app
})
afterEach(() => app.close())

/** All items of a list, and how many pages they took. */
const walk = async (url: string, limit: number) => {
  const items: unknown[] = []
  let pages = 0
  for (let cursor: string | null = ""; cursor !== null && pages < 100; pages++) {
    const answer = await app.inject(`${url}?limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`)
    expect(answer.statusCode).toBe(200)
    const page = answer.json() as { readonly items: unknown[]; readonly next_cursor: string | null }
    expect(page.items.length).toBeLessThanOrEqual(limit)
    items.push(...page.items)
    cursor = page.next_cursor
  }
  return { items, pages }
}

test("every unreadable row is on one page, in the order of the bridge", async () => {
  const { items, pages } = await walk(listUrls.unreadable_deposits, 7)
  expect(items).toEqual(problems.map((problem, index) => ({ place: index + 1, problem })))
  expect(pages).toBe(4)
})

test("every asset that the inventory does not list is on one page", async () => {
  expect(await walk(listUrls.unlisted_assets, 2)).toEqual({ items: assets, pages: 2 })
})

test("a cursor is of its own list", async () => {
  const { next_cursor } = (await app.inject(`${listUrls.unlisted_assets}?limit=1`)).json()
  const answer = await app.inject(`${listUrls.unreadable_deposits}?cursor=${next_cursor}`)
  expect([answer.statusCode, answer.json().error.field]).toEqual([400, "cursor"])
})
