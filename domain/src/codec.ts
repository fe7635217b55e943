import { Result, Schema } from "effect"
import { enable as compile } from "effect/schema/SchemaJITCompiler"
import { checkedReader, misfit } from "./record-reader.ts"
import type { Topic } from "./topic.ts"
import { upcast } from "./upcast.ts"

/** Longest message that is decoded; a longer one is a dead letter. */
export const messageBytesMax = 1_048_576

// A byte order mark is kept, so that JSON.parse refuses it: the stored payload must be the exact bytes.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** A record that was read, or the reason why the bytes are not one. */
export type Decoded<Record> =
  | { readonly ok: true; readonly record: Record }
  | { readonly ok: false; readonly reason: string }

// Errors quote the bytes they refuse; PostgreSQL and a terminal must be able to hold the quotation.
const printable = (text: string): string =>
  text.toWellFormed().replace(/\p{Cc}/gu, (character) => {
    if (character === "\n") return character
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  })

const refused = (reason: string): { readonly ok: false; readonly reason: string } => {
  const text = printable(reason)
  return { ok: false, reason: text.length > 2000 ? `${text.slice(0, 2000).toWellFormed()}…` : text }
}

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (error) {
    throw new Error(`not UTF-8 JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/**
 * A function from message bytes to a record of the topic, of whatever version it was written in. It never throws: what
 * cannot be read has a reason.
 */
export const recordDecoder = <Record>(topic: Topic<Record>) => {
  const decode = valueDecoder(topic)
  // Whether a record is older may show in its values alone.
  const read = (topic.upcasts ?? []).length > 0 ? null : checkedReader(topic.schema.ast)
  return (bytes: Uint8Array | null): Decoded<Record> => {
    if (bytes === null) return refused("the message has no value")
    if (bytes.byteLength > messageBytesMax)
      return refused(`the value has ${bytes.byteLength} bytes, more than ${messageBytesMax}`)
    try {
      const made = read === null ? misfit : read(parse(bytes))
      // Parsed anew for the schema: a reader may have changed a part before it came to the misfit.
      return made === misfit ? decode(parse(bytes)) : { ok: true, record: made as Record }
    } catch (error) {
      return refused(error instanceof Error ? error.message : String(error)) // not JSON
    }
  }
}

/** A function from parsed JSON to a record of the topic, as {@link recordDecoder} reads it. */
export const valueDecoder = <Record>(topic: Topic<Record>) => {
  // A compiled schema reads a record in half the time; where code may not be made at run time, it is interpreted.
  compile(topic.schema.ast)
  const decode = Schema.decodeUnknownResult(topic.schema)
  const upcasts = topic.upcasts ?? []
  return (value: unknown): Decoded<Record> => {
    try {
      const result = decode(upcasts.length === 0 ? value : upcast(upcasts, value))
      return Result.isSuccess(result)
        ? { ok: true, record: result.success }
        : refused(String(result.failure.message))
    } catch (error) {
      // Nested so deeply that the stack ends, or a step up from an older version that could not take it.
      return refused(error instanceof Error ? error.message : String(error))
    }
  }
}

/** A function from a record to its canonical JSON: the schema's fields in the schema's order, no white space. */
export const recordEncoder = <Record>(topic: Topic<Record>) => {
  const encode = Schema.encodeSync(topic.schema)
  return (record: Record): string => JSON.stringify(encode(record))
}

/** JSON of any value that may hold amounts: a `bigint` is written as its decimal string. */
export const toJson = (value: unknown, indent?: number): string =>
  // Without a function to call for each value it is written several times as fast.
  holdsBigInt(value)
    ? JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? item.toString() : item), indent)
    : JSON.stringify(value, undefined, indent)

const holdsBigInt = (value: unknown): boolean => {
  if (typeof value === "bigint") return true
  if (typeof value !== "object" || value === null) return false
  for (const name in value)
    if (holdsBigInt((value as { readonly [name: string]: unknown })[name])) return true
  return false
}
