/** A piece of source text: code that runs, a literal text, or a comment. */
export interface Piece {
  readonly kind: "code" | "text" | "comment"
  readonly text: string
}

const afterOperator =
  /(?:^|[=(,:;[!&|?{}+\-*%<>~^]|\b(?:return|typeof|case|in|of|throw|await|yield|void))\s*$/
const regularExpression = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/
const quoted = /^(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/
const comment = /^(?:\/\/[^\n]*|\/\*[^]*?\*\/)/

/**
 * Cuts TypeScript into code, texts and comments, well enough for checks by pattern. Regular expressions count as
 * texts; what stands in `${}` of a template is code.
 */
export const scan = (source: string): ReadonlyArray<Piece> => {
  const pieces: Array<Piece> = []
  // The depth of braces at which each open template goes on.
  const templates: Array<number> = []
  let code = ""
  let depth = 0
  let at = 0

  const push = (kind: Piece["kind"], text: string): void => {
    if (code !== "") pieces.push({ kind: "code", text: code })
    code = ""
    pieces.push({ kind, text })
    at += text.length
  }
  const pushTemplate = (): void => {
    const text =
      /^[`}](?:\\[^]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/.exec(source.slice(at))?.[0] ?? source.slice(at)
    push("text", text)
    if (text.endsWith("${")) templates.push(depth)
  }

  while (at < source.length) {
    const character = source[at] ?? ""
    const rest = source.slice(at, at + 20_000)
    const found =
      character === "/"
        ? comment.exec(rest)
        : character === '"' || character === "'"
          ? quoted.exec(rest)
          : null
    const pattern =
      character === "/" && found === null && afterOperator.test(code) ? regularExpression.exec(rest) : null
    if (found !== null) push(character === "/" ? "comment" : "text", found[0])
    else if (pattern !== null) push("text", pattern[0])
    else if (character === "`") pushTemplate()
    else if (character === "}" && templates.at(-1) === depth) {
      templates.pop()
      pushTemplate()
    } else {
      if (character === "{") depth++
      if (character === "}") depth--
      code += character
      at++
    }
  }
  if (code !== "") pieces.push({ kind: "code", text: code })
  return pieces
}

const blank = (text: string): string => text.replace(/[^\n]/g, " ")

/** The source with comments and texts blanked out; lines stay where they are. */
export const codeOf = (source: string): string =>
  scan(source)
    .map(({ kind, text }) => (kind === "code" ? text : blank(text)))
    .join("")

/** The source with comments blanked out; lines stay where they are. */
export const withoutComments = (source: string): string =>
  scan(source)
    .map(({ kind, text }) => (kind === "comment" ? blank(text) : text))
    .join("")

/** The literal texts of the source, quotes and all. */
export const textsOf = (source: string): ReadonlyArray<string> =>
  scan(source).flatMap(({ kind, text }) => (kind === "text" ? [text] : []))

/** The names of all modules that the source imports, in any way; `null` for one that is known only when it runs. */
export const importsOf = (source: string): ReadonlyArray<string | null> => {
  const pieces = scan(source).filter(({ kind }) => kind !== "comment")
  return pieces.flatMap(({ kind, text }, place) => {
    if (kind === "code") {
      // A call whose argument does not begin with a text; one that ends the piece is judged by the text after it.
      return [...text.matchAll(/\b(?:import|require)\s*\(\s*[^\s]/g)].map(() => null)
    }
    const before = pieces[place - 1]
    if (before?.kind !== "code" || !/(?:\bfrom|\bimport|\b(?:import|require)\s*\()\s*$/.test(before.text))
      return []
    return [text.endsWith("${") ? null : text.slice(1, -1)]
  })
}
