import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { Schema } from "effect"
import { afterAll, expect, test } from "vitest"
import { type Fields, optional, required, withDefault } from "../../src/config/field.ts"
import { kafkaFields, kafkaOf, kafkaProblems } from "../../src/config/kafka-settings.ts"
import {
  brokers,
  flag,
  integer,
  jsonFile,
  oneOf,
  port,
  postgresUrl,
  secretText,
  text,
  webUrl,
} from "../../src/config/kinds.ts"
import { reveal } from "../../src/config/secret.ts"
import { bindOf, checkService, serviceFields } from "../../src/config/service-settings.ts"
import { describeSettings, type Environment, loadSettings, SettingsError } from "../../src/config/settings.ts"

const folder = mkdtempSync(join(tmpdir(), "landfall-settings-"))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const table = {
  KAFKA_BROKERS: required(brokers, "where Kafka listens"),
  DATABASE_URL: required(postgresUrl, "the database that keeps the evidence"),
  PORT: withDefault(port, "0", "where the service listens"),
  POLL_MS: withDefault(integer({ min: 100, max: 60_000 }), "1000", "how often the chain is asked"),
  CONTROL_TOKEN: optional(secretText({ length_min: 16 }), "lets its holder give commands"),
  LOG_LEVEL: withDefault(oneOf(["info", "debug"]), "info", "how much is written"),
  ONCE: withDefault(flag, "false", "whether to end after the story"),
}

const right = {
  KAFKA_BROKERS: "127.0.0.1:9092, kafka-2:9092,[::1]:9093",
  DATABASE_URL: "postgres://landfall:hunter2hunter2@127.0.0.1:5432/landfall?sslmode=disable",
}

const problemsOf = (fields: Fields, env: Environment): SettingsError => {
  try {
    loadSettings(fields, env)
  } catch (error) {
    if (error instanceof SettingsError) return error
    throw error
  }
  throw new Error("expected problems, got none")
}

test("reads each variable as its kind, and defaults for the rest", () => {
  const settings = loadSettings(table, { ...right, PORT: "8080", ONCE: "true", LOG_LEVEL: "" })
  expect(settings.KAFKA_BROKERS).toEqual(["127.0.0.1:9092", "kafka-2:9092", "[::1]:9093"])
  expect(settings.PORT + settings.POLL_MS).toBe(9_080)
  expect(settings.CONTROL_TOKEN).toBeNull()
  expect([settings.LOG_LEVEL, settings.ONCE]).toEqual(["info", true])
  expect(reveal(settings.DATABASE_URL.url)).toBe(right.DATABASE_URL)
})

test("names every problem at once, with the value, what is accepted and an example", () => {
  const error = problemsOf(table, {
    KAFKA_BROKERS: "127.0.0.1",
    PORT: "70000",
    POLL_MS: "1e3",
    CONTROL_TOKEN: "short",
    LOG_LEVEL: "loud\u001b[31m",
    ONCE: "yes",
  })
  expect(error.message).toBe(
    [
      "7 settings are not usable; nothing was started.",
      '  - KAFKA_BROKERS="127.0.0.1": "127.0.0.1" is not host:port. Expected host:port, or several with commas between them (where Kafka listens). Example: KAFKA_BROKERS=127.0.0.1:9092',
      "  - DATABASE_URL: it is missing. Expected a URL that starts with postgres:// or postgresql:// (the database that keeps the evidence). Example: DATABASE_URL=postgres://127.0.0.1:5432/landfall",
      '  - PORT="70000": it is more than 65535. Expected a whole number from 0 to 65535 (where the service listens). Example: PORT=8080',
      '  - POLL_MS="1e3": it is not a whole number. Expected a whole number from 100 to 60000 (how often the chain is asked). Example: POLL_MS=100',
      "  - CONTROL_TOKEN=(not shown, it may be secret): it has fewer than 16 characters. Expected at least 16 printable ASCII characters without spaces (lets its holder give commands). Example: CONTROL_TOKEN=$(openssl rand -hex 32)",
      '  - LOG_LEVEL="loud\\u001b[31m": it is none of them. Expected one of info, debug (how much is written). Example: LOG_LEVEL=info',
      '  - ONCE="yes": it is neither. Expected true or false (whether to end after the story). Example: ONCE=true',
    ].join("\n"),
  )
})

