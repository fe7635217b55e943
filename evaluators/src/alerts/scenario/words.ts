/** What is wrong with a line of a scenario, with its place. */
export class ScenarioError extends Error {
  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`)
    this.name = "ScenarioError"
  }
}

/** A problem with a line whose file the caller knows, and whose number too unless it is another line's. */
export class WordError extends Error {
  readonly line: number | undefined

  constructor(problem: string, line?: number) {
    super(problem)
    this.line = line
  }
}

/** The words of a line; a text in double quotes is one word, and `#` begins a comment. */
export const wordsOf = (line: string): string[] => {
  const words: string[] = []
  const pattern = /\s*(?:(#.*)|"([^"]*)"|(\S+))/y
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    const [, comment, quoted, bare] = match
    if (comment !== undefined) break
    const word = quoted ?? bare ?? ""
    if (bare?.includes('"'))
      throw new WordError(`a quotation mark in ${bare}: put the whole text in double quotes`)
    words.push(word)
  }
  return words
}

const unitMs = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
])

/** A length of time such as `30s`, `1m30s`, `250ms` or `2h`, in milliseconds. */
export const lengthOf = (word: string): number => {
  const parts = [...word.matchAll(/(\d+)(ms|s|m|h|d)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== word)
    throw new WordError(`${word} is no length of time: expected one such as 30s, 1m30s, 250ms or 2h`)
  return parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (unitMs.get(unit) ?? 0), 0)
}

/** An instant: `09:00:00.250` of the scenario's day, `2026-11-24T09:00:00`, or `+30s` / `-5m` from another instant. */
export const instantOf = (word: string, day: string, from_ms: number | null): number => {
  const sign = word[0]
  if (sign === "+" || sign === "-") {
    if (from_ms === null) throw new WordError(`${word} counts from the time before it, and there is none`)
    return from_ms + (sign === "+" ? 1 : -1) * lengthOf(word.slice(1))
  }
  const full = /^\d{4}-\d{2}-\d{2}T/.test(word) ? word : `${day}T${word}`
  const at_ms = /T\d{2}:\d{2}:\d{2}(?:\.\d{3})?$/.test(full) ? Date.parse(`${full}Z`) : Number.NaN
  if (Number.isNaN(at_ms))
    throw new WordError(`${word} is no time: expected 09:00:00, 09:00:00.250, 2026-11-24T09:00:00 or +30s`)
  return at_ms
}

/** A time as a scenario writes it: without the day when it is the scenario's own. */
export const spokenInstant = (at_ms: number, day: string): string => {
  const text = new Date(at_ms).toISOString().replace(/(?:\.000)?Z$/, "")
  return text.startsWith(`${day}T`) ? text.slice(day.length + 1) : text
}

/** The words of a line, taken one by one. */
export interface Reader {
  readonly line: number
  /** The next word, which must be there; `what` names it in the error. */
  readonly take: (what: string) => string
  /** The next word if it is one of these. */
  readonly takeIf: <Word extends string>(...expected: ReadonlyArray<Word>) => Word | undefined
  /** The next word, which must be one of these. */
  readonly takeOne: <Word extends string>(what: string, expected: ReadonlyArray<Word>) => Word
  readonly more: () => boolean
  /** Fails when words are left. */
  readonly end: () => void
}

/** Reads the words of one line. */
export const readerOf = (line: number, words: ReadonlyArray<string>): Reader => {
  let place = 0
  const take = (what: string): string => {
    const word = words[place]
    if (word === undefined) throw new WordError(`the line ends where ${what} is expected`)
    place++
    return word
  }
  return {
    line,
    take,
    takeIf: (...expected) => {
      const found = expected.find((one) => one === words[place])
      if (found !== undefined) place++
      return found
    },
    takeOne: (what, expected) => {
      const word = take(expected.length === 1 ? `\`${expected[0]}\`` : `the ${what}`)
      const found = expected.find((one) => one === word)
      if (found === undefined) throw new WordError(`${word} is no ${what}: expected ${expected.join(", ")}`)
      return found
    },
    more: () => place < words.length,
    end: () => {
      if (place < words.length)
        throw new WordError(`nothing is expected after that, but there is: ${words.slice(place).join(" ")}`)
    },
  }
}
