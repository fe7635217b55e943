import { optional, withDefault } from "@landfall/adapters/config/field"
import { flag, text } from "@landfall/adapters/config/kinds"
import { attestRecord, verifyAgainstFile } from "@landfall/adapters/verify/attest"
import { readSignerFile, readVerifierText } from "@landfall/adapters/verify/key-file"
import { verifyAlerts } from "@landfall/adapters/verify/verify-alerts"
import { type Verification, type VerifyOptions, verifyRecord } from "@landfall/adapters/verify/verify-record"
import { timestamp } from "@landfall/domain/timestamp"
import type { Context } from "../context.ts"
import { defineCommand } from "../define-command.ts"
import { exitCodes, UsageError } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"
import { grouped } from "../output/progress.ts"

/** What was signed, or held against, beside the verification. */
interface Outcome {
  readonly verification: Verification
  /** Null unless `--attest`; `at` is null when nothing was signed. */
  readonly attested: { readonly file: string; readonly at: string | null } | null
  /** Null unless `--against`. */
  readonly against: {
    readonly file: string
    readonly attestations: number
    readonly latest_at: string | null
  } | null
}

interface Options {
  readonly attest: string | null
  readonly key: string | null
  readonly against: string | null
  readonly "public-key": string | null
  readonly "without-kafka": boolean
}

/** `landfall verify`: makes everything again that follows from the evidence, and says where it differs. */
export const verifyCommand = defineCommand({
  name: "verify",
  summary: "Holds the record against itself, the topics, and what was attested of it",
  description:
    "Makes again, from the stored messages: leaf hashes, typed columns, Merkle roots, snapshots, alerts; and compares each\nmessage with Kafka's where Kafka still has it. Every row that was changed, removed, added or moved is named. The database\nis only read. What the database says of itself cannot convict whoever owns it: --attest signs what it says today into a\nfile that is kept elsewhere, and --against finds whatever was rewritten since. Exit code 3 when anything differs.",
  options: {
    attest: optional(text, "append a signed checkpoint of every log to this file, when nothing differs"),
    key: optional(text, "with --attest: the key file, which `landfall verify new-key` makes"),
    against: optional(text, "prove that the logs extend everything that this file attests"),
    "public-key": optional(
      text,
      "with --against: the public key of the attestations, name+id+key, or a file with it",
    ),
    "without-kafka": withDefault(flag, "false", "leave the topics out"),
  },
  examples: [
    { line: "landfall verify", for: "whether the record is intact" },
    {
      line: "landfall verify --attest /mnt/auditor/landfall --key landfall.key",
      for: "the same, and sign what was found",
    },
    {
      line: "landfall verify --against /mnt/auditor/landfall --public-key landfall.pub --json",
      for: "whether anything that was ever attested was rewritten",
    },
  ],
  run: async (context, { options }) => {
    requireFitting(options)
    const { output } = context
    const outcome = await verify(context, options)
    const { verification, attested, against } = outcome
    output.result({ as_of: timestamp(context.now()), ...json(verification), attested, against }, () =>
      show(context, outcome),
    )
    return verification.differenceCount === 0 ? exitCodes.ok : exitCodes.difference
  },
})

const requireFitting = (options: Options): void => {
  if (options.attest !== null && options.against !== null)
    throw new UsageError("--attest holds the record against its file anyhow: leave out --against")
  if ((options.attest === null) !== (options.key === null))
    throw new UsageError("--attest and --key go together: the file to append to, and the key to sign with")
  if ((options.against === null) !== (options["public-key"] === null))
    throw new UsageError("--against and --public-key go together: the attestations, and whose they are")
}

const verify = async (context: Context, options: Options): Promise<Outcome> => {
  const { connections, output, signal } = context
  const none = { attested: null, against: null }
  // Keys and files are read first: a wrong one is told at once, not after hours.
  const signer = options.key === null ? null : await readSignerFile(options.key, output.note)
  const verifier = options["public-key"] === null ? null : await readVerifierText(options["public-key"])
  const database = connections.database("landfall_auditor")
  const progress = output.progress("verifying")
  const how: VerifyOptions = {
    ...{ signal, onProgress: progress.at, further: [verifyAlerts(signal)] },
    ...kafkaOf(context, options),
  }
  try {
    if (options.attest !== null && signer !== null) {
      const { verification, attested } = await attestRecord(
        database,
        options.attest,
        signer,
        context.now(),
        how,
      )
      return { ...none, verification, attested: { file: options.attest, at: attested?.at ?? null } }
    }
    if (options.against !== null && verifier !== null) {
      const { verification, attestations } = await verifyAgainstFile(database, options.against, verifier, how)
      const latest_at = attestations.at(-1)?.statement.at ?? null
      return {
        ...none,
        verification,
        against: { file: options.against, attestations: attestations.length, latest_at },
      }
    }
    return { ...none, verification: await verifyRecord(database, how) }
  } finally {
    progress.end()
  }
}

