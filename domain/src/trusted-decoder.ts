import { Schema, SchemaAST } from "effect"
import { Amount, isCanonicalAmount } from "./amount.ts"
import { type Decoded, valueDecoder } from "./codec.ts"
import type { Topic } from "./topic.ts"

/** The shape that values of a schema have in JSON, and what is to be done with them. */
interface Shape {
  /** Whether a value has it: the fields that there are and their JSON types, not what their texts and numbers may be. */
  readonly fits: (value: unknown) => boolean
  /** Makes of a value that fits what the schema makes of it, objects in place; null when JSON has it already. */
  readonly convert: ((value: never) => unknown) | null
}

/**
 * A function from parsed JSON to a record of the topic, for evidence, which was checked in full before it was written.
 * It looks at the shape alone and converts what the schema converts; whatever is not of today's shape, because it is older
 * or has an unknown field, goes the whole way. For what the schema accepts both give the same record.
 */
export const trustedDecoder = <Record>(topic: Topic<Record>): ((value: unknown) => Decoded<Record>) => {
  const whole = valueDecoder(topic)
  const shape = shapeOf(topic.schema.ast)
  // Whether a record is older may show in its values alone.
  if (shape === null || (topic.upcasts ?? []).length > 0) return whole
  const { fits, convert } = shape
  return (value) => {
    if (!fits(value)) return whole(value)
    return { ok: true, record: (convert === null ? value : convert(value as never)) as Record }
  }
}

/** The shape of a schema; null when it does what is not known here. */
const shapeOf = (ast: SchemaAST.AST): Shape | null => {
  if (ast.encoding !== undefined) return isAmount(ast) ? amountShape : null
  if (SchemaAST.isString(ast)) return plain((value) => typeof value === "string")
  if (SchemaAST.isNumber(ast)) return plain((value) => typeof value === "number")
  if (SchemaAST.isBoolean(ast)) return plain((value) => typeof value === "boolean")
  if (SchemaAST.isNull(ast)) return plain((value) => value === null)
  if (SchemaAST.isLiteral(ast)) return plain((value) => value === ast.literal)
  if (SchemaAST.isUnion(ast)) return unionShape(ast)
  if (SchemaAST.isArrays(ast)) return arrayShape(ast)
  if (SchemaAST.isObjects(ast)) return objectShape(ast)
  return isJson(ast) ? plain(() => true) : null
}

const plain = (fits: Shape["fits"]): Shape => ({ fits, convert: null })

const amountLink = Amount.ast.encoding?.[0].transformation

const isAmount = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isBigInt(ast) && ast.encoding?.length === 1 && ast.encoding[0].transformation === amountLink

const amountShape: Shape = {
  fits: (value) => typeof value === "string" && isCanonicalAmount(value),
  convert: (text: string) => BigInt(text),
}

/** Whether any JSON value is meant: it came from JSON. */
const isJson = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isDeclaration(ast) && SchemaAST.isDeclaration(Schema.Json.ast) && ast.run === Schema.Json.ast.run

const unionShape = (ast: SchemaAST.Union): Shape | null => {
  if (ast.types.every(SchemaAST.isLiteral)) {
    const literals = new Set<unknown>(ast.types.map(({ literal }) => literal))
    return plain((value) => literals.has(value))
  }
  const members = ast.types.map(shapeOf)
  // Which member a value belongs to matters only when one of them converts.
  if (!members.every((member) => member !== null && member.convert === null)) return null
  return plain((value) => members.some((member) => member?.fits(value)))
}

const arrayShape = (ast: SchemaAST.Arrays): Shape | null => {
  const [rest, ...more] = ast.rest
  const item = rest === undefined ? null : shapeOf(rest)
  if (item === null || more.length > 0 || ast.elements.length > 0) return null
  const { fits, convert } = item
  return {
    fits: (value) => Array.isArray(value) && value.every(fits),
    convert:
      convert === null
        ? null
        : (items: unknown[]) => {
            for (let index = 0; index < items.length; index++) items[index] = convert(items[index] as never)
            return items
          },
  }
}

/** A named field of an object. */
interface Property extends Shape {
  readonly name: string
  readonly optional: boolean
}

const objectShape = (ast: SchemaAST.Objects): Shape | null => {
  const properties: Property[] = []
  for (const { name, type } of ast.propertySignatures) {
    const shape = shapeOf(type)
    if (shape === null || typeof name !== "string") return null
    properties.push({ name, optional: SchemaAST.isOptional(type), ...shape })
  }
  const [others, ...more] = ast.indexSignatures
  const other = others === undefined ? plain(() => false) : shapeOf(others.type)
  if (other === null || other.convert !== null || more.length > 0) return null
  const converted = properties.filter(({ convert }) => convert !== null)
  return {
    fits: fieldsFit(properties, other.fits),
    convert:
      converted.length === 0
        ? null
        : (record: { [field: string]: unknown }) => {
            for (const { name, convert } of converted)
              if (record[name] !== undefined) record[name] = convert?.(record[name] as never)
            return record
          },
  }
}

/** Whether a value is an object whose named fields fit, and whose others all fit `other`. */
const fieldsFit = (properties: ReadonlyArray<Property>, other: Shape["fits"]): Shape["fits"] => {
  const named = new Set(properties.map(({ name }) => name))
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false
    const record = value as { readonly [field: string]: unknown }
    let found = 0
    for (const { name, optional, fits } of properties) {
      const field = record[name]
      if (field !== undefined ? !fits(field) : !optional) return false
      if (field !== undefined) found++
    }
    let fields = 0
    for (const _ in record) fields++
    if (fields === found) return true
    return Object.keys(record).every((name) => named.has(name) || other(record[name]))
  }
}
