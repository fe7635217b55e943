import type { Kind } from "../config/field.ts"
import { type LetterPlace, parsePlace, placeName } from "./place.ts"

const example = "ref.market_price/0/42"

/** One dead letter by its place. */
export const letterPlace: Kind<LetterPlace> = {
  accepted: `topic/partition/offset, such as ${example}`,
  example,
  json: { type: "string" },
  sensitive: false,
  read: (text) => {
    const place = parsePlace(text)
    return place === null ? { ok: false, problem: "it is no place" } : { ok: true, value: place }
  },
}

/** Dead letters by their places, each once. */
export const letterPlaces: Kind<ReadonlyArray<LetterPlace>> = {
  accepted: `topic/partition/offset, or several with commas between them, such as ${example}`,
  example,
  json: { type: "string" },
  sensitive: false,
  read: (text) => {
    const places = new Map<string, LetterPlace>()
    for (const part of text.split(",")) {
      const place = parsePlace(part.trim())
      if (place === null)
        return { ok: false, problem: `${JSON.stringify(part.trim().slice(0, 100))} is no place` }
      places.set(placeName(place), place)
    }
    return { ok: true, value: [...places.values()] }
  },
}
