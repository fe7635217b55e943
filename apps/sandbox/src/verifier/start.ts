import { createHash } from "node:crypto"
import { conflict } from "@landfall/adapters/http/http-error"
import { command, type Simulation, type SimulationOptions, startSimulation } from "../simulated/start.ts"
import { commands, type VerifierControl, verifierControl, verifierFaults } from "./control.ts"
import { answerRpc, type Ledger } from "./rpc.ts"

/** A simulated verifier: the contract `intents.near` behind NEAR's JSON-RPC, and strings to pull. */
export interface SimulatedVerifier extends Simulation {
  readonly control: VerifierControl
}

const contract_id = "intents.near"
/** NEAR's blocks come a little faster than one a second. */
const block_ms = 600
/** How far back `old_block` goes: a node some minutes behind. */
const old_blocks = 500
/** A story has a few balances; more is a loop gone wrong. */
const balances_max = 10_000

/** Starts a simulated verifier on this machine. Its url is what `VERIFIER_URL` is set to. */
export const startVerifier = async (options: SimulationOptions = {}): Promise<SimulatedVerifier> => {
  const now = options.now ?? Date.now
  const balances = new Map<string, bigint>()
  const keyOf = (account_id: string, token_id: string) => `${account_id} ${token_id}`
  const put = (key: string, units: bigint) => {
    if (units >= 2n ** 128n) throw conflict("the contract counts in 128 bits: the balance would not fit")
    if (!balances.has(key) && balances.size >= balances_max)
      throw conflict(`the simulated verifier keeps at most ${balances_max} balances`)
    balances.set(key, units)
    return { balance: units }
  }
  let stuck_at: number | null = null
  const heightNow = () => Math.floor(now() / block_ms)
  const blockAt = (block_height: number) => ({
    block_height,
    // 44 characters without the look-alikes, like the real ones; nobody checks them.
    block_hash: createHash("sha256")
      .update(String(block_height))
      .digest("base64url")
      .replace(/[0OIl_-]/g, "1"),
  })
  const ledgerAt = (block_height: number): Ledger => ({
    contract_id,
    balanceOf: (account_id, token_id) => balances.get(keyOf(account_id, token_id)) ?? 0n,
    block: () => blockAt(block_height),
  })
  const simulation = await startSimulation(
    {
      name: "simulated-verifier",
      method: "POST",
      path: "/",
      ownFaults: verifierFaults,
      answer: ({ body }, fault) => {
        stuck_at = fault === "stuck_block" ? (stuck_at ?? heightNow()) : null
        const height = stuck_at ?? (fault === "old_block" ? heightNow() - old_blocks : heightNow())
        return answerRpc(ledgerAt(height), body, fault)
      },
      state: () => ({ contract_id, balances: Object.fromEntries(balances) }),
      routes: [
        command(
          "set-balance",
          commands["set-balance"],
          "Set what an account holds of a token",
          ({ account_id, token_id, amount }) => put(keyOf(account_id, token_id), amount),
        ),
        command(
          "credit",
          commands.credit,
          "Add to what an account holds, as a credit of the bridge does",
          ({ account_id, token_id, amount }) => {
            const key = keyOf(account_id, token_id)
            return put(key, (balances.get(key) ?? 0n) + amount)
          },
        ),
      ],
    },
    options,
  )
  return { ...simulation, control: verifierControl(simulation.controlUrl, simulation.token) }
}
