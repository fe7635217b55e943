import type { BridgeAsset } from "@landfall/adapters/bridge/deposit-row"
import { type Kind, optional, required, withDefault } from "@landfall/adapters/config/field"
import { kafkaFields } from "@landfall/adapters/config/kafka-settings"
import { integer, port, secretText, text, webUrl } from "@landfall/adapters/config/kinds"
import { limits } from "@landfall/adapters/config/limits"
import { namedList } from "@landfall/adapters/config/named-list"
import { serviceFields } from "@landfall/adapters/config/service-settings"
import { verifierTokensMax } from "@landfall/adapters/verifier/verifier"

/** An asset under its three names: the desk's, the bridge's and the verifier's. */
export interface InventoryAsset extends BridgeAsset {
  /** What the verifier calls it: `nep141:btc.omft.near`. */
  readonly token_id: string
}

/** The chains that the bridge knows, by the first two parts of its asset names, and what they are called here. */
const chains: ReadonlyMap<string, BridgeAsset["chain"]> = new Map([
  ["btc:mainnet", "bitcoin"],
  ["eth:100", "gnosis"],
])

const assets = namedList<InventoryAsset>({
  accepted: "assets as asset_id=bridge asset=verifier token, with commas between",
  example: "BTC=btc:mainnet:native=nep141:btc.omft.near",
  parts: 3,
  entries_max: verifierTokensMax,
  read: ([asset_id = "", defuse_asset_identifier = "", token_id = ""]) => {
    const bridge_chain = defuse_asset_identifier.split(":").slice(0, 2).join(":")
    const chain = chains.get(bridge_chain)
    return chain === undefined
      ? {
          problem: `the bridge asset begins with ${bridge_chain}; known are ${[...chains.keys()].join(", ")}`,
        }
      : { asset_id, chain, bridge_chain, defuse_asset_identifier, token_id }
  },
})

const eure = "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430"

const account: Kind<string> = {
  ...text,
  accepted: "one account, without commas: each account has an instance of its own",
  read: (given) => {
    const read = text.read(given.trim())
    return read.ok && read.value.includes(",") ? { ok: false, problem: "it names several accounts" } : read
  },
}

/** The environment of inventory-sync. */
export const settingsTable = {
  ...serviceFields,
  HTTP_PORT: withDefault(port, "8084", "the port to listen on; 0 for a free one"),
  ...kafkaFields,
  KAFKA_TRANSACTIONAL_ID: optional(
    text,
    "the Kafka transactional id, landfall-inventory-sync-<account> unless said; a second instance with the same one ends the first",
  ),
  ACCOUNT_ID: required(account, "the account inside the verifier whose inventory this is"),
  VERIFIER_URL: required(webUrl, "a NEAR RPC address"),
  VERIFIER_CONTRACT: withDefault(text, "intents.near", "the verifier's contract"),
  VERIFIER_BLOCK_MAX_AGE_MS: withDefault(
    integer({ min: 1_000, max: 3_600_000 }),
    "60000",
    "how long the newest block may stay the same before the node's answers count as stale",
  ),
  BRIDGE_URL: required(webUrl, "the bridge's JSON-RPC address"),
  INVENTORY_ASSETS: withDefault(
    assets,
    `BTC=btc:mainnet:native=nep141:btc.omft.near,EURe=eth:100:${eure}=nep141:gnosis-${eure}.omft.near`,
    "the assets of the inventory, under the names that the desk, the bridge and the verifier have for them",
  ),
  INVENTORY_POLL_INTERVAL_MS: withDefault(
    integer({ min: 50, max: 600_000 }),
    "2000",
    "how long after a poll began the next begins",
  ),
  INVENTORY_HEARTBEAT_MS: withDefault(
    integer({ min: 50, max: 3_600_000 }),
    "10000",
    "after how long an unchanged inventory is published again; keep it well below the staleness window",
  ),
  LIQUIDITY_MANAGER_URL: optional(
    webUrl,
    "where the liquidity-manager answers, to show money on its way beside the inventory; it is only shown",
  ),
  LIQUIDITY_MANAGER_READ_TOKEN: optional(
    secretText({ length_min: limits.config.token_length_min }),
    "the liquidity-manager's read token, if it has one",
  ),
}
