import { describe, expect, it } from "vitest"
import { checkAdvisories, checkSignatures, readAdvisories, readSignatures } from "../lib/registry.mjs"

/** Said aloud: what could not be looked at is not in order for that. */
const tell = (what: string, why: string): void => console.warn(`NOT CHECKED: the registry's ${what} (${why})`)

it("the registry's signatures hold for everything that is installed, where it gives any", () => {
  const outcome = checkSignatures()
  if (outcome.checked) expect(outcome.problems).toEqual([])
  else tell("signatures", outcome.why)
})

it("nothing is known against a package that is installed, where the registry says what is", () => {
  const outcome = checkAdvisories()
  if (!outcome.checked) return tell("advisories", outcome.why)
  // What was published since is for whoever keeps the project to settle, not for whoever tries it out.
  if (process.env["CI"] !== undefined) expect(outcome.problems).toEqual([])
  else for (const problem of outcome.problems) console.warn(problem)
})

describe("a signature", () => {
  it("that does not hold, or is missing, is a problem", () => {
    expect(readSignatures('{"invalid":[],"missing":[]}')).toEqual({ checked: true, problems: [] })
    const bad = { invalid: [{ name: "a", version: "1.0.0" }], missing: [{ name: "b", version: "2.0.0" }] }
    expect(readSignatures(JSON.stringify(bad))).toMatchObject({
      problems: [
        "a@1.0.0 has a signature that does not hold",
        "b@2.0.0 has no signature, where others have one",
      ],
    })
  })

  it.each(["", "{}", "npm error code ENOTFOUND", '{"error":{"code":"ENOTFOUND"}}'])(
    "is not checked by %j",
    (text) => {
      expect(readSignatures(text)).toMatchObject({ checked: false })
    },
  )
})

describe("an advisory", () => {
  const url = "https://github.com/advisories/GHSA-xxxx-xxxx-xxxx"
  const report = JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: {
      a: { name: "a", via: ["b"] },
      b: { name: "b", via: [{ name: "b", severity: "high", title: "it leaks", url }] },
    },
  })

  it("is a problem unless it is accepted, with why", () => {
    expect(readAdvisories(report, {})).toEqual({ checked: true, problems: [`b: high, it leaks (${url})`] })
    expect(readAdvisories(report, { [url]: "never called" })).toEqual({ checked: true, problems: [] })
    expect(readAdvisories('{"vulnerabilities":{}}')).toEqual({ checked: true, problems: [] })
  })

  it("is not looked for where the registry does not answer", () => {
    expect(readAdvisories('{"message":"405 Method Not Allowed","statusCode":405}')).toEqual({
      checked: false,
      why: "405 Method Not Allowed",
    })
    expect(readAdvisories("")).toMatchObject({ checked: false })
  })
})
