/** The outcome of reading a text: a value, or what is wrong with it (never the text itself, which may be secret). */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string }

/** How a kind of value is written as one text: in an environment variable or a query parameter. */
export interface Kind<T> {
  /** What is accepted, in words that follow "expected": `a whole number from 1 to 65535`. */
  readonly accepted: string
  readonly example: string
  /** The JSON Schema of the value, for OpenAPI. */
  readonly json: { readonly [keyword: string]: unknown }
  /** True when the text may hold a password, so that it is never shown and may come from a file. */
  readonly sensitive: boolean
  readonly read: (text: string) => Read<T>
}

/** A named input: its kind, what it is for, and what holds when it is absent. */
export interface Field<T> {
  readonly kind: Kind<T>
  readonly describe: string
  readonly absent: { readonly is: "refused" } | { readonly is: "value"; readonly text: string | null }
}

/** Inputs by name. */
export interface Fields {
  readonly [name: string]: Field<unknown>
}

/** The values of inputs that were read. */
export type Values<Table extends Fields> = {
  readonly [Name in keyof Table]: Table[Name] extends Field<infer T> ? T : never
}

/** An input that must be given. */
export const required = <T>(kind: Kind<T>, describe: string): Field<T> => ({
  kind,
  describe,
  absent: { is: "refused" },
})

/** An input that may be left out; it is null then. */
export const optional = <T>(kind: Kind<T>, describe: string): Field<T | null> => ({
  kind,
  describe,
  absent: { is: "value", text: null },
})

/** An input that has a default, written as its user would write it. */
export const withDefault = <T>(kind: Kind<T>, text: string, describe: string): Field<T> => ({
  kind,
  describe,
  absent: { is: "value", text },
})

/** Reads one input; `undefined` means that it was not given. */
export const readField = <T>(field: Field<T>, text: string | undefined): Read<T | null> => {
  if (text !== undefined) return field.kind.read(text)
  if (field.absent.is === "refused") return { ok: false, problem: "it is missing" }
  return field.absent.text === null ? { ok: true, value: null } : field.kind.read(field.absent.text)
}
