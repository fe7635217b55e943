import { readFileSync } from "node:fs"

/** The frozen bytes of one record of the topic. They never change: messages like it are in every log. */
export const goldenBytes = (topicName: string): Uint8Array =>
  readFileSync(new URL(`golden/${topicName}.json`, import.meta.url))

/** The frozen record as plain JSON, to be broken in one place. */
export const goldenJson = (topicName: string): Record<string, unknown> => {
  const parsed: unknown = JSON.parse(new TextDecoder().decode(goldenBytes(topicName)))
  if (typeof parsed !== "object" || parsed === null)
    throw new Error(`${topicName}: the golden sample is no object`)
  return { ...parsed }
}

/** UTF-8 bytes of a text, or of a value as JSON. */
export const bytesOf = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))
