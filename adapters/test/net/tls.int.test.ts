import { getCACertificates, setDefaultCACertificates } from "node:tls"
import { generate } from "selfsigned"
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { questions } from "./every-adapter.ts"
import { type OddServer, type ServerCertificate, startOddServer } from "./odd-server.ts"

const day_ms = 86_400_000
const usual = getCACertificates("default")

interface Wanted {
  readonly host?: string
  readonly from_ms?: number
  readonly until_ms?: number
  readonly issuer?: ServerCertificate
}

/** A key and a certificate for a server at an address of this machine, of its own making unless an issuer signs it. */
const certificate = async (wanted: Wanted = {}): Promise<ServerCertificate> => {
  const { host = "127.0.0.1", from_ms = -day_ms, until_ms = day_ms, issuer } = wanted
  const made = await generate([{ name: "commonName", value: "landfall test server" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() + from_ms),
    notAfterDate: new Date(Date.now() + until_ms),
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "subjectAltName", altNames: [{ type: 7, ip: host }] },
    ],
    ...(issuer === undefined ? {} : { ca: issuer }),
  })
  return { key: made.private, cert: made.cert }
}

const authority = async (): Promise<ServerCertificate> => {
  const made = await generate([{ name: "commonName", value: "landfall test issuer" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  })
  return { key: made.private, cert: made.cert }
}

let issuer: ServerCertificate
let server: OddServer | null = null
beforeAll(async () => {
  issuer = await authority()
})
// What NODE_EXTRA_CA_CERTS does when a process starts.
beforeEach(() => setDefaultCACertificates([...usual, issuer.cert]))
afterEach(async () => {
  setDefaultCACertificates(usual)
  await server?.close()
})

const serve = async (wanted: Wanted): Promise<OddServer> => {
  server = await startOddServer(
    ({ response }) => response.writeHead(418).end("understood"),
    await certificate(wanted),
  )
  return server
}
const bounds = { total_timeout_ms: 20_000, bytes_max: 200_000 }

describe.each(questions)("$name", ({ ask }) => {
  test("asks a server whose certificate holds", async () => {
    const { url, requests } = await serve({ issuer })
    await expect(ask(url, bounds)()).rejects.toThrow(/answered 418, beginning "understood"/)
    expect(requests).toHaveLength(1)
  })

  test.each<[string, () => Wanted, string]>([
    ["of its own making", () => ({}), "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["of another host", () => ({ issuer, host: "192.0.2.7" }), "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["that ran out", () => ({ issuer, from_ms: -2 * day_ms, until_ms: -day_ms }), "CERT_HAS_EXPIRED"],
    [
      "that does not hold yet",
      () => ({ issuer, from_ms: day_ms, until_ms: 2 * day_ms }),
      "CERT_NOT_YET_VALID",
    ],
  ])("sends nothing to a server with a certificate %s", async (_what, wanted, code) => {
    const { url, requests } = await serve(wanted())
    await expect(ask(url, bounds)()).rejects.toThrow(`its certificate is not accepted (${code})`)
    expect(requests).toEqual([])
  })
})
