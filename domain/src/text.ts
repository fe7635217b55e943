import { Schema } from "effect"

/** Longest text a record may carry, so that one message cannot fill an index page or a screen. */
export const textLengthMax = 256

// Control characters (C1 too), line separators and direction overrides would corrupt a terminal or a log line,
// and PostgreSQL's text cannot hold U+0000.
const control = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/

/** Whether the text is well-formed Unicode that prints as part of one line. */
export const isPlain = (text: string): boolean =>
  printableAscii.test(text) || (text.isWellFormed() && !control.test(text))

// Nearly every text: one look is enough.
const printableAscii = /^[ -~]*$/

// Each schema below has one check, not several: every message passes through tens of them.
const line = (words: string, lengthMin: number, lengthMax: number) =>
  Schema.String.check(
    Schema.makeFilter(
      (text: string) =>
        (text.length >= lengthMin && text.length <= lengthMax && isPlain(text)) ||
        `expected one line of well-formed text, ${words}, got ${text.length} characters`,
    ),
  )

/** One line of text, not empty, well-formed Unicode without control characters, at most 256 UTF-16 units. */
export const Text = line(`1 to ${textLengthMax} characters long`, 1, textLengthMax)

/** Like {@link Text}, for reasons and messages of others: may be empty and up to 4,096 units long. */
export const LongText = line("at most 4096 characters long", 0, 4096)

const hashDigits = 64

/** A pattern takes three times as long, and every observation has a hash or several. */
const isHash = (text: string): boolean => {
  const begin = text.startsWith("0x") ? 2 : 0
  if (text.length !== begin + hashDigits) return false
  for (let place = begin; place < text.length; place++) {
    const unit = text.charCodeAt(place)
    const isDigit = (unit >= 48 && unit <= 57) || (unit >= 97 && unit <= 102)
    if (!isDigit) return false
  }
  return true
}

/** A transaction or block hash: 64 lowercase hexadecimal digits, with `0x` in front on EVM chains. */
export const Hash = Schema.String.check(
  Schema.makeFilter((text: string) => isHash(text) || "expected 64 lowercase hexadecimal digits"),
)

/** A positive decimal number as text in its one canonical form: `60000.1`, never `060000.10` or `6e4`. */
export const DecimalString = Schema.String.check(
  Schema.isMaxLength(64),
  Schema.makeFilter(
    (text: string) =>
      (/^(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/.test(text) && text !== "0") ||
      `expected a positive decimal without needless zeros, got ${JSON.stringify(text)}`,
  ),
)

const wholeUpTo = (maximum: number) =>
  Schema.Number.check(
    Schema.makeFilter(
      (value: number) =>
        (Number.isInteger(value) && value >= 0 && value <= maximum && !Object.is(value, -0)) ||
        `expected a whole number from 0 to ${maximum}, got ${Object.is(value, -0) ? "-0" : value}`,
    ),
  )

/** A whole number from 0 up to 2^53-1, such as a Kafka offset. Zero is written in one way: `-0` is refused. */
export const WholeNumber = wholeUpTo(Number.MAX_SAFE_INTEGER)

/** A count or height: a whole number from 0 to 2^31-1 (`integer` in SQL). */
export const Count = wholeUpTo(2_147_483_647)
