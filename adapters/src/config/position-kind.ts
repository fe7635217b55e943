import { Cut, type Position } from "@landfall/domain/position"
import { Result, Schema } from "effect"
import type { Kind, Read } from "./field.ts"

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Cut))
const place = /^([a-zA-Z0-9._-]{1,249})\/(\d{1,9})=(\d{1,16})$/

const refused = (problem: string): Read<Position> => ({ ok: false, problem })

/** A position: the offset of the next message by topic and partition, as answers give it or in short. */
export const position: Kind<Position> = {
  accepted:
    "TOPIC/PARTITION=OFFSET, several with commas between them, or the JSON of a position that an answer gave",
  example: "ops.funding_observation/0=120,ops.funding_observation/1=44",
  json: { type: "string" },
  sensitive: false,
  read: (text) => {
    const short = text.trimStart().startsWith("{") ? null : shortForm(text)
    if (typeof short === "string") return refused(short)
    const result = decode(short === null ? text : JSON.stringify(short))
    return Result.isSuccess(result) ? { ok: true, value: result.success } : refused("it is no position")
  },
}

/** The position that the short form tells, or what is wrong with it. */
const shortForm = (text: string): Position | string => {
  const topics = new Map<string, Map<string, number>>()
  for (const part of text.split(",").map((one) => one.trim())) {
    const [, topic = "", partition = "", offset = ""] = place.exec(part) ?? []
    if (topic === "") return `${JSON.stringify(part.slice(0, 100))} is not TOPIC/PARTITION=OFFSET`
    const offsets = topics.get(topic) ?? new Map<string, number>()
    if (offsets.has(partition)) return `${topic}/${partition} is named twice`
    topics.set(topic, offsets.set(partition, Number(offset)))
  }
  return Object.fromEntries([...topics].map(([topic, offsets]) => [topic, Object.fromEntries(offsets)]))
}

/** A position in its short form, partitions in order. */
export const shortPosition = (at: Position): string =>
  Object.entries(at)
    .flatMap(([topic, offsets]) =>
      Object.entries(offsets)
        .sort(([left], [right]) => Number(left) - Number(right))
        .map(([partition, next]) => `${topic}/${partition}=${next}`),
    )
    .join(",")
