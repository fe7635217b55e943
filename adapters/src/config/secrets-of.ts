import { Redacted } from "effect"
import { type Endpoint, endpointUrl } from "./endpoint.ts"
import { reveal, type Secret, secret } from "./secret.ts"

/**
 * Shorter parts of an address are ordinary words at times, such as the password `landfall`: blanked wherever they stand,
 * they would take names out of what is shown.
 */
export const secret_part_chars_min = 12

const isEndpoint = (value: unknown): value is Endpoint =>
  typeof value === "object" &&
  value !== null &&
  "shown" in value &&
  "url" in value &&
  Redacted.isRedacted(value.url)

const isSecret = (value: unknown): value is Secret => Redacted.isRedacted(value)

/** What an address has that is nobody's business: the password, plain and as it is sent, and what may be a key. */
export const secretsInUrl = ({ username, password, pathname, searchParams }: URL): ReadonlyArray<string> => {
  const [user, plain] = [decodeURIComponent(username), decodeURIComponent(password)]
  const sent = Buffer.from(`${user}:${plain}`).toString("base64")
  const keys = [pathname, ...pathname.split("/"), ...searchParams.values()].filter(
    (text) => text.length >= secret_part_chars_min,
  )
  return password === "" ? keys : [sent, password, plain, ...keys]
}

/**
 * Every secret among the settings of a service, whatever its name: tokens, passwords, addresses, and the longer parts
 * of addresses, which may be repeated alone. A setting that is added later is among them by its kind.
 */
export const secretsOf = (settings: { readonly [name: string]: unknown }): ReadonlyArray<Secret> =>
  Object.values(settings).flatMap((value) => {
    if (isSecret(value)) return [value]
    if (!isEndpoint(value)) return []
    const address = reveal(value.url)
    // `esplora+https://` is asked as `https://`.
    const parts = secretsInUrl(endpointUrl(value)).filter((part) => part.length >= secret_part_chars_min)
    return [address, address.replace(/^[a-z]+\+/, ""), ...parts].map(secret)
  })

/** The texts of secrets, for what blanks them. */
export const textsOf = (secrets: ReadonlyArray<Secret | null>): ReadonlyArray<string> =>
  secrets.flatMap((hidden) => (hidden === null ? [] : [reveal(hidden)]))
