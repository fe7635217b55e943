import { wireFaults } from "@landfall/sandbox/simulated/faults"
import { tickerFaults as ownTickerFaults } from "@landfall/sandbox/ticker/control"
import { verifierFaults as ownVerifierFaults } from "@landfall/sandbox/verifier/control"

export { wireFaults }
/** What the simulated parts can be told to do wrong, each with what goes wrong on any wire. */
export const bridgeFaults = [...wireFaults, "string_error", "missing_paging", "missing_timestamps"] as const
export const verifierFaults = [...wireFaults, ...ownVerifierFaults] as const
export const tickerFaults = [...wireFaults, ...ownTickerFaults] as const
