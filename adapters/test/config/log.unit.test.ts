import { expect, test } from "vitest"
import { endpoint } from "../../src/config/endpoint.ts"
import { secret } from "../../src/config/secret.ts"
import { createLog } from "../../src/log/log.ts"

const writer = (hide: string[] = []) => {
  const lines: string[] = []
  const log = createLog({
    name: "history-writer",
    to: { write: (line) => lines.push(line) },
    hide: hide.map(secret),
  })
  return { log, lines }
}

test("writes one JSON object a line, with time, level and service", () => {
  const { log, lines } = writer()
  log.info({ rows: 12 }, "wrote")
  expect(lines.length).toBe(1)
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "info",
    service: "history-writer",
    rows: 12,
    msg: "wrote",
  })
  expect(lines[0]).toMatch(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/)
})

test("escapes what a terminal would obey", () => {
  const { log, lines } = writer()
  const hostile = "a\nb\u001b[2J\u007f\u009b31m\u202eb\u2028"
  log.warn({ address: hostile }, hostile)
  expect(lines[0]).toMatch(/^[\x20-\x7e]+\n$/)
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ address: hostile, msg: hostile })
})

test("blanks secrets wherever they turn up", () => {
  const { log, lines } = writer(['p"ss/word-1'])
  log.error({ err: new Error('bad password p"ss/word-1 of postgres://u:other-word@db/x') })
  log.info({
    headers: { authorization: "Bearer abcdefghijkl" },
    token: "tok-1",
    db: endpoint("postgres://u:pw-2@db/x"),
  })
  log.info("sent Authorization: Bearer abcdefghijkl to /?k=p%22ss%2Fword-1")
  const all = lines.join("")
  for (const hidden of ["ss/word-1", "ss%2Fword-1", "other-word", "abcdefghijkl", "tok-1", "pw-2"])
    expect(all).not.toContain(hidden)
  expect(lines.map((line) => typeof JSON.parse(line))).toEqual(["object", "object", "object"])
})

test("is not held up by a long text, of whatever it is made", () => {
  const { log, lines } = writer()
  for (const part of ["a", "a:", "://a", "a@", "bearer ", "basic  ", "http://a:"])
    log.info({ answer: part.repeat(1_000_000 / part.length) })
  expect(lines).toHaveLength(7)
})

test("cuts a line that is too long, and it stays JSON", () => {
  const { log, lines } = writer()
  log.info({ answer: '"'.repeat(1_000_000) })
  expect((lines[0] ?? "").length).toBeLessThan(40_000)
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ msg: "a log line was too long" })
})
