/** A record as it was parsed from JSON, of whatever version. */
export type WrittenRecord = { readonly [field: string]: unknown }

/**
 * One step from a version of a record's written form to the next. Evidence is never rewritten: what an older program wrote
 * is brought up to today's schema each time it is read.
 */
export interface Upcast {
  /** The version that it brings up, counted from 1; the result is of the next. */
  readonly from: number
  /** Whether the record is of that version: what every record of it has, and none of a later one. */
  readonly applies: (written: WrittenRecord) => boolean
  /** The same record in the next version's form. Pure; it must not change what it is given. */
  readonly up: (written: WrittenRecord) => WrittenRecord
}

/** Brings a parsed value up to today's written form, one function a version step; anything but an object stays as it is. */
export const upcast = (steps: ReadonlyArray<Upcast>, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  let written = value as WrittenRecord
  for (const step of steps) if (step.applies(written)) written = step.up(written)
  return written
}
