import { Redacted } from "effect"

/** A text that never prints: `JSON.stringify`, `console.log`, template strings and errors show `<redacted>`. */
export type Secret = Redacted.Redacted<string>

/** Hides a text. */
export const secret = (text: string): Secret => Redacted.make(text)

/** The hidden text. Use it at the last moment, and never in a message. */
export const reveal = (hidden: Secret): string => Redacted.value(hidden)
