import { Schema, SchemaAST } from "effect"
import { Amount, isCanonicalAmount } from "./amount.ts"

/** What a reader gives for a value that the schema may refuse: the schema itself then says what is wrong. */
export const misfit: unique symbol = Symbol("misfit")

/**
 * Gives what the schema makes of a JSON value, or {@link misfit}. Objects and arrays are converted in place, once all of
 * them was found to fit.
 */
export type Reader = (value: unknown) => unknown

/**
 * A reader that does what the schema does for records of today's shape, checks included, in a tenth of the time: it looks at
 * each field once and builds no new object. It is written out as code, field by field, because a loop over fields reads none
 * of them as fast as a field by its name. A field that the schema does not know is a misfit, and so is whatever the schema
 * would not take as it is. Null for a schema that does more than is known here, and where no code may be made at run time.
 */
export const checkedReader = (ast: SchemaAST.AST): Reader | null => readerOf(ast, true)

/**
 * A reader of what was checked in full before it was kept: it looks at the fields that there are and their JSON types, not
 * at what their texts and numbers may be. For what the schema accepts it gives what {@link checkedReader} gives.
 */
export const trustingReader = (ast: SchemaAST.AST): Reader | null => readerOf(ast, false)

/** How a value is read, as code over the name of a variable. */
interface Part {
  /** An expression: whether the value is taken. It changes nothing. */
  readonly fits: (variable: string) => string
  /** An expression: what a value that fits becomes; none where it stays what it is. */
  readonly made?: (variable: string) => string
}

/** The values and functions that the code names. */
class Code {
  readonly checking: boolean
  private readonly values: unknown[] = []
  private readonly functions: string[] = []

  constructor(checking: boolean) {
    this.checking = checking
  }

  /** The name by which the code has this value. */
  value(value: unknown): string {
    return `k${this.values.push(value) - 1}`
  }

  /** The name of a function of `value` with this body. */
  function(...body: ReadonlyArray<string>): string {
    const name = `f${this.functions.length}`
    this.functions.push(`const ${name} = (value) => {\n${body.join("\n")}\n}`)
    return name
  }

  /** The name of a function that gives `value` back where these checks hold of it, and ends the reading where not. */
  demand(checks: ReadonlyArray<string>): string {
    const holds = checks.map((check) => `${check}(value)`).join(" && ")
    return this.function(`if (${holds}) return value`, "throw misfit")
  }

  reader({ fits, made }: Part): Reader {
    const source = `${this.functions.join("\n")}
return (value) => {
if (!(${fits("value")})) return misfit
try {
return ${made === undefined ? "value" : made("value")}
} catch (error) {
if (error === misfit) return misfit
throw error
}
}`
    const names = this.values.map((_, place) => `k${place}`)
    return new Function("misfit", ...names, source)(misfit, ...this.values)
  }
}

const readerOf = (ast: SchemaAST.AST, checking: boolean): Reader | null => {
  const code = new Code(checking)
  const part = partOf(ast, code)
  if (part === null) return null
  try {
    return code.reader(part)
  } catch (error) {
    if (error instanceof EvalError) return null // node --disallow-code-generation-from-strings
    throw error
  }
}

/** The names of the checks of a schema, as functions of what was made. */
const checksOf = (ast: SchemaAST.AST, code: Code): ReadonlyArray<string> =>
  code.checking && ast.checks !== undefined
    ? filtersOf(ast.checks).map((check) =>
        code.value((made: unknown) => check.run(made, ast, options) === undefined),
      )
    : []

const options: SchemaAST.ParseOptions = {}

const filtersOf = (
  checks: ReadonlyArray<SchemaAST.Check<unknown>>,
): ReadonlyArray<SchemaAST.Filter<unknown>> =>
  checks.flatMap((check) => (check._tag === "Filter" ? [check] : filtersOf(check.checks)))

const partOf = (ast: SchemaAST.AST, code: Code): Part | null => {
  const part = uncheckedPart(ast, code)
  const checks = checksOf(ast, code)
  if (part === null || checks.length === 0) return part
  const { fits, made } = part
  // What is to be checked is there only when all of it has been converted.
  if (made !== undefined) {
    const demand = code.demand(checks)
    return { fits, made: (variable) => `${demand}(${made(variable)})` }
  }
  return plain((variable) => [fits(variable), ...checks.map((check) => `${check}(${variable})`)].join(" && "))
}

const plain = (fits: Part["fits"]): Part => ({ fits })

const uncheckedPart = (ast: SchemaAST.AST, code: Code): Part | null => {
  if (ast.encoding !== undefined) return isAmount(ast) ? amountPart(code) : null
  if (SchemaAST.isString(ast)) return plain((variable) => `typeof ${variable} === "string"`)
  if (SchemaAST.isNumber(ast)) return plain((variable) => `typeof ${variable} === "number"`)
  if (SchemaAST.isBoolean(ast)) return plain((variable) => `typeof ${variable} === "boolean"`)
  if (SchemaAST.isNull(ast)) return plain((variable) => `${variable} === null`)
  if (SchemaAST.isLiteral(ast)) {
    const literal = code.value(ast.literal)
    return plain((variable) => `${variable} === ${literal}`)
  }
  if (SchemaAST.isUnion(ast)) return unionPart(ast, code)
  if (SchemaAST.isArrays(ast)) return arrayPart(ast, code)
  if (SchemaAST.isObjects(ast)) return objectPart(ast, code)
  if (!isJson(ast)) return null
  const finite = code.value(isFiniteJson)
  return plain((variable) => (code.checking ? `${finite}(${variable})` : "true"))
}

