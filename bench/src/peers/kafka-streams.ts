import { existsSync } from "node:fs"
import { mkdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { inShort, once, PeerMissing, peersCode, peersFolder, runStep } from "./once.ts"

/** A Java command line up to the application's own arguments. */
export interface KafkaStreamsPeer {
  readonly command: string
  readonly args: ReadonlyArray<string>
}

const code = join(peersCode, "kafka-streams")
const folder = join(peersFolder, "kafka-streams")
const byHand =
  "it needs Maven and a JDK 17 (Debian: sudo apt-get install -y maven openjdk-17-jdk-headless) and Maven's repository"

const java = (name: string): string => {
  const home = process.env["JAVA_HOME"]
  return home ? join(home, "bin", name) : name
}

/** Fetches Kafka Streams with Maven and compiles the peer, once. Throws {@link PeerMissing} with what it needs. */
export const obtainKafkaStreams = async (): Promise<KafkaStreamsPeer> => {
  const pom = join(code, "pom.xml")
  const source = join(code, "FundingFold.java")
  await once({
    name: "kafka-streams",
    files: [pom, source],
    result: join(folder, "classes"),
    work: async () => {
      const part = `${folder}.part`
      await rm(part, { recursive: true, force: true })
      await mkdir(part, { recursive: true })
      const lib = join(part, "lib")
      await runStep(
        "mvn",
        ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${lib}`],
        part,
      )
      await runStep(java("javac"), ["-cp", join(lib, "*"), "-d", join(part, "classes"), source], part)
      await rm(folder, { recursive: true, force: true })
      await rename(part, folder)
    },
  }).catch((error: unknown) => {
    throw new PeerMissing(
      `Kafka Streams could not be set up (${inShort(error)}): ${byHand}; the log is ${join(peersFolder, "set-up.log")}`,
    )
  })
  if (!existsSync(folder)) throw new PeerMissing(`${folder} is not there: ${byHand}`)
  const classPath = [join(folder, "classes"), join(folder, "lib", "*")].join(":")
  return { command: java("java"), args: ["-cp", classPath, "FundingFold"] }
}
