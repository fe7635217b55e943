import { Schema, SchemaAST } from "effect"
import { Amount, isCanonicalAmount } from "./amount.ts"

/** What a reader gives for a value that the schema may refuse: the schema itself then says what is wrong. */
export const misfit: unique symbol = Symbol("misfit")

/**
 * Gives what the schema makes of a JSON value, checks included, or {@link misfit}. Objects and arrays are converted in
 * place, also when a later part of them turns out to be a misfit.
 */
export type Reader = (value: unknown) => unknown

/**
 * A reader that does what the schema does for records of today's shape, in a tenth of the time: it looks at each field once
 * and builds no new object. It is written out as code, field by field, because a loop over the fields reads none of them as
 * fast as a field by its name. A field that the schema does not know is a misfit, and so is whatever the schema would not
 * take as it is. Null for a schema that does more than is known here, and where no code may be made at run time.
 */
export const checkedReader = (ast: SchemaAST.AST): Reader | null => {
  const made = new Code()
  const part = partOf(ast, made)
  if (part === null) return null
  try {
    return made.compile(part)
  } catch (error) {
    if (error instanceof EvalError) return null // node --disallow-code-generation-from-strings
    throw error
  }
}

/**
 * How one value is read, as code. `fits` is an expression over the name of a variable: whether the value is taken. `made` is
 * what it becomes, where it becomes something else.
 */
interface Part {
  readonly fits: (variable: string) => string
  readonly made?: (variable: string) => string
}

/** The functions and values that the code names, and the readers of objects and arrays that are functions of their own. */
class Code {
  private readonly values: unknown[] = []
  private readonly functions: string[] = []

  /** A name by which the code has this value. */
  value(value: unknown): string {
    return `k${this.values.push(value) - 1}`
  }

  /** A part whose value is told by a function with this body: it gives whether `value` was taken, and converts in place. */
  part(body: string): Part {
    const name = `f${this.functions.length}`
    this.functions.push(`const ${name} = (value) => {\n${body}\n}`)
    return { fits: (variable) => `${name}(${variable})` }
  }

  compile({ fits, made }: Part): Reader {
    const { values } = this
    const whole = `return (value) => ${fits("value")} ? ${made?.("value") ?? "value"} : misfit`
    const source = [...this.functions, whole].join("\n")
    return new Function("misfit", ...values.map((_, place) => `k${place}`), source)(misfit, ...values)
  }
}

const partOf = (ast: SchemaAST.AST, code: Code): Part | null => {
  const part = typePartOf(ast, code)
  if (part === null || ast.checks === undefined) return part
  const checks = filtersOf(ast.checks).map((check) =>
    code.value((made: unknown) => check.run(made, ast, options) === undefined),
  )
  const { fits, made } = part
  // What is checked is what was made.
  return {
    ...part,
    fits: (variable) =>
      [fits(variable), ...checks.map((holds) => `${holds}(${made?.(variable) ?? variable})`)].join(" && "),
  }
}

const options: SchemaAST.ParseOptions = {}

const filtersOf = (
  checks: ReadonlyArray<SchemaAST.Check<unknown>>,
): ReadonlyArray<SchemaAST.Filter<unknown>> =>
  checks.flatMap((check) => (check._tag === "Filter" ? [check] : filtersOf(check.checks)))

const typePartOf = (ast: SchemaAST.AST, code: Code): Part | null => {
  if (ast.encoding !== undefined) return isAmount(ast) ? amountPart(code) : null
  if (SchemaAST.isString(ast)) return { fits: (variable) => `typeof ${variable} === "string"` }
  if (SchemaAST.isNumber(ast)) return { fits: (variable) => `typeof ${variable} === "number"` }
  if (SchemaAST.isBoolean(ast)) return { fits: (variable) => `typeof ${variable} === "boolean"` }
  if (SchemaAST.isNull(ast)) return { fits: (variable) => `${variable} === null` }
  if (SchemaAST.isLiteral(ast)) {
    const literal = code.value(ast.literal)
    return { fits: (variable) => `${variable} === ${literal}` }
  }
  if (SchemaAST.isUnion(ast)) return unionPart(ast, code)
  if (SchemaAST.isArrays(ast)) return arrayPart(ast, code)
  if (SchemaAST.isObjects(ast)) return objectPart(ast, code)
  if (!isJson(ast)) return null
  const finite = code.value(isFiniteJson)
  return { fits: (variable) => `${finite}(${variable})` }
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
  const isCanonical = code.value(isCanonicalAmount)
  return {
    fits: (variable) => `typeof ${variable} === "string" && ${isCanonical}(${variable})`,
    made: (variable) => `BigInt(${variable})`,
  }
}

