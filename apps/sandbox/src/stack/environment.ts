import type { Parts } from "./parts.ts"

/** How often the sandbox looks at the chain, the bridge, the verifier and the ticker. */
const pollIntervalMs = 250

/** The settings of all services in the sandbox, as their environment. */
export const landfallEnvironment = (parts: Parts, accountId: string): Readonly<Record<string, string>> => ({
  KAFKA_BROKERS: parts.brokers,
  // Known by a name of its own, the writer need not wait for Kafka to give up on one that was killed.
  KAFKA_MEMBER_NAME: "sandbox",
  DATABASE_URL: parts.databaseUrl,
  MIGRATE: "true",
  BITCOIN_OBSERVER_URL: parts.bitcoinUrl,
  ...(parts.secondBitcoinUrl === null
    ? {}
    : { BITCOIN_SECOND_OBSERVER_URL: parts.secondBitcoinUrl, ESPLORA_INTERVAL_MS: "0" }),
  BITCOIN_NETWORK: "regtest",
  GNOSIS_OBSERVER_URL: parts.gnosisUrl,
  // On a development chain a block comes when somebody wants one.
  GNOSIS_TIP_AGE_MAX_S: "0",
  BRIDGE_URL: parts.bridge.url,
  ACCOUNT_ID: accountId,
  POLL_INTERVAL_MS: String(pollIntervalMs),
  HANDLE_INTERVAL_MS: "500",
  TICK_INTERVAL_MS: "250",
  VERIFIER_URL: parts.verifier.url,
  INVENTORY_POLL_INTERVAL_MS: String(pollIntervalMs),
  INVENTORY_HEARTBEAT_MS: "1000",
  PRICE_URL: parts.ticker.url,
  PRICE_POLL_INTERVAL_MS: String(pollIntervalMs),
  PRICE_HEARTBEAT_MS: "1000",
})
