import { type Decoded, valueDecoder } from "./codec.ts"
import { misfit, trustingReader } from "./record-reader.ts"
import type { Topic } from "./topic.ts"

/**
 * A function from parsed JSON to a record of the topic, for evidence, which was checked in full before it was written.
 * It looks at the shape alone and converts what the schema converts; whatever is not of today's shape, because it is older
 * or has an unknown field, goes the whole way. For what the schema accepts both give the same record.
 */
export const trustedDecoder = <Record>(topic: Topic<Record>): ((value: unknown) => Decoded<Record>) => {
  const whole = valueDecoder(topic)
  const read = trustingReader(topic.schema.ast)
  // Whether a record is older may show in its values alone.
  if (read === null || (topic.upcasts ?? []).length > 0) return whole
  return (value) => {
    const record = read(value)
    return record === misfit ? whole(value) : { ok: true, record: record as Record }
  }
}
