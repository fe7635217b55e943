import { expect, test } from "vitest"
import { namedList } from "../../src/config/named-list.ts"

const pairs = namedList({
  accepted: "pairs",
  example: "a=b",
  parts: 2,
  entries_max: 2,
  read: ([name = "", symbol = ""]) => (symbol === "bad" ? { problem: "a bad symbol" } : { name, symbol }),
})

test("reads entries with their parts, white space around them aside", () => {
  expect(pairs.read("BTC/EURe=XXBTZEUR, ETH/EURe = XETHZEUR")).toEqual({
    ok: true,
    value: [
      { name: "BTC/EURe", symbol: "XXBTZEUR" },
      { name: "ETH/EURe", symbol: "XETHZEUR" },
    ],
  })
})

test.each([
  ["", '"" is not such an entry'],
  ["a", '"a" is not such an entry'],
  ["a=b=c", '"a=b=c" is not such an entry'],
  ["a=", '"a=" is not such an entry'],
  ["a=b,", '"" is not such an entry'],
  ["a=b c", '"a=b c" is not such an entry'],
  ["a=b,a=c", "a is named twice"],
  ["a=bad", "a: a bad symbol"],
  ["a=b,c=d,e=f", "it has 3 entries, more than 2"],
])("refuses %j and says why", (given, problem) => {
  expect(pairs.read(given)).toEqual({ ok: false, problem })
})
