import type { Fields } from "@landfall/adapters/config/field"
import { describeSettings } from "@landfall/adapters/config/settings"
import { settingsTable as cli } from "@landfall/cli/settings"
import { settingsTable as historyWriter } from "@landfall/history-writer/settings"
import { settingsTable as inventorySync } from "@landfall/inventory-sync/settings"
import { settingsTable as liquidityManager } from "@landfall/liquidity-manager/settings"
import { settingsTable as marketReferenceIngest } from "@landfall/market-reference-ingest/settings"
import { settingsTable as opsSentinel } from "@landfall/ops-sentinel/settings"

const services: Readonly<Record<string, Fields>> = {
  "history-writer": historyWriter,
  "liquidity-manager": liquidityManager,
  "inventory-sync": inventorySync,
  "market-reference-ingest": marketReferenceIngest,
  "ops-sentinel": opsSentinel,
  "landfall (the command line)": cli,
}

/** The page of all settings, made from the tables that the services themselves read: `docs/reference/settings.md`. */
export const settingsPage = (): string => {
  const sections = Object.entries(services).map(
    ([name, table]) => `## ${name}\n\n${describeSettings(table)}\n`,
  )
  return [
    "# Settings",
    "",
    "Environment variables, checked at the start: every problem is in one message. Whatever may hold a password can instead be",
    "in a file that `<NAME>_FILE` names. This page is made from the services' own tables (`UPDATE_REFERENCE=1` with the tests",
    "of docs/ writes it anew).",
    "",
    "Certificates of other systems are always verified. `NODE_EXTRA_CA_CERTS`, which Node reads, names a file with the certificate",
    "of a private issuer; a service that finds `NODE_TLS_REJECT_UNAUTHORIZED=0` in its environment does not start.",
    "",
    ...sections,
  ].join("\n")
}
