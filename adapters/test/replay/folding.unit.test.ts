import { recordEncoder } from "@landfall/domain/codec"
import { marketPrice } from "@landfall/projections/market-price"
import { projections } from "@landfall/projections/registry"
import { historyOf } from "@landfall/projections/testing/generators"
import fc from "fast-check"
import { describe, expect, it, onTestFinished } from "vitest"
import { foldHere } from "../../src/replay/folding.ts"
import { foldInWorker } from "../../src/replay/worker-folding.ts"

type Projection = (typeof projections)[number]

/** Values of a history, with some that are no records between them. */
const valuesOf = (projection: Projection): ReadonlyArray<Uint8Array | null> => {
  const encode = recordEncoder(projection.topic)
  const records = fc.sample(historyOf(projection.topic.name), { numRuns: 8, seed: 20_261_123 }).flat()
  return [
    null,
    Buffer.alloc(0),
    Buffer.from("<html>"),
    ...records.map((record) => Buffer.from(encode(record))),
  ]
}

const foldAll = async (
  folding: ReturnType<typeof foldHere>,
  values: ReadonlyArray<Uint8Array | null>,
  portion: number,
) => {
  onTestFinished(async () => void (await folding.close()))
  for (let from = 0; from < values.length; from += portion)
    await folding.add(values.slice(from, from + portion))
  await folding.done()
  return folding.result()
}

describe.each(projections.map((projection) => [projection.name, projection] as const))(
  "%s",
  (_, projection) => {
    it("is folded in a thread of its own as it is here, whatever the portions", async () => {
      const values = valuesOf(projection)
      const here = await foldAll(foldHere(projection), values, values.length)
      expect(here.rows.size).toBeGreaterThan(0)
      expect(here).toMatchObject({ events: values.length - 3, unreadable: 3 })
      expect(await foldAll(foldInWorker(projection), values, 3)).toEqual(here)
    })
  },
)

describe("a thread that folds", () => {
  it("tells its failure to whoever waits for it", async () => {
    const folding = foldInWorker({ ...marketPrice, name: "not_known" })
    onTestFinished(async () => void (await folding.close()))
    await expect(folding.result()).rejects.toThrow("there is no projection not_known")
  })

  it("takes nothing more once it was ended", async () => {
    const folding = foldInWorker(marketPrice)
    await folding.close()
    expect(() => folding.add([null])).toThrow("was ended")
    await expect(folding.done()).resolves.toBeUndefined()
    await expect(folding.result()).rejects.toThrow("was ended")
  })
})
