import type { Kind } from "./field.ts"

/** A list of names with a few parts each, as one text: `BTC/EURe=XXBTZEUR,ETH/EURe=XETHZEUR`. */
export const namedList = <T>(words: {
  readonly accepted: string
  readonly example: string
  /** How many parts an entry has, its name included. */
  readonly parts: number
  readonly entries_max: number
  /** One entry, or what is wrong with it. */
  readonly read: (parts: ReadonlyArray<string>) => T | { readonly problem: string }
}): Kind<ReadonlyArray<T>> => ({
  accepted: words.accepted,
  example: words.example,
  json: { type: "string" },
  sensitive: false,
  read: (given) => {
    const texts = given.split(",").map((entry) => entry.trim())
    if (texts.length > words.entries_max)
      return { ok: false, problem: `it has ${texts.length} entries, more than ${words.entries_max}` }
    const names = new Set<string>()
    const entries: T[] = []
    for (const text of texts) {
      const parts = text.split("=").map((part) => part.trim())
      const [name = ""] = parts
      const wrong = parts.length !== words.parts || parts.some((part) => !isWord(part))
      if (wrong) return { ok: false, problem: `${JSON.stringify(text.slice(0, 100))} is not such an entry` }
      if (names.has(name)) return { ok: false, problem: `${name} is named twice` }
      names.add(name)
      const entry = words.read(parts)
      if (isProblem(entry)) return { ok: false, problem: `${name}: ${entry.problem}` }
      entries.push(entry)
    }
    return { ok: true, value: entries }
  },
})

const isWord = (part: string): boolean => /^[\x21-\x7e]{1,200}$/.test(part)

const isProblem = (entry: unknown): entry is { readonly problem: string } =>
  typeof entry === "object" && entry !== null && "problem" in entry
