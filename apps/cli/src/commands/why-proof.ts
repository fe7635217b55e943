import { readVerifierText } from "@landfall/adapters/verify/key-file"
import { proveEvent } from "@landfall/adapters/verify/prove-event"
import type { Context } from "../context.ts"
import { type ExitCode, exitCodes, UsageError } from "../exit-codes.ts"

/** The options of `landfall why` that are about proofs. */
export interface ProofOptions {
  readonly proof: boolean
  readonly against: string | null
  readonly "public-key": string | null
}

const eventId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** `landfall why EVENT --proof`: the proof that the event is in the record, alone on stdout, as its format asks. */
export const whyProof = async (
  { connections, output }: Context,
  subject: string,
  { against, "public-key": publicKey }: ProofOptions,
): Promise<ExitCode> => {
  if (against === null || publicKey === null)
    throw new UsageError(
      "--proof needs --against and --public-key: the file that `landfall verify --attest` wrote, and whose it is",
    )
  if (!eventId.test(subject))
    throw new UsageError(`--proof is of one event, by its id: ${JSON.stringify(subject)} is none`)
  const verifier = await readVerifierText(publicKey)
  const proof = await proveEvent(connections.database("landfall_auditor"), subject, against, verifier)
  output.result({ event_id: subject, proof }, () => output.line(proof.replace(/\n$/, "")))
  return exitCodes.ok
}
