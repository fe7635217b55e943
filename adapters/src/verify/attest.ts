import { timestamp } from "@landfall/domain/timestamp"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { type Attestation, attestationText } from "../transparency-log/attestations.ts"
import type { Signer, Verifier } from "../transparency-log/note-key.ts"
import { logOf, originOf } from "../transparency-log/origin.ts"
import type { Statement } from "../transparency-log/statement.ts"
import { appendAttestation, loadAttestations, tornAdvice } from "./attestations-file.ts"
import type { AttestedHead } from "./attested.ts"
import { orDamage } from "./damage.ts"
import { type Verification, type VerifyOptions, verifyIn } from "./verify-record.ts"
import { verifyStatedStates } from "./verify-stated.ts"

/** It cannot be attested, or held against an attestation, for a reason that the message tells; nothing was written. */
export class AttestRefused extends Error {
  override readonly name = "AttestRefused"
}

const hoursMs = 3_600_000
/** Any fixed number will do: two attestations of one database take turns. */
const lockKey = 7_203_114_018

/** What was attested of each log, by the log's name, from the attestations of a file. */
export const attestedHeads = (
  attestations: ReadonlyArray<Attestation>,
  { name }: Verifier,
): ReadonlyMap<string, ReadonlyArray<AttestedHead>> => {
  const heads = new Map<string, AttestedHead[]>()
  for (const { statement } of attestations)
    for (const { origin, size, root } of statement.logs) {
      const log = logOf(name, origin) ?? origin
      const ofLog = heads.get(log) ?? []
      heads.set(log, ofLog)
      ofLog.push({ size, root, at: statement.at })
    }
  return heads
}

/**
 * Verifies the record, also against what the file attests already, and when nothing differs appends one attestation: a
 * signed checkpoint for each log, and the statement. Nothing is signed that does not extend what was signed before: neither
 * another root at the same size, nor a smaller log. Returns the verification, and whether it was attested.
 */
export const attestRecord = async (
  database: Database,
  file: string,
  signer: Signer,
  now_ms: number,
  options: VerifyOptions = {},
): Promise<{ readonly verification: Verification; readonly attested: Statement | null }> => {
  let attested: Statement | null = null
  const verification = await orDamage(database, () =>
    database.transaction(
      async (transaction) => {
        const [lock] = await transaction.query<{ taken: boolean }>(
          "select pg_try_advisory_xact_lock($1::bigint) as taken",
          [String(lockKey)],
        )
        if (lock?.taken !== true)
          throw new AttestRefused(
            "another attestation of this database is under way: try again when it is done",
          )
        const { verifier } = signer
        const { attestations, torn, bytes } = await loadAttestations(file, verifier)
        if (torn !== null) throw new AttestRefused(tornAdvice(file, torn))
        const verification = await verifyAgainst(transaction, attestations, verifier, options)
        if (verification.differenceCount > 0) return verification
        const statement = await statementOf(transaction, verifier, verification, now_ms)
        await appendAttestation(file, attestationText(statement, signer), bytes)
        attested = statement
        return verification
      },
      { mode: "repeatable read read only", deadlineMs: options.deadlineMs ?? 6 * hoursMs },
    ),
  )
  return { verification, attested }
}

/**
 * Verifies the record and proves that today's logs extend each log that the file attests, so that a record which was
 * rewritten as a whole is found. Throws {@link AttestRefused} for a file without attestations.
 */
export const verifyAgainstFile = async (
  database: Database,
  file: string,
  verifier: Verifier,
  options: VerifyOptions = {},
): Promise<{ readonly verification: Verification; readonly attestations: ReadonlyArray<Attestation> }> => {
  const { attestations, torn } = await loadAttestations(file, verifier)
  if (attestations.length === 0)
    throw new AttestRefused(`${file} holds no whole attestation: there is nothing to hold the record against`)
  const verification = await orDamage(database, () =>
    database.transaction((transaction) => verifyAgainst(transaction, attestations, verifier, options), {
      mode: "repeatable read read only",
      deadlineMs: options.deadlineMs ?? 6 * hoursMs,
    }),
  )
  const notes =
    torn === null
      ? verification.notes
      : [
          ...verification.notes,
          `${file} ends in the middle of an attestation (${torn.bytes} bytes from byte ${torn.at} on): those before it were used`,
        ]
  return { verification: { ...verification, notes }, attestations }
}

const verifyAgainst = (
  transaction: Transaction,
  attestations: ReadonlyArray<Attestation>,
  verifier: Verifier,
  options: VerifyOptions,
): Promise<Verification> => {
  const latest = attestations.at(-1)?.statement
  const further = latest === undefined ? [] : [verifyStatedStates(verifier.name, latest)]
  return verifyIn(transaction, {
    ...options,
    attested: attestedHeads(attestations, verifier),
    further: [...further, ...(options.further ?? [])],
  })
}

const statementOf = async (
  transaction: Transaction,
  { name }: Verifier,
  { logs, states }: Verification,
  now_ms: number,
): Promise<Statement> => {
  const [migrated] = await transaction.query<{ number: number }>(
    "select max(number) as number from schema_migrations",
  )
  return {
    at: timestamp(now_ms),
    schema: Number(migrated?.number ?? 0),
    logs: logs.map(({ log, size, root, next }) => ({ origin: originOf(name, log), size, root, next })),
    states: states.map(({ projection, version, rows, hash }) => ({
      ...{ projection, version, rows },
      hash: Buffer.from(hash, "hex"),
    })),
  }
}