const isJson = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isDeclaration(ast) && SchemaAST.isDeclaration(Schema.Json.ast) && ast.run === Schema.Json.ast.run

/** JSON can write numbers that are too large for any: they are read as infinite. */
const isFiniteJson = (value: unknown): boolean => {
  if (typeof value === "number") return Number.isFinite(value)
  return typeof value !== "object" || value === null || Object.values(value).every(isFiniteJson)
}

const amountLink = Amount.ast.encoding?.[0].transformation

const isAmount = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isBigInt(ast) &&
  ast.checks === undefined &&
  ast.encoding?.length === 1 &&
  ast.encoding[0].transformation === amountLink

const amountPart = (code: Code): Part => {
  const canonical = code.value(isCanonicalAmount)
  return {
    fits: (variable) => `typeof ${variable} === "string" && ${canonical}(${variable})`,
    made: (variable) => `BigInt(${variable})`,
  }
}

const unionPart = (ast: SchemaAST.Union, code: Code): Part | null => {
  if (ast.types.every(SchemaAST.isLiteral)) {
    const literals = code.value(new Set<unknown>(ast.types.map(({ literal }) => literal)))
    return plain((variable) => `${literals}.has(${variable})`)
  }
  const members = ast.types.map((type) => partOf(type, code))
  // Which member a value belongs to matters only when one of them converts.
  if (!members.every((member) => member !== null && member.made === undefined)) return null
  return plain((variable) => `(${members.map((member) => `(${member?.fits(variable)})`).join(" || ")})`)
}

const arrayPart = (ast: SchemaAST.Arrays, code: Code): Part | null => {
  const [rest, ...more] = ast.rest
  const item = rest === undefined ? null : partOf(rest, code)
  if (item === null || more.length > 0 || ast.elements.length > 0) return null
  const { fits, made } = item
  const each = "for (let index = 0; index < value.length; index++) {\nconst item = value[index]"
  const fit = code.function(
    "if (!Array.isArray(value)) return false",
    `${each}\nif (!(${fits("item")})) return false\n}`,
    "return true",
  )
  const array = plain((variable) => `${fit}(${variable})`)
  if (made === undefined) return array
  const convert = code.function(`${each}\nvalue[index] = ${made("item")}\n}`, "return value")
  return { ...array, made: (variable) => `${convert}(${variable})` }
}

const objectPart = (ast: SchemaAST.Objects, code: Code): Part | null => {
  const fitting: string[] = []
  const converting: string[] = []
  const names = new Set<string>()
  for (const { name, type } of ast.propertySignatures) {
    const part = partOf(type, code)
    if (part === null || typeof name !== "string" || name === "__proto__") return null
    const variable = `v${names.size}`
    const field = `value[${JSON.stringify(name)}]`
    const given = `${variable} !== undefined`
    names.add(name)
    fitting.push(`const ${variable} = ${field}`)
    if (!SchemaAST.isOptional(type)) fitting.push(`if (!(${given} && ${part.fits(variable)})) return false`)
    else fitting.push(`if (${given}) {\nif (!(${part.fits(variable)})) return false\nfound++\n}`)
    if (part.made !== undefined)
      converting.push(`const ${variable} = ${field}\nif (${given}) ${field} = ${part.made(variable)}`)
  }
  const others = othersFit(ast, code)
  if (others === null) return null
  const required = ast.propertySignatures.filter(({ type }) => !SchemaAST.isOptional(type)).length
  const fit = code.function(
    'if (typeof value !== "object" || value === null || Array.isArray(value)) return false',
    `let found = ${required}`,
    ...fitting,
    "let fields = 0\nfor (const _ in value) fields++",
    `return fields === found || (${others(code.value(names))})`,
  )
  const object = plain((variable) => `${fit}(${variable})`)
  if (converting.length === 0) return object
  const convert = code.function(...converting, "return value")
  return { ...object, made: (variable) => `${convert}(${variable})` }
}

/** Whether fields without a name of their own fit, as code over the set of the names; none does where the schema knows none. */
const othersFit = (ast: SchemaAST.Objects, code: Code): ((names: string) => string) | null => {
  const [others, ...more] = ast.indexSignatures
  if (others === undefined) return () => "false"
  const { parameter, type } = others
  const anyName =
    SchemaAST.isString(parameter) && parameter.checks === undefined && parameter.encoding === undefined
  const part = partOf(type, code)
  if (part === null || part.made !== undefined || !anyName || more.length > 0) return null
  return (names) => `Object.keys(value).every((name) => ${names}.has(name) || (${part.fits("value[name]")}))`
}
