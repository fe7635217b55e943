/** The log of what operators did about dead letters, beside those of the partitions. */
export const actsLog = "dead_letter_acts"

/** The origin of a log under a key's name: `<name>/<topic>/<partition>`. */
export const originOf = (name: string, log: string): string => `${name}/${log}`

/** Which log an origin means under a key's name: `<topic>/<partition>`; null for another's. */
export const logOf = (name: string, origin: string): string | null =>
  origin.startsWith(`${name}/`) ? origin.slice(name.length + 1) : null
