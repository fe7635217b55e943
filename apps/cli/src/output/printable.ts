// Control characters (C1 too), line separators and direction overrides would let data move the cursor, forge a line or
// hide what stands beside it.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/gu

/** Text from data as it may stand in a line on a terminal: what would act on the terminal is shown as an escape. */
export const printable = (text: string): string =>
  text
    .toWellFormed()
    .replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
