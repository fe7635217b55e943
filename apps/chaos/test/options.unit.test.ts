import { describe, expect, it } from "vitest"
import { optionsOf } from "../src/options.ts"

describe("the arguments", () => {
  it("have defaults", () => {
    expect(optionsOf([])).toEqual({
      seed: 1,
      minutes: 10,
      rate: 2_000,
      report: null,
      keep: false,
      planOnly: false,
    })
  })

  it("are taken as they are given", () => {
    expect(
      optionsOf(["--seed", "7", "--minutes", "0.5", "--rate", "0", "--report", "x.md", "--keep"]),
    ).toEqual({
      seed: 7,
      minutes: 0.5,
      rate: 0,
      report: "x.md",
      keep: true,
      planOnly: false,
    })
  })

  it.each([
    [["--seed", "-1"], /--seed/],
    [["--seed", "1e3"], /--seed is "1e3": it must be from 0 to 2147483647/],
    [["--seed", "4294967296"], /--seed/],
    [["--minutes", "0"], /--minutes is "0": it must be from 0.1 to 1440/],
    [["--minutes", "ten"], /--minutes/],
    [["--rate", "20001"], /--rate/],
    [["--report", ""], /--report is empty/],
    [["--sed", "1"], /--sed/],
    [["more"], /more/],
  ])("are refused when they are %j", (args, why) => {
    expect(optionsOf(args)).toEqual({ problems: [expect.stringMatching(why)] })
  })

  it("are refused all at once", () => {
    expect(optionsOf(["--seed", "x", "--minutes", "y"])).toHaveProperty("problems.length", 2)
  })
})
