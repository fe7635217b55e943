import { firstBlockOf } from "@landfall/adapters/chain/evm-eure"
import { evmObserver } from "@landfall/adapters/chain/evm-observer"
import { evmRpc } from "@landfall/adapters/chain/evm-rpc"
import type { Values } from "@landfall/adapters/config/field"
import type { OnCall } from "@landfall/adapters/net/outgoing-call"
import { type PausableObserver, pausable } from "./pause.ts"
import type { settingsTable } from "./settings.ts"

type Settings = Pick<
  Values<typeof settingsTable>,
  "GNOSIS_OBSERVER_URL" | "GNOSIS_CHAIN_ID" | "GNOSIS_TIP_AGE_MAX_S" | "EURE_CONTRACT"
>

/** The observer of EURe on Gnosis, if there is a node to ask. */
export const gnosisObservers = (
  settings: Settings,
  shell: { readonly now: () => number; readonly random: () => number; readonly onCall: OnCall },
): ReadonlyArray<PausableObserver> => {
  const { GNOSIS_OBSERVER_URL, GNOSIS_TIP_AGE_MAX_S, EURE_CONTRACT } = settings
  if (GNOSIS_OBSERVER_URL === null) return []
  const observer = evmObserver({
    rpc: evmRpc({ endpoint: GNOSIS_OBSERVER_URL, onCall: shell.onCall }),
    chain_id: settings.GNOSIS_CHAIN_ID,
    token: EURE_CONTRACT,
    first_block: firstBlockOf(EURE_CONTRACT),
    tip_age_ms_max: GNOSIS_TIP_AGE_MAX_S === 0 ? null : GNOSIS_TIP_AGE_MAX_S * 1000,
    ...shell,
  })
  return [pausable("gnosis", "evm", observer)]
}
