import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino"
import { limits } from "../config/limits.ts"
import type { Secret } from "../config/secret.ts"
import { textsOf } from "../config/secrets-of.ts"

/** Structured log: one JSON object a line on stderr, so that stdout stays clean for answers. */
export type Logger = PinoLogger

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogOptions {
  /** The service that writes the lines. */
  readonly name: string
  readonly level?: LogLevel
  /** Values that are blanked wherever they turn up, also in the message of somebody else's error. */
  readonly hide?: ReadonlyArray<Secret | null>
  /** Where the lines go; stderr unless a test looks at them. */
  readonly to?: DestinationStream
}

/** Names of fields that hold secrets, at the top and one level down. */
const secretFields = ["authorization", "password", "token", "secret", "cookie", "control_token", "read_token"]

/** Opens the log of a service. */
export const createLog = (options: LogOptions): Logger => {
  const out = options.to ?? destination({ dest: 2, sync: true })
  const clean = lineCleaner(textsOf(options.hide ?? []))
  return pino(
    {
      level: options.level ?? "info",
      base: { service: options.name, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: "<redacted>",
      },
    },
    { write: (line: string) => out.write(clean(line)) },
  )
}

// JSON escapes U+0000 to U+001F. DEL, C1 controls and the marks that reorder text would still reach a terminal.
const unprintable = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
// No scheme is longer: without a bound, a long word of letters would be read again from each of them.
const urlCredentials = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@"\\]+@/gi
const bearer = /(bearer|basic) +[\w.~+/=-]{6,}/gi

/** A function that blanks these texts, and what looks like credentials, in a text; JSON stays JSON. */
export const secretBlanker = (hidden: ReadonlyArray<string>) => {
  // Shorter texts would blank ordinary words.
  const forms = hidden
    .filter((text) => text.length >= 6)
    .flatMap((text) => [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)])
    // The longest first: a part of one must not be blanked before the whole.
    .sort((left, right) => right.length - left.length)
  return (text: string): string => {
    let blanked = text
    for (const form of forms) blanked = blanked.replaceAll(form, "<redacted>")
    return blanked.replace(urlCredentials, "$1<redacted>@").replace(bearer, "$1 <redacted>")
  }
}

/** A function that makes one line safe to print and to keep; the line stays JSON. */
export const lineCleaner = (hidden: ReadonlyArray<string>) => {
  const blank = secretBlanker(hidden)
  return (line: string): string => {
    const cleaned = blank(line).replace(
      unprintable,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
    if (cleaned.length <= limits.log.line_chars_max) return cleaned
    return `${JSON.stringify({ level: "warn", msg: "a log line was too long", start: cleaned.slice(0, limits.log.line_chars_max / 2) })}\n`
  }
}
