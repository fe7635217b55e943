import { isSource } from "./layers.ts"
import { codeOf, withoutComments } from "./scan.ts"

/** What is not a function of its arguments: clocks, randomness, I/O and ways around this list. */
const impure: ReadonlyArray<readonly [what: string, pattern: RegExp]> = [
  [
    "the clock",
    /\bDate\s*\.\s*now\b|\bDate\s*\[|\bnew\s+Date\s*(?!\s*\()|\bnew\s+Date\s*\(\s*\)|(?<!new\s+)\bDate\s*\(/,
  ],
  ["the clock", /\bperformance\b|\bTemporal\b|\bhrtime\b/],
  [
    "randomness",
    /\bMath\s*\.\s*random\b|\bMath\s*\[|\brandomUUID\b|\bgetRandomValues\b|(?<![.\w$])crypto\b(?!\s*:)/,
  ],
  ["the process", /(?<![.\w$])process\b(?!\s*[:(])|\bimport\s*\.\s*meta\b/],
  ["timers", /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ["the network", /(?<![.\w$])fetch\s*\(|\bWebSocket\b|\bXMLHttpRequest\b|\bEventSource\b/],
  ["the console", /(?<![.\w$])console\b(?!\s*:)/],
  ["the locale", /\bIntl\b|\.\s*toLocale\w*/],
  ["globals by name", /\bglobalThis\b|\beval\s*\(|\bnew\s+Function\b/],
  ["waiting", /\basync\b|\bawait\b|\bPromise\b/],
]

/** Parts of effect that act, or know the time or chance. */
const actingModules =
  /\b(?:Clock|Config|Console|Crypto|DateTime|Effect|Fiber|FileSystem|Layer|Random|Runtime|Schedule|Stream)\b/

const isPure = (path: string): boolean => isSource(path) && /^(?:domain|projections|evaluators)\//.test(path)

/** The one file that writes code: from schemas, never from what came from outside (docs/decisions/0026-readers-as-code.md). */
const writesCode = "domain/src/record-reader.ts"

/** Uses of clocks, randomness or I/O in a file that must be pure. */
export const purityProblems = (path: string, text: string): ReadonlyArray<string> => {
  if (!isPure(path)) return []
  const code = path === writesCode ? codeOf(text).replace("new Function", "") : codeOf(text)
  const uses = impure.flatMap(([what, pattern]) => {
    const found = pattern.exec(code)?.[0]
    return found === undefined ? [] : [`uses ${what}: ${found.trim()}`]
  })
  const imports = [
    ...withoutComments(text).matchAll(/\bimport\s+(?:type\s+)?([^"';]*?)\s*from\s*"(effect|uuid)[^"]*"/g),
  ]
  const acting = imports.flatMap(([, names = "", module]) => {
    const found =
      module === "effect" ? actingModules.exec(names)?.[0] : /\*|\b(?!parse\b|v5\b|as\b)\w+/.exec(names)?.[0]
    return found === undefined ? [] : [`uses ${found} of ${module}, which is not pure`]
  })
  return [...uses, ...acting]
}
