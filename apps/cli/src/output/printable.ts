// Control characters (C1 too), line separators and what turns the direction of text would let data move the cursor, forge a
// line or hide what stands beside it.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
/** The same, but for the ends of our own lines and the colours that we paint with. */
const unsafeBesideOurs =
  /(\n|\u001b\[(?:[12]|22|3[1239])m)|[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Text from data as it may stand in a line on a terminal: what would act on the terminal is shown as an escape. */
export const printable = (text: string): string => text.toWellFormed().replace(unsafe, escaped)

/**
 * What is about to be written, lines and colours of our own included, with nothing in it that acts on a terminal, should a
 * piece of data have come this far as it was. JSON means the same afterwards: such characters stand in its texts alone.
 */
export const harmless = (text: string): string =>
  text.replace(unsafeBesideOurs, (character, ours?: string) => ours ?? escaped(character))
