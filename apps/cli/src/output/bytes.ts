import { printable } from "./printable.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The bytes as text; null when they are none. */
export const asText = (bytes: Uint8Array): string | null => {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

/** Bytes for one line: as text with escapes, or in hexadecimal when they are no text. */
export const shownBytes = (bytes: Uint8Array): string => {
  const text = asText(bytes)
  return text === null ? `0x${Buffer.from(bytes).toString("hex")}` : printable(text)
}

const perLine = 16

/** A hex dump: offset, sixteen bytes, and those of them that are printable ASCII. */
export const hexLines = (bytes: Uint8Array): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(bytes.length / perLine) }, (_, line) => {
    const part = bytes.subarray(line * perLine, (line + 1) * perLine)
    const hex = Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join(" ")
    const ascii = Array.from(part, (byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("")
    return `${(line * perLine).toString(16).padStart(8, "0")}  ${hex.padEnd(perLine * 3 - 1)}  ${ascii}`
  })
