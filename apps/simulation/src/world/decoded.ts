import { type Decoded, recordDecoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"

const decoders = new Map(topics.map((topic) => [topic.name, recordDecoder(topic)]))
// biome-ignore lint/suspicious/noExplicitAny: which record it is follows from the topic, which only the caller knows.
type AnyDecoded = Decoded<any>

const known = new WeakMap<Buffer, AnyDecoded>()

/**
 * A message's record as its topic's decoder reads it. Several readers read each message, and records are never changed, so
 * it is read once; the history writer reads it for itself.
 */
export const decodedValue = (topic: string, value: Buffer): AnyDecoded => {
  const before = known.get(value)
  if (before !== undefined) return before
  const decode = decoders.get(topic)
  if (decode === undefined) throw new RangeError(`there is no topic ${topic}`)
  const decoded = decode(value)
  known.set(value, decoded)
  return decoded
}
