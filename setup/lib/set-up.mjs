import { readFileSync } from "node:fs"
import { join } from "node:path"
import { alone } from "./lock.mjs"
import { partsNeeded } from "./needs.mjs"
import { root, tools } from "./paths.mjs"
import { step } from "./progress.mjs"
import { obtainNode } from "./steps-node.mjs"
import { installPackages } from "./steps-npm.mjs"
import { archiveKafka, buildTlogCheck, fetchKafka, findJava, obtainBitcoind } from "./steps-parts.mjs"

/**
 * Obtains whatever a command needs and is not there yet, one line a step.
 * @param {string} command
 * @returns {Promise<import("./steps-node.mjs").Node>} the Node to run it with
 */
export async function setUp(command) {
  const needed = partsNeeded(command, process.env)
  const waiting = () => process.stderr.write(" … another set-up is at work here, waiting for it\n")
  return await alone(join(tools, "setup.lock"), waiting, async () => {
    const node = await step("Node", obtainNode)
    await step("npm packages", (retitle) => installPackages(node, retitle))
    if (needed.java) await step("Java", findJava)
    if (needed.kafka) await step(`Kafka ${kafkaVersion()}`, fetchKafka)
    if (needed.kafka && command.startsWith("test"))
      await step("Kafka's classes, kept ready", (retitle) => archiveKafka(node, retitle))
    if (needed.bitcoind) await step("bitcoind", obtainBitcoind)
    if (needed.tlogCheck) await step("reference checker of transparency logs", buildTlogCheck)
    return node
  })
}

function kafkaVersion() {
  const pom = readFileSync(join(root, "setup", "kafka", "pom.xml"), "utf8")
  return /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1] ?? ""
}
