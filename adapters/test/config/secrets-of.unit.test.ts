import { expect, test } from "vitest"
import { endpoint } from "../../src/config/endpoint.ts"
import { secret } from "../../src/config/secret.ts"
import { secretsOf, textsOf } from "../../src/config/secrets-of.ts"

const secretsIn = (values: { readonly [name: string]: unknown }) => textsOf(secretsOf(values))

test("finds every secret among settings by its kind, and nothing else", () => {
  expect(
    secretsIn({ HTTP_HOST: "127.0.0.1", POLL_MS: 500, PAIRS: [{ pair: "BTC/EURe" }], READ_TOKEN: null }),
  ).toEqual([])
  expect(secretsIn({ CONTROL_TOKEN: secret("control-token-0123"), HTTP_PORT: 0 })).toEqual([
    "control-token-0123",
  ])
})

test("finds the address, the password as it is written and as it is sent, and what may be a key", () => {
  const url = "https://desk:pa%3Ass-word-1@node.example/v2/the-key-of-the-desk?auth=another-key-of-it&x=1"
  const hidden = secretsIn({ GNOSIS_OBSERVER_URL: endpoint(url) })
  expect(hidden).toEqual(
    expect.arrayContaining([
      url,
      "pa:ss-word-1",
      "pa%3Ass-word-1",
      btoa("desk:pa:ss-word-1"),
      "the-key-of-the-desk",
      "another-key-of-it",
    ]),
  )
  for (const word of ["", "v2", "1", "desk"]) expect(hidden).not.toContain(word)
})

test("finds an address under the prefix of its kind and without it", () => {
  const hidden = secretsIn({ BITCOIN_OBSERVER_URL: endpoint("esplora+https://esplora.example/api") })
  expect(hidden).toEqual(expect.arrayContaining(["https://esplora.example/api"]))
})

test("leaves out a password that is an ordinary word: blanked, it would take names out of what is shown", () => {
  const url = "postgres://landfall:landfall@127.0.0.1/landfall"
  expect(secretsIn({ DATABASE_URL: endpoint(url) })).toEqual([url, url, btoa("landfall:landfall")])
})
