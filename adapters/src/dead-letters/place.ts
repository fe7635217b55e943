/** Where a dead letter came from: its place in Kafka, which is its name as well. */
export interface LetterPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** The place as text: `ref.market_price/0/42`. */
export const placeName = ({ topic, partition, offset }: LetterPlace): string =>
  `${topic}/${partition}/${offset}`

/** The place that the text names; null for any other text. */
export const parsePlace = (text: string): LetterPlace | null => {
  const parts = /^([\w.-]{1,249})\/(0|[1-9]\d{0,8})\/(0|[1-9]\d{0,15})$/.exec(text)
  if (parts === null) return null
  const [, topic = "", partition, offset] = parts
  const place = { topic, partition: Number(partition), offset: Number(offset) }
  return Number.isSafeInteger(place.offset) ? place : null
}

/** In the order of the logs. */
export const byPlace = (left: LetterPlace, right: LetterPlace): number =>
  left.topic === right.topic
    ? left.partition - right.partition || left.offset - right.offset
    : left.topic < right.topic
      ? -1
      : 1
