import { existsSync, readFileSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { SetupFailure } from "./failure.mjs"
import { root, tools } from "./paths.mjs"
import { run, say } from "./run.mjs"
import { fingerprint, onceFor } from "./stamp.mjs"
import { bitcoindMajorMin, isNewEnough, javaMajorMin, majorVersion } from "./versions.mjs"

/**
 * Finds a Java that Kafka runs on.
 * @param {(title: string) => void} retitle
 */
export async function findJava(retitle) {
  const home = process.env.JAVA_HOME
  const java = home ? join(home, "bin", "java") : "java"
  const version = say(java, ["-version"])
  if (version !== null && isNewEnough(version, javaMajorMin)) {
    retitle(`Java ${majorVersion(version)}`)
    return
  }
  const found = version === null ? "there is none" : `${java} is ${version.split("\n")[0]}`
  throw new SetupFailure(
    `Kafka needs Java ${javaMajorMin} or newer, and ${found}. ` +
      `Install one (Debian: apt-get install -y openjdk-17-jre-headless), name it with JAVA_HOME, or name a running Kafka with KAFKA_BROKERS.`,
  )
}

/** Fetches Kafka's jars with Maven. */
export async function fetchKafka() {
  const pom = join(root, "setup", "kafka", "pom.xml")
  const jars = join(tools, "kafka", "lib")
  await onceFor({
    file: join(tools, "stamps", "kafka"),
    fingerprint: fingerprint([readFileSync(pom)]),
    stands: () => existsSync(jars),
    async work() {
      if (say("mvn", ["--version"]) === null) {
        throw new SetupFailure(
          "Maven, which fetches Kafka, is missing. " +
            "Install it (Debian: apt-get install -y maven), name a Kafka installation with KAFKA_HOME, or a running Kafka with KAFKA_BROKERS.",
        )
      }
      const part = join(tools, "kafka", "lib.part")
      rmSync(part, { recursive: true, force: true })
      await run("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${part}`], {
        hint: "Maven must reach its repository once; see its settings for a mirror or proxy.",
      })
      rmSync(jars, { recursive: true, force: true })
      renameSync(part, jars)
    },
  })
}

/**
 * Has Java keep the classes that a broker loads: tests start dozens of brokers, and each then costs half as much. Where
 * Java cannot, everything works as before.
 * @param {import("./steps-node.mjs").Node} node
 * @param {(title: string) => void} retitle
 */
export async function archiveKafka({ node, env }, retitle) {
  const { JAVA_HOME } = process.env
  const java = say(JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java", ["-version"]) ?? ""
  const script = join(root, "setup", "parts", "archive-kafka.ts")
  const pom = join(root, "setup", "kafka", "pom.xml")
  try {
    await onceFor({
      file: join(tools, "stamps", "kafka-archive"),
      // Java looks for the jars where they were.
      fingerprint: fingerprint([readFileSync(pom), readFileSync(script), java, root]),
      stands: () => existsSync(join(tools, "kafka", "lib", "kafka.jsa")),
      work: () => run(node, [script], { env }),
    })
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error
    retitle("Kafka without an archive of its classes: tests take longer")
  }
}

/** What both scripts that fetch from Debian have in common. */
const debian = join(root, "setup", "lib", "debian.sh")

/**
 * Finds a bitcoind on PATH that is new enough, or fetches one.
 * @param {(title: string) => void} retitle
 */
export async function obtainBitcoind(retitle) {
  const fetched = join(tools, "bitcoind", "bitcoind")
  if (!existsSync(fetched)) {
    const version = say("bitcoind", ["-version"])
    if (version !== null && isNewEnough(version, bitcoindMajorMin)) {
      retitle(`bitcoind ${versionIn(version)} on PATH`)
      return
    }
  }
  const script = join(root, "setup", "get-bitcoind.sh")
  await onceFor({
    file: join(tools, "stamps", "bitcoind"),
    fingerprint: fingerprint([readFileSync(script), readFileSync(debian)]),
    stands: () => existsSync(fetched),
    work: () => run("bash", [script, join(tools, "bitcoind")]),
  })
  const version = say(fetched, ["-version"])
  if (version === null)
    throw new SetupFailure(`${fetched} does not run: delete ${join(tools, "bitcoind")} and try again`)
  retitle(`bitcoind ${versionIn(version)}`)
}

/** Builds the program that holds our signed notes and Merkle proofs against Go's own implementation. */
export async function buildTlogCheck() {
  const script = join(root, "setup", "get-tlog-check.sh")
  const program = join(tools, "tlog-check", "tlog-check")
  await onceFor({
    file: join(tools, "stamps", "tlog-check"),
    fingerprint: fingerprint([
      readFileSync(script),
      readFileSync(debian),
      readFileSync(join(root, "setup", "tlog-check", "main.go")),
    ]),
    stands: () => existsSync(program),
    work: () => run("bash", [script, program]),
  })
}

/** @param {string} text */
function versionIn(text) {
  return /\d+\.[\d.]*\d/.exec(text)?.[0] ?? ""
}
