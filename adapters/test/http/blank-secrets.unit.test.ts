import { Schema } from "effect"
import { expect, test } from "vitest"
import { secret } from "../../src/config/secret.ts"
import { unavailable } from "../../src/http/http-error.ts"
import { defineRoute } from "../../src/http/route.ts"
import { givenService } from "./given-service.ts"

const hidden = 'pass"word-of-the-node'
const words = `status 401: Basic ZGVzazpwYXNzd29yZA== for http://desk:${hidden}@node.example (${hidden})`

const given = () =>
  givenService({
    hide: [secret(hidden)],
    readiness: () => ({ ready: false, reasons: [words] }),
    state: () => ({ last_error: words, spendable: 10n ** 21n }),
    routes: [
      defineRoute({
        method: "GET",
        url: "/v1/messages",
        summary: "Evidence",
        query: {},
        response: Schema.Struct({ payload: Schema.String }),
        handler: () => ({ payload: words }),
      }),
      defineRoute({
        method: "GET",
        url: "/v1/away",
        summary: "Fails",
        handler: () => {
          throw unavailable(words)
        },
      }),
    ],
  })

test.each(["/state", "/health/ready", "/v1/away"])(
  "blanks our secrets in %s, whoever repeats them",
  async (url) => {
    const { service } = await given()
    const { body } = await service.app.inject(url)
    expect(body).toContain("status 401: Basic <redacted> for http://<redacted>@node.example (<redacted>)")
    expect(body).not.toMatch(/of-the-node|ZGVzazpw/)
    expect(() => JSON.parse(body)).not.toThrow()
  },
)

test("leaves ordinary words alone, and what is made of our own, whatever a password is", async () => {
  const { service } = await givenService({
    hide: [secret("spendable"), secret("landfall_build_info")],
    state: () => ({ spendable: "1" }),
  })
  expect((await service.app.inject("/state")).json()).toMatchObject({ spendable: "1" })
  expect((await service.app.inject("/metrics")).body).toContain("landfall_build_info{")
})

test("shows evidence as it is", async () => {
  const { service } = await given()
  expect((await service.app.inject("/v1/messages")).json()).toMatchObject({ payload: words })
})
