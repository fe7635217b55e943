import { describe, expect, it } from "vitest"
import { steadyClock } from "../../src/process/steady-clock.ts"

const hour_ms = 3_600_000
const start_ms = Date.UTC(2026, 10, 23)

/** A machine whose time goes on and whose clock can be moved. */
const givenMachine = () => {
  let passed_ms = 0
  let moved_ms = 0
  const told: Array<number | "followed"> = []
  const clock = steadyClock({
    wall: () => start_ms + passed_ms + moved_ms,
    elapsed: () => passed_ms,
    onMoved: (by_ms) => told.push(by_ms),
    onFollowed: () => told.push("followed"),
  })
  return {
    ...clock,
    told,
    /** What the clock says since the start, after time went on. */
    after: (length_ms: number): number => {
      passed_ms += length_ms
      return clock.now() - start_ms
    },
    move: (by_ms: number) => {
      moved_ms += by_ms
    },
  }
}

describe("row 15, order: the clock that deadlines go by", () => {
  it("is the machine's, and follows what a time server corrects at once", () => {
    const { after, move, skewMs, told } = givenMachine()
    expect(after(1_000)).toBe(1_000)
    move(400)
    expect(after(1_000)).toBe(2_400)
    move(-900)
    expect(after(100), "it does not go back").toBe(2_400)
    expect(after(1_000)).toBe(2_600)
    expect([skewMs(), told]).toEqual([0, []])
  })

  it.each([
    ["ahead", hour_ms, 1.01],
    ["back", -hour_ms, 0.99],
  ])(
    "does not leap when the machine's is moved an hour %s: it follows slowly, and says so",
    (_, by_ms, speed) => {
      const { after, move, skewMs, told } = givenMachine()
      after(1_000)
      move(by_ms)
      expect(after(1_000)).toBe(1_000 + 1_000 * speed)
      expect(skewMs()).toBe(Math.round(by_ms - 1_000 * (speed - 1)))
      expect(told).toEqual([by_ms])
      after(100 * hour_ms)
      expect(after(1_000)).toBe(100 * hour_ms + 3_000 + by_ms)
      expect([skewMs(), told]).toEqual([0, [by_ms, "followed"]])
    },
  )

  it("is itself again at once when the machine's is moved back", () => {
    const { after, move, skewMs, told } = givenMachine()
    move(-hour_ms)
    after(500)
    move(hour_ms)
    expect(after(500)).toBe(1_000)
    expect([skewMs(), told]).toEqual([0, [-hour_ms, hour_ms, "followed"]])
  })

  it("counts the time of a suspended machine", () => {
    const { after, skewMs } = givenMachine()
    expect(after(8 * hour_ms)).toBe(8 * hour_ms)
    expect(skewMs()).toBe(0)
  })
})