const kafkaOf = (
  { connections, output }: Context,
  { "without-kafka": without }: Options,
): Pick<VerifyOptions, "kafka"> => {
  if (!without && connections.hasKafka())
    return { kafka: { kafka: connections.kafka(), admin: connections.admin() } }
  output.note(
    without
      ? "the topics are left out"
      : "the evidence is not held against the topics: KAFKA_BROKERS is not set and no sandbox is running here",
  )
  return {}
}

const json = (found: Verification) => ({
  intact: found.differenceCount === 0,
  evidence: found.evidence,
  dead_letters: found.deadLetters,
  duplicates: found.duplicates,
  rows: found.rows,
  difference_count: found.differenceCount,
  differences: found.differences,
  gap_count: found.gapCount,
  gap_offsets: found.gapOffsets,
  gaps: found.gaps,
  notes: found.notes,
  logs: found.logs.map(({ log, size, root, next, compared }) => ({
    ...{ log, size, root: root.toString("base64"), next },
    compared_with_kafka: compared,
  })),
  states: found.states.map(({ projection, version, rows, hash }) => ({
    ...{ projection, version, rows },
    sha256: hash,
  })),
})

/** Lines of one kind that a person is shown; the rest is in `--json`. */
const shownMax = 20

const show = ({ output }: Context, { verification: found, attested, against }: Outcome): void => {
  output.table(
    [
      { title: "log", of: ({ log }) => log },
      { title: "leaves", of: ({ size }) => grouped(size), align: "right" },
      { title: "in Kafka", of: ({ compared }) => offsetsOf(compared), align: "right" },
      { title: "root", of: ({ root }) => root.toString("base64") },
    ],
    found.logs,
    "nothing is recorded",
  )
  output.line()
  output.table(
    [
      { title: "projection", of: ({ projection, version }) => `${projection} v${version}` },
      { title: "rows", of: ({ rows }) => grouped(rows), align: "right" },
      { title: "state", of: ({ hash }) => hash },
    ],
    found.states,
    "there are no projections",
  )
  output.line()
  for (const note of found.notes) output.line(printable(note))
  if (found.gapCount > 0) {
    const some = found.gaps
      .slice(0, shownMax)
      .map(({ topic, partition, from, to }) => `${topic}/${partition} ${offsetsOf({ from, to })}`)
    output.line(
      `${grouped(found.gapOffsets)} offsets have no message here and Kafka was not asked or no longer holds them, so nothing explains them (a transaction's marker takes an offset too): ${some.join(", ")}${found.gapCount > some.length ? `, and ${found.gapCount - some.length} ranges more` : ""}`,
    )
  }
  for (const { place, what } of found.differences.slice(0, shownMax))
    output.line(`${output.paint("red", printable(place))}: ${printable(what)}`)
  if (found.differenceCount > shownMax)
    output.line(`and ${grouped(found.differenceCount - shownMax)} differences more (--json lists them)`)
  const counted = `${grouped(found.evidence)} events, ${grouped(found.rows)} rows, ${found.deadLetters} dead letters, ${found.duplicates} duplicates`
  output.line(
    found.differenceCount === 0
      ? `${output.paint("green", "intact")}: ${counted}`
      : `${output.paint("red", `${grouped(found.differenceCount)} differences`)} in ${counted}`,
  )
  if (attested !== null)
    output.line(
      attested.at === null
        ? `nothing was attested: ${printable(attested.file)} is as it was`
        : `attested at ${attested.at} in ${printable(attested.file)}`,
    )
  if (against !== null)
    output.line(
      `held against ${against.attestations} attestations in ${printable(against.file)}, the last of ${against.latest_at}`,
    )
}

const offsetsOf = (range: { readonly from: number; readonly to: number } | null): string =>
  range === null || range.from === range.to
    ? "-"
    : range.to - range.from === 1
      ? String(range.from)
      : `${range.from}–${range.to - 1}`
