import { Schema, SchemaGetter } from "effect"

const canonicalAmount = /^(?:0|[1-9]\d{0,77})$/

/** Whether the text is an amount in its one written form. */
export const isCanonicalAmount = (text: string): boolean => canonicalAmount.test(text)

/** The written form of an amount: decimal digits, no sign, no leading zero, at most 78 digits (`numeric(78,0)`). */
export const AmountString = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      isCanonicalAmount(text) ||
      `expected a whole number of base units as decimal digits, got ${JSON.stringify(text)}`,
  ),
)

/**
 * An amount of money in base units (satoshi, wei): `bigint` in memory, canonical decimal string in JSON.
 * Never a JavaScript number, which is exact only up to 2^53.
 */
export const Amount = AmountString.pipe(
  Schema.decodeTo(Schema.BigInt.pipe(Schema.brand("Amount")), {
    decode: SchemaGetter.transform((text: string) => BigInt(text)),
    encode: SchemaGetter.transform((units: bigint) => units.toString()),
  }),
)
export type Amount = typeof Amount.Type

/** Brands a `bigint` that is known to be a valid amount; throws a RangeError for one that is not. */
export const amount = (units: bigint): Amount => {
  if (units < 0n || units >= 10n ** 78n) throw new RangeError(`not an amount of base units: ${units}`)
  return units as Amount
}