test("refuses an environment in which certificates are not verified", () => {
  expect(problemsOf(table, { ...right, NODE_TLS_REJECT_UNAUTHORIZED: "0" }).message).toMatch(
    /NODE_TLS_REJECT_UNAUTHORIZED=0 .* NODE_EXTRA_CA_CERTS/,
  )
  expect(loadSettings(table, { ...right, NODE_TLS_REJECT_UNAUTHORIZED: "1" }).PORT).toBe(0)
})

test.each(["hunter2hunter2", "landfall:hunter2hunter2@", "sslmode"])("never prints %s", (hidden) => {
  const settings = loadSettings(table, { ...right, CONTROL_TOKEN: "hunter2hunter2-control" })
  const printed = [
    JSON.stringify(settings),
    inspect(settings, { depth: 9, showHidden: true }),
    `${settings.DATABASE_URL}`,
  ]
  expect(printed.join()).not.toContain(hidden)
  expect(`${settings.DATABASE_URL}`).toBe("postgres://127.0.0.1:5432/landfall")
})

test.each([
  ["mysql://u:hunter2hunter2@h/db", "its scheme is mysql://"],
  ["hunter2hunter2", "it is not a URL"],
  ["postgres://u:hunter2%zz@h/db", "starts no escape"],
  ["postgres://u:hunter2%ff@h/db", "starts no escape"],
  ["postgres://h/db#hunter2", "it has a #fragment"],
  ["postgres:///db", "it names no host"],
])("refuses a bad address without showing it: %s", (address, problem) => {
  const error = problemsOf(table, { ...right, DATABASE_URL: address })
  expect(error.message).toContain(problem)
  expect(`${error.message}${inspect(error)}`).not.toContain("hunter2")
})

test("hides the path of a web address, which often is an API key", () => {
  const settings = loadSettings(
    { NODE_URL: required(webUrl, "a node") },
    { NODE_URL: "https://u:p@node.example/v2/KEY?k=KEY" },
  )
  expect(JSON.stringify(settings)).toBe('{"NODE_URL":"https://node.example/…"}')
})

test("takes a secret from the file that <NAME>_FILE names", () => {
  const path = file("token", "0123456789abcdef-token\n")
  const { CONTROL_TOKEN } = loadSettings(table, { ...right, CONTROL_TOKEN_FILE: path })
  expect(CONTROL_TOKEN && reveal(CONTROL_TOKEN)).toBe("0123456789abcdef-token")
})

test("refuses a secret given twice, and a file that is missing or too short", () => {
  const path = file("short", "abc")
  expect(problemsOf(table, { ...right, CONTROL_TOKEN: "x", CONTROL_TOKEN_FILE: path }).message).toContain(
    "CONTROL_TOKEN and CONTROL_TOKEN_FILE are both set",
  )
  expect(problemsOf(table, { ...right, CONTROL_TOKEN_FILE: join(folder, "none") }).message).toContain(
    "ENOENT",
  )
  const short = problemsOf(table, { ...right, CONTROL_TOKEN_FILE: path }).message
  expect(short).toContain(
    `CONTROL_TOKEN_FILE="${path}" (its content is not shown): it has fewer than 16 characters`,
  )
  expect(short).not.toContain("abc")
})

const policy = {
  POLICY_FILE: required(
    jsonFile(Schema.Struct({ confirmations: Schema.Int }), {
      accepted: "the policy",
      example: "./policy.json",
    }),
    "how many confirmations are enough",
  ),
}

test("reads a policy from its file", () => {
  const settings = loadSettings(policy, { POLICY_FILE: file("policy.json", '{"confirmations":6}') })
  expect(settings.POLICY_FILE.confirmations).toBe(6)
})

test.each([
  ['{"confirmations":"6","extra":1}', ["confirmations", "extra"]],
  ['{"confirmations":6', ["cannot be read"]],
])("says what does not fit in a policy file: %s", (content, words) => {
  const { message } = problemsOf(policy, { POLICY_FILE: file("bad.json", content) })
  for (const word of words) expect(message).toContain(word)
})

