import { expect, test } from "vitest"
import { kafkaFields } from "../../src/config/kafka-settings.ts"
import { checkService, serviceFields } from "../../src/config/service-settings.ts"
import { type Environment, loadSettings } from "../../src/config/settings.ts"
import { failpoint, failpointKind, failpoints } from "../../src/process/failpoint.ts"

test("a point is read with the passing at which it strikes, and what happens then", () => {
  const read = (text: string) => {
    const answer = failpointKind.read(text)
    return answer.ok ? answer.value : answer.problem
  }
  expect(read("after_fetch")).toEqual({ point: "after_fetch", passing: 1, then: "kill" })
  expect(read("in_transaction:12")).toEqual({ point: "in_transaction", passing: 12, then: "kill" })
  expect(read("after_commit:stop")).toEqual({ point: "after_commit", passing: 1, then: "stop" })
  expect(read("after_commit:3:stop")).toEqual({ point: "after_commit", passing: 3, then: "stop" })
  for (const wrong of ["", "nowhere", "after_fetch:0", "after_fetch:1.5", "after_fetch:stop:2", "1"])
    expect(read(wrong)).toBe("it is no such point")
})

const load = (env: Environment) =>
  loadSettings(
    { ...serviceFields, ...kafkaFields },
    { KAFKA_BROKERS: "127.0.0.1:9092", ...env },
    checkService,
  )

test("unless a test asks for it, no point does anything", () => {
  expect(load({}).LANDFALL_FAILPOINT).toBeNull()
  for (const point of failpoints) expect(failpoint(point)).toBeUndefined()
})

test("a service that others can reach refuses to be made to die", () => {
  const tokens = { CONTROL_TOKEN: "0123456789abcdef", READ_TOKEN: "fedcba9876543210" }
  expect(load({ HTTP_HOST: "0.0.0.0", ...tokens }).LANDFALL_FAILPOINT).toBeNull()
  expect(() => load({ HTTP_HOST: "0.0.0.0", ...tokens, LANDFALL_FAILPOINT: "after_commit" })).toThrow(
    "LANDFALL_FAILPOINT: it makes the process kill itself",
  )
})
