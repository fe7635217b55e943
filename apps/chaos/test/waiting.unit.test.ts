import { describe, expect, it } from "vitest"
import { oneAtATime, turnsByName } from "../src/waiting.ts"

/** Work that lasts until it is told to end, and what was done so far. */
const given = () => {
  const done: string[] = []
  const ends = new Map<string, () => void>()
  const work = (name: string) => async () => {
    done.push(`${name} begins`)
    await new Promise<void>((resolve) => ends.set(name, resolve))
    done.push(`${name} ends`)
  }
  return { done, work, end: (name: string) => ends.get(name)?.() }
}

describe("a door", () => {
  it("lets one through at a time, also after one has failed", async () => {
    const { done, work, end } = given()
    const door = oneAtATime()
    const failed = door(async () => {
      throw new Error("first")
    })
    const [second, third] = [door(work("second")), door(work("third"))]
    await expect(failed).rejects.toThrow("first")
    await new Promise(setImmediate)
    expect(done).toEqual(["second begins"])
    end("second")
    await second
    await new Promise(setImmediate)
    end("third")
    await third
    expect(done).toEqual(["second begins", "second ends", "third begins", "third ends"])
  })
})

describe("turns", () => {
  it("come in order to those who want the same, and at once to those who want something else", async () => {
    const { done, work, end } = given()
    const turns = turnsByName()
    const first = turns.of(["a"], work("first"))
    const both = turns.of(["a", "b"], work("both"))
    const later = turns.of(["b"], work("later"))
    const other = turns.of(["c"], work("other"))
    await new Promise(setImmediate)
    expect(done).toEqual(["first begins", "other begins"])
    end("first")
    await first
    await new Promise(setImmediate)
    expect(done.slice(2)).toEqual(["first ends", "both begins"])
    end("both")
    await both
    await new Promise(setImmediate)
    end("later")
    end("other")
    await Promise.all([later, other])
    expect(done.slice(4)).toEqual(["both ends", "later begins", "later ends", "other ends"])
  })
})
