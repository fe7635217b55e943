/**
 * The bytes of standard, padded base64 (RFC 4648, section 4); null for anything else. Node reads leniently, and two texts
 * for one signature or hash would be two truths.
 */
export const fromBase64 = (text: string): Buffer | null => {
  const bytes = Buffer.from(text, "base64")
  return bytes.toString("base64") === text ? bytes : null
}