test("checks values against each other when each alone is right", () => {
  const fields = {
    MIN: withDefault(integer({ min: 0, max: 9 }), "5", "low"),
    MAX: withDefault(integer({ min: 0, max: 9 }), "5", "high"),
  }
  const load = (env: Environment) =>
    loadSettings(fields, env, ({ MIN, MAX }) => (MIN > MAX ? [`MIN=${MIN} is more than MAX=${MAX}`] : []))
  expect(load({})).toEqual({ MIN: 5, MAX: 5 })
  expect(() => load({ MIN: "7" })).toThrow(
    "1 setting is not usable; nothing was started.\n  - MIN=7 is more than MAX=5",
  )
})

test("refuses to listen beyond this machine without tokens when the configuration is read", () => {
  const load = (env: Environment) =>
    loadSettings(
      { ...serviceFields, ...kafkaFields },
      { KAFKA_BROKERS: "127.0.0.1:9092", ...env },
      checkService,
    )
  expect(bindOf(load({}))).toEqual({ host: "127.0.0.1", port: 0 })
  expect(() => load({ HTTP_HOST: "0.0.0.0", CONTROL_TOKEN: "0123456789abcdef" })).toThrow(
    'HTTP_HOST, CONTROL_TOKEN, READ_TOKEN: listening on "0.0.0.0", which is beyond this machine, needs a read token.',
  )
})

test("refuses Kafka settings that do not fit together, each with what would", () => {
  const load = (env: Environment) =>
    loadSettings(kafkaFields, { KAFKA_BROKERS: "kafka:9093", ...env }, kafkaProblems)
  const problems = (env: Environment): readonly string[] => {
    try {
      load(env)
    } catch (error) {
      if (error instanceof SettingsError) return error.problems
    }
    return []
  }
  const user = { KAFKA_SASL_USERNAME: "history-writer", KAFKA_SASL_PASSWORD: "hunter2" }
  expect(problems({})).toEqual([])
  expect(problems({ KAFKA_SECURITY_PROTOCOL: "sasl_ssl", ...user })).toEqual([])
  expect(problems({ KAFKA_SECURITY_PROTOCOL: "sasl_ssl" })[0]).toMatch(/needs KAFKA_SASL_USERNAME and/)
  expect(problems(user)[0]).toMatch(/are of no use with KAFKA_SECURITY_PROTOCOL=plaintext/)
  expect(
    problems({ KAFKA_SECURITY_PROTOCOL: "sasl_plaintext", KAFKA_SASL_MECHANISM: "PLAIN", ...user })[0],
  ).toMatch(/password in clear/)
  expect(problems({ KAFKA_SSL_CA: "/etc/ca.pem" })[0]).toMatch(/KAFKA_SSL_… is of no use/)
  expect(problems({ KAFKA_SECURITY_PROTOCOL: "ssl", KAFKA_SSL_KEY: "/etc/key.pem" })[0]).toMatch(
    /belong together/,
  )
  expect(JSON.stringify(kafkaOf(load({ KAFKA_SECURITY_PROTOCOL: "sasl_ssl", ...user }), "x"))).not.toMatch(
    "hunter2",
  )
})

test("refuses text that is not one line", () => {
  const fields = { ACCOUNT: required(text, "whose deposits") }
  for (const bad of ["a\nb", "a".repeat(257), "\ud800"])
    expect(() => loadSettings(fields, { ACCOUNT: bad })).toThrow(SettingsError)
})

test("describes the variables as a table", () => {
  expect(
    describeSettings({ PORT: table.PORT, CONTROL_TOKEN: table.CONTROL_TOKEN }).split("\n").slice(2),
  ).toEqual([
    "| `PORT` | where the service listens | a whole number from 0 to 65535 | 0 |",
    "| `CONTROL_TOKEN` (or `CONTROL_TOKEN_FILE`) | lets its holder give commands | at least 16 printable ASCII characters without spaces | none |",
  ])
})
