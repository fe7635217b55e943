import { parseExactJson } from "@landfall/adapters/net/exact-json"
import fc from "fast-check"
import { expect, test } from "vitest"
import { outcomeOf } from "../../src/relay/wire.ts"

const command = { command_id: "one", pair: "BTC/EURe" }
const accepted = { command_id: "one", status: "accepted" }

test("is accepted when the relay says so of this command", () => {
  expect(outcomeOf(command, { ...accepted, fee: 1 })).toEqual({ status: "accepted" })
})

test.each([
  ["null", "null"],
  ["a number", "7"],
  ["a text", '"accepted"'],
  ["a list", '[{"command_id":"one","status":"accepted"}]'],
  ["nothing", "{}"],
  ["a number beyond 2^53 for the command", '{"command_id":9007199254740993,"status":"accepted"}'],
  ["another command", '{"command_id":"two","status":"accepted"}'],
  ["the command in capitals", '{"command_id":"ONE","status":"accepted"}'],
  ["a status of another type", '{"command_id":"one","status":true}'],
  ["a list of statuses", '{"command_id":"one","status":["accepted"]}'],
  ["an unknown status", '{"command_id":"one","status":"ACCEPTED"}'],
  ["a reason that is no text", '{"command_id":"one","status":"accepted","error_message":7}'],
  ["a prototype with a status", '{"command_id":"one","__proto__":{"status":"accepted"}}'],
])("is no success for an answer that is %s", (_what, text) => {
  expect(outcomeOf(command, parseExactJson(text))).toMatchObject({
    status: "failed",
    error_code: "relay_malformed",
    error_message: expect.stringContaining("the relay"),
  })
})

test("is never a success for any other answer whatever, and never throws", () => {
  fc.assert(
    fc.property(fc.anything(), (answer) => {
      expect(outcomeOf(command, answer)).toMatchObject({ status: "failed", error_code: "relay_malformed" })
    }),
  )
})

test("tells of a failure in few words, however long the answer is", () => {
  const { error_message = "" } = outcomeOf(command, { command_id: "x".repeat(100_000), status: "accepted" })
  expect(error_message.length).toBeLessThan(1_000)
})
