import { codeOf } from "./scan.ts"

/** Longest file, so that each can be read at one sitting. */
const linesMax = 400

// Put together here, so that this file does not hold the words itself.
const unfinished = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`)
const silenced = new RegExp(`@ts-${"ignore"}|@ts-${"nocheck"}|@ts-${"expect-error"}`)

/** Files that are too long, unfinished, silence the compiler, or skip tests. */
export const tidinessProblems = (path: string, text: string): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0)
  if (lines >= linesMax) problems.push(`has ${lines} lines: fewer than ${linesMax} fit a reader`)
  const word = unfinished.exec(text)?.[0]
  if (word !== undefined) problems.push(`says ${word}: do it, or file an issue`)
  if (!path.endsWith(".ts")) return problems
  if (silenced.test(text)) problems.push("silences the compiler")
  const code = codeOf(text)
  if (/\bas\s+any\b/.test(code)) problems.push("uses `as any`")
  if (path.endsWith(".test.ts")) {
    if (!/\.(?:unit|int|e2e)\.test\.ts$/.test(path))
      problems.push("is a test that is neither unit, int nor e2e")
    const held = /\.(?:skip|only|todo|fails)\b(?=\s*[(.])/.exec(code)?.[0]
    if (held !== undefined) problems.push(`holds a test back with ${held}`)
  }
  return problems
}
