import { bitcoindRpc } from "@landfall/adapters/chain/bitcoin-rpc"
import { bitcoindObserver } from "@landfall/adapters/chain/bitcoind"
import { bothObservers } from "@landfall/adapters/chain/both"
import { esploraObserver } from "@landfall/adapters/chain/esplora"
import { esploraApi } from "@landfall/adapters/chain/esplora-api"
import type { ChainObserver } from "@landfall/adapters/chain/observer"
import { type Endpoint, endpoint, endpointUrl } from "@landfall/adapters/config/endpoint"
import type { Values } from "@landfall/adapters/config/field"
import { reveal } from "@landfall/adapters/config/secret"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import type { OnCall } from "@landfall/adapters/net/outgoing-call"
import { type PausableObserver, pausable } from "./pause.ts"
import type { settingsTable } from "./settings.ts"

type Settings = Pick<
  Values<typeof settingsTable>,
  | "BITCOIN_OBSERVER_URL"
  | "BITCOIN_SECOND_OBSERVER_URL"
  | "BITCOIN_NETWORK"
  | "BITCOIN_WALLET"
  | "BITCOIN_TIP_AGE_MAX_S"
  | "ESPLORA_ADDRESSES_MAX"
  | "ESPLORA_INTERVAL_MS"
  | "POLL_INTERVAL_MS"
>

interface Shell {
  readonly now: () => number
  readonly random: () => number
  readonly onCall: OnCall
}

const esploraPrefix = "esplora+"

/** The web address of an Esplora server, or null for one of bitcoind. */
const esploraEndpoint = (url: Endpoint): Endpoint | null =>
  endpointUrl(url).protocol.startsWith(esploraPrefix)
    ? endpoint(reveal(url.url).slice(esploraPrefix.length))
    : null

/** Why the observers of Bitcoin are configured wrong. */
export const bitcoinProblems = (
  settings: Pick<Settings, "BITCOIN_OBSERVER_URL" | "BITCOIN_SECOND_OBSERVER_URL">,
): ReadonlyArray<string> =>
  settings.BITCOIN_SECOND_OBSERVER_URL !== null && settings.BITCOIN_OBSERVER_URL === null
    ? ["BITCOIN_SECOND_OBSERVER_URL is set and BITCOIN_OBSERVER_URL is not; set that one first"]
    : []

/** The observer of Bitcoin, if there is something to ask: bitcoind, an Esplora server, or two that must agree. */
export const bitcoinObservers = (settings: Settings, shell: Shell): ReadonlyArray<PausableObserver> => {
  const { BITCOIN_OBSERVER_URL, BITCOIN_SECOND_OBSERVER_URL, POLL_INTERVAL_MS } = settings
  if (BITCOIN_OBSERVER_URL === null) return []
  const first = observerOf(BITCOIN_OBSERVER_URL, settings, shell)
  if (BITCOIN_SECOND_OBSERVER_URL === null) return [pausable("bitcoin", first.source, first.observer)]
  const second = observerOf(BITCOIN_SECOND_OBSERVER_URL, settings, shell)
  const both = bothObservers(first, second, {
    now: shell.now,
    // An answer that came too late for one poll serves the next.
    age_ms_max: Math.max(60_000, 2 * POLL_INTERVAL_MS),
  })
  return [pausable("bitcoin", first.source, both)]
}

const observerOf = (
  url: Endpoint,
  settings: Settings,
  shell: Shell,
): { readonly source: "bitcoind" | "esplora"; readonly observer: ChainObserver } => {
  const { BITCOIN_NETWORK, BITCOIN_WALLET, BITCOIN_TIP_AGE_MAX_S } = settings
  const chain = {
    network: BITCOIN_NETWORK,
    // On regtest a block comes when somebody wants one.
    tip_age_ms_max:
      BITCOIN_TIP_AGE_MAX_S === 0 || BITCOIN_NETWORK === "regtest" ? null : BITCOIN_TIP_AGE_MAX_S * 1000,
    ...shell,
  }
  const { onCall } = shell
  const esplora = esploraEndpoint(url)
  if (esplora === null) {
    const rpc = bitcoindRpc({ endpoint: url, wallet: BITCOIN_WALLET, onCall })
    return { source: "bitcoind", observer: bitcoindObserver({ rpc, wallet: BITCOIN_WALLET, ...chain }) }
  }
  const api = esploraApi(createJsonClient({ name: "esplora", endpoint: esplora, onCall }))
  const observer = esploraObserver({
    api,
    addresses_max: settings.ESPLORA_ADDRESSES_MAX,
    interval_ms: settings.ESPLORA_INTERVAL_MS,
    ...chain,
  })
  return { source: "esplora", observer }
}