const unionPart = (ast: SchemaAST.Union, code: Code): Part | null => {
  if (ast.types.every(SchemaAST.isLiteral)) {
    const literals = code.value(new Set<unknown>(ast.types.map(({ literal }) => literal)))
    return { fits: (variable) => `${literals}.has(${variable})` }
  }
  const members = ast.types.map((type) => (converts(type) ? null : partOf(type, code)))
  if (!members.every((member) => member !== null)) return null
  return { fits: (variable) => `(${members.map(({ fits }) => fits(variable)).join(" || ")})` }
}

/** Whether something in the value becomes something else: in a choice it could before another is tried. */
const converts = (ast: SchemaAST.AST): boolean => {
  if (ast.encoding !== undefined) return true
  if (SchemaAST.isUnion(ast)) return ast.types.some(converts)
  if (SchemaAST.isArrays(ast)) return [...ast.elements, ...ast.rest].some(converts)
  if (SchemaAST.isObjects(ast))
    return [...ast.propertySignatures, ...ast.indexSignatures].some(({ type }) => converts(type))
  return false
}

const arrayPart = (ast: SchemaAST.Arrays, code: Code): Part | null => {
  const [rest, ...more] = ast.rest
  const item = rest === undefined ? null : partOf(rest, code)
  if (item === null || more.length > 0 || ast.elements.length > 0) return null
  return code.part(`if (!Array.isArray(value)) return false
for (let index = 0; index < value.length; index++) {
const item = value[index]
if (!(${item.fits("item")})) return false
${item.made === undefined ? "" : `value[index] = ${item.made("item")}`}
}
return true`)
}

const objectPart = (ast: SchemaAST.Objects, code: Code): Part | null => {
  const lines = ["if (typeof value !== 'object' || value === null || Array.isArray(value)) return false"]
  const names: string[] = []
  const required = ast.propertySignatures.filter(({ type }) => !SchemaAST.isOptional(type)).length
  lines.push(`let found = ${required}`)
  for (const [place, { name, type }] of ast.propertySignatures.entries()) {
    const part = partOf(type, code)
    if (part === null || typeof name !== "string" || name === "__proto__") return null
    names.push(name)
    const [variable, field] = [`v${place}`, `value[${JSON.stringify(name)}]`]
    const fitting = `if (!(${part.fits(variable)})) return false
${part.made === undefined ? "" : `${field} = ${part.made(variable)}`}`
    lines.push(`const ${variable} = ${field}`)
    lines.push(
      SchemaAST.isOptional(type)
        ? `if (${variable} !== undefined) {\nfound++\n${fitting}\n}`
        : `if (${variable} === undefined) return false\n${fitting}`,
    )
  }
  const others = othersPart(ast, code)
  if (others === null) return null
  lines.push("let fields = 0", "for (const _ in value) fields++")
  lines.push(`return fields === found || ${others(code.value(new Set(names)))}`)
  return code.part(lines.join("\n"))
}

/** Whether fields without a name of their own are taken, as code that has the set of the names: none where the schema knows none. */
const othersPart = (ast: SchemaAST.Objects, code: Code): ((names: string) => string) | null => {
  const [others, ...more] = ast.indexSignatures
  if (others === undefined) return () => "false"
  const { parameter, type } = others
  const anyName =
    SchemaAST.isString(parameter) && parameter.checks === undefined && parameter.encoding === undefined
  const part = !anyName || more.length > 0 || converts(type) ? null : partOf(type, code)
  return (
    part &&
    ((names) => `Object.keys(value).every((name) => ${names}.has(name) || ${part.fits("value[name]")})`)
  )
}
