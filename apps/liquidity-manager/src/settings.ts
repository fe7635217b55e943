import { eureContract, eureV2, gnosisChainId } from "@landfall/adapters/chain/evm-eure"
import { genesisBlocks } from "@landfall/adapters/chain/known-chains"
import { attestationFields } from "@landfall/adapters/config/attestation-settings"
import type { Kind } from "@landfall/adapters/config/field"
import { optional, required, withDefault } from "@landfall/adapters/config/field"
import { kafkaFields } from "@landfall/adapters/config/kafka-settings"
import { integer, oneOf, port, text, url, webUrl } from "@landfall/adapters/config/kinds"
import { postgresFields, serviceFields } from "@landfall/adapters/config/service-settings"
import { fundingFile } from "./funding-config.ts"

const bitcoinUrl = url(["http", "https", "esplora+http", "esplora+https"])

/** One account or several, with commas between them. */
const accounts: Kind<ReadonlyArray<string>> = {
  accepted: "an account of the desk, or several with commas between them",
  example: "desk.near",
  json: { type: "string" },
  sensitive: false,
  read: (given) => {
    const names = [...new Set(given.split(",").map((name) => name.trim()))]
    for (const name of names) {
      const read = text.read(name)
      if (!read.ok) return { ok: false, problem: `${JSON.stringify(name.slice(0, 80))}: ${read.problem}` }
    }
    return { ok: true, value: names }
  },
}

/** The environment of the liquidity manager. */
export const settingsTable = {
  ...serviceFields,
  HTTP_PORT: withDefault(port, "8082", "the port that the service listens on; 0 for a free one"),
  ...kafkaFields,
  KAFKA_TRANSACTIONAL_ID: withDefault(
    text,
    "landfall-liquidity-manager",
    "whose publications these are; a second process with the same id ends the first",
  ),
  ...postgresFields,
  DATABASE_ROLE: withDefault(
    text,
    "landfall_auditor",
    "the role to read as; the login must be a member of it",
  ),
  ...attestationFields,
  BITCOIN_OBSERVER_URL: optional(
    bitcoinUrl,
    "bitcoind's RPC, with user and password, or an Esplora server behind esplora+",
  ),
  BITCOIN_SECOND_OBSERVER_URL: optional(
    bitcoinUrl,
    "another one of either kind; then a deposit is gone only when both say so",
  ),
  ESPLORA_ADDRESSES_MAX: withDefault(
    integer({ min: 1, max: 10_000 }),
    "50",
    "how many addresses a round of questions to an Esplora server reads; more take turns",
  ),
  ESPLORA_INTERVAL_MS: withDefault(
    integer({ min: 0, max: 600_000 }),
    "2000",
    "how far apart such rounds begin at least, to spare public servers",
  ),
  BITCOIN_NETWORK: withDefault(
    oneOf(Object.keys(genesisBlocks) as [keyof typeof genesisBlocks]),
    "main",
    "the chain that it must be on",
  ),
  BITCOIN_WALLET: withDefault(text, "landfall-watch", "the watch-only wallet in bitcoind"),
  BITCOIN_TIP_AGE_MAX_S: withDefault(
    integer({ min: 0, max: 31_536_000 }),
    "10800",
    "a newest block older than this many seconds means that the node is lagging; 0 turns it off",
  ),
  GNOSIS_OBSERVER_URL: optional(webUrl, "the JSON-RPC of a Gnosis node, which must take batches"),
  GNOSIS_CHAIN_ID: withDefault(
    integer({ min: 1, max: 2_147_483_647 }),
    String(gnosisChainId),
    "the chain that the node must be on",
  ),
  GNOSIS_TIP_AGE_MAX_S: withDefault(
    integer({ min: 0, max: 31_536_000 }),
    "120",
    "a newest block older than this many seconds means that the node is lagging; 0 turns it off",
  ),
  EURE_CONTRACT: withDefault(eureContract, eureV2, "the token whose transfers on Gnosis are deposits"),
  BRIDGE_URL: required(webUrl, "the bridge's JSON-RPC"),
  ACCOUNT_ID: required(accounts, "whose deposits are followed"),
  FUNDING_FILE: optional(fundingFile, "assets and policy; the desk's own unless given"),
  POLL_INTERVAL_MS: withDefault(
    integer({ min: 50, max: 600_000 }),
    "500",
    "how often the chains are looked at",
  ),
  BRIDGE_INTERVAL_MS: withDefault(
    integer({ min: 50, max: 600_000 }),
    "1000",
    "how often the bridge is asked for deposits",
  ),
  HANDLE_INTERVAL_MS: withDefault(
    integer({ min: 100, max: 3_600_000 }),
    "2000",
    "how often the bridge is asked for new deposit addresses",
  ),
}
