import { readFileSync } from "node:fs"
import { Timestamp } from "@landfall/domain/timestamp"
import { Result, Schema } from "effect"
import { type Endpoint, endpoint } from "./endpoint.ts"
import type { Kind, Read } from "./field.ts"
import { limits } from "./limits.ts"
import { type Secret, secret } from "./secret.ts"

const value = <T>(read: T): Read<T> => ({ ok: true, value: read })
const problem = (text: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem: text,
})

/** A kind from an effect Schema that decodes text; its issues become the problem. */
export const kindOf = <T>(
  schema: Schema.Codec<T, string>,
  words: { readonly accepted: string; readonly example: string; readonly json?: Kind<T>["json"] },
): Kind<T> => {
  const decode = Schema.decodeUnknownResult(schema)
  return {
    accepted: words.accepted,
    example: words.example,
    json: words.json ?? { type: "string" },
    sensitive: false,
    read: (text) => {
      const result = decode(text)
      return Result.isSuccess(result) ? value(result.success) : problem(oneLine(result.failure.message))
    },
  }
}

/** One line of text, at most 256 characters. */
export const text: Kind<string> = {
  accepted: "one line of text, at most 256 characters",
  example: "desk.near",
  json: { type: "string", minLength: 1, maxLength: 256 },
  sensitive: false,
  read: (given) =>
    given.length === 0 || given.length > 256 || !given.isWellFormed() || /\p{Cc}/u.test(given)
      ? problem(`it has ${given.length} characters or is not one line`)
      : value(given),
}

/** A whole number within bounds, both included, written plainly (no sign for positive, no exponent). */
export const integer = (range: { readonly min: number; readonly max: number }): Kind<number> => ({
  accepted: `a whole number from ${range.min} to ${range.max}`,
  example: String(range.min),
  json: { type: "integer", minimum: range.min, maximum: range.max },
  sensitive: false,
  read: (given) => {
    if (!/^-?\d{1,16}$/.test(given)) return problem("it is not a whole number")
    const number = Number(given)
    if (number < range.min) return problem(`it is less than ${range.min}`)
    return number > range.max ? problem(`it is more than ${range.max}`) : value(number)
  },
})

/** A TCP port; 0 lets the system choose a free one. */
export const port: Kind<number> = { ...integer({ min: 0, max: 65_535 }), example: "8080" }

/** Yes or no. */
export const flag: Kind<boolean> = {
  accepted: "true or false",
  example: "true",
  json: { type: "boolean" },
  sensitive: false,
  read: (given) =>
    given === "true" || given === "false" ? value(given === "true") : problem("it is neither"),
}

/** One of a few words. */
export const oneOf = <const Word extends string>(words: readonly [Word, ...Word[]]): Kind<Word> => ({
  accepted: `one of ${words.join(", ")}`,
  example: words[0],
  json: { type: "string", enum: words },
  sensitive: false,
  read: (given) => {
    const word = words.find((known) => known === given)
    return word === undefined ? problem("it is none of them") : value(word)
  },
})

const isTimestamp = Schema.is(Timestamp)

/** An instant in UTC; seconds and fractions down to milliseconds. Read as a canonical timestamp. */
export const instant: Kind<Timestamp> = {
  accepted: "an RFC 3339 time in UTC such as 2026-11-23T09:30:00.000Z",
  example: "2026-11-23T09:30:00.000Z",
  json: { type: "string", format: "date-time" },
  sensitive: false,
  read: (given) => {
    const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?Z$/.exec(given)
    const canonical = parts === null ? "" : `${parts[1]}.${(parts[2] ?? "").padEnd(3, "0")}Z`
    return isTimestamp(canonical) ? value(canonical) : problem("it is not such a time")
  },
}

/** The address of a system, of one of the schemes (`http`, `https`, `postgres`). Credentials in it never print. */
export const url = (schemes: readonly [string, ...string[]]): Kind<Endpoint> => ({
  accepted: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
  example: `${schemes[0]}://127.0.0.1:${schemes[0].startsWith("postgres") ? "5432/landfall" : "8080"}`,
  json: { type: "string", format: "uri" },
  sensitive: true,
  read: (given) => {
    const parsed = /^[\x21-\x7e]+$/.test(given) && URL.canParse(given) ? new URL(given) : null
    if (parsed === null) return problem("it is not a URL")
    if (!schemes.includes(parsed.protocol.slice(0, -1))) return problem(`its scheme is ${parsed.protocol}//`)
    if (parsed.hostname === "") return problem("it names no host")
    if (!isEscaped(parsed.username) || !isEscaped(parsed.password))
      return problem("its user or password has a % that starts no escape of UTF-8; write % as %25")
    return parsed.hash === "" ? value(endpoint(given)) : problem("it has a #fragment")
  },
})

const isEscaped = (text: string): boolean => {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** A web address. */
export const webUrl = url(["http", "https"])

/** The address of a PostgreSQL database. */
export const postgresUrl = url(["postgres", "postgresql"])

/** Kafka's bootstrap brokers. */
export const brokers: Kind<readonly string[]> = {
  accepted: "host:port, or several with commas between them",
  example: "127.0.0.1:9092",
  json: { type: "string" },
  sensitive: false,
  read: (given) => {
    const list = given.split(",").map((broker) => broker.trim())
    const wrong = list.find((broker) => !isBroker(broker))
    return wrong === undefined ? value(list) : problem(`${JSON.stringify(wrong)} is not host:port`)
  },
}

const isBroker = (broker: string): boolean => {
  const parts = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(broker)
  const number = Number(parts?.[1] ?? 0)
  return number > 0 && number <= 65_535
}

/** A password or token of at least so many characters, without white space. */
export const secretText = (words: { readonly length_min: number }): Kind<Secret> => ({
  accepted: `at least ${words.length_min} printable ASCII characters without spaces`,
  example: "$(openssl rand -hex 32)",
  json: { type: "string", format: "password" },
  sensitive: true,
  read: (given) => {
    if (!/^[\x21-\x7e]*$/.test(given)) return problem("it has spaces or characters outside of ASCII")
    return given.length < words.length_min
      ? problem(`it has fewer than ${words.length_min} characters`)
      : value(secret(given))
  },
})

/** The path of a JSON file, read at once and decoded strictly: an unknown field is a problem. */
export const jsonFile = <T>(
  schema: Schema.Codec<T, unknown>,
  words: { readonly accepted: string; readonly example: string },
): Kind<T> => {
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error", errors: "all" })
  return {
    accepted: `the path of a JSON file that holds ${words.accepted}`,
    example: words.example,
    json: { type: "string" },
    sensitive: false,
    read: (path) => {
      try {
        const content = readFileSync(path, "utf8")
        if (content.length > limits.config.file_chars_max) return problem("the file is too long")
        const result = decode(JSON.parse(content))
        return Result.isSuccess(result)
          ? value(result.success)
          : problem(`the file does not fit: ${oneLine(result.failure.message)}`)
      } catch (error) {
        return problem(`the file cannot be read: ${oneLine(error instanceof Error ? error.message : "")}`)
      }
    },
  }
}

const oneLine = (message: string): string => message.replaceAll(/\s+/g, " ").slice(0, 1000)
