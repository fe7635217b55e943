import { Schema } from "effect"
import { parse, v5 } from "uuid"

/** Landfall's UUIDv5 namespace. It never changes: every id ever written depends on it. */
const namespace = parse("3c1f8f0e-6d0b-5e0a-9c53-6c1a3f0d7b52")

const utf8 = new TextEncoder()

const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A lowercase UUID of any version; those that Landfall makes are version 5. */
export const Uuid = Schema.String.check(
  Schema.makeFilter((text: string) => shape.test(text) || "expected a lowercase UUID"),
)

/**
 * The id of a fact: UUIDv5 over its identity, so that writing the same fact twice gives the same id.
 * Parts are joined by a line feed, which no part can contain.
 */
export const deterministicId = (kind: string, ...identity: ReadonlyArray<string | number>): string =>
  v5(utf8.encode([kind, ...identity].join("\n")), namespace)
