/** An array of texts as PostgreSQL writes one, to be cast with `::text[]`, `::uuid[]` and so on. */
export const arrayLiteral = (items: Iterable<string | number>): string => {
  const quoted: string[] = []
  for (const item of items) quoted.push(typeof item === "number" ? String(item) : quote(item))
  return `{${quoted.join(",")}}`
}

const quote = (text: string): string =>
  /^[\w.:/-]+$/.test(text) && text.toUpperCase() !== "NULL" ? text : `"${text.replace(/["\\]/g, "\\$&")}"`

/** Bytes as PostgreSQL's hexadecimal `bytea` text. */
export const byteaLiteral = (bytes: Uint8Array): string => `\\x${Buffer.from(bytes).toString("hex")}`
