/** Chance that a seed decides: the same seed gives the same choices in the same order. */
export interface Random {
  /** At least 0 and less than 1. */
  readonly next: () => number
  /** A whole number from `min` to `max`, both included. */
  readonly int: (min: number, max: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <Item>(items: ReadonlyArray<Item>) => Item
  /** 64 hexadecimal digits. */
  readonly hash: () => string
  /** Another source whose choices do not depend on how many this one makes later. */
  readonly fork: () => Random
}

/** Chance from a seed of 32 bits (sfc32, which is small, fast and good enough for choosing). */
export const seededRandom = (seed: number): Random => {
  let [a, b, c, counter] = [0x9e3779b9 ^ seed, 0x243f6a88, seed | 0, 1]
  const word = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let round = 0; round < 15; round++) word()
  const next = (): number => word() / 4_294_967_296
  return {
    next,
    int: (min, max) => min + Math.floor(next() * (max - min + 1)),
    chance: (probability) => next() < probability,
    pick: <Item>(items: ReadonlyArray<Item>): Item => {
      const item = items[Math.floor(next() * items.length)]
      if (item === undefined) throw new RangeError("there is nothing to pick from")
      return item
    },
    hash: () => Array.from({ length: 8 }, () => word().toString(16).padStart(8, "0")).join(""),
    fork: () => seededRandom(word()),
  }
}
