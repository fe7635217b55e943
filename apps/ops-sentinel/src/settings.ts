import { policyFile } from "@landfall/adapters/alerts/policy-file"
import { attestationFields } from "@landfall/adapters/config/attestation-settings"
import { optional, withDefault } from "@landfall/adapters/config/field"
import { kafkaFields } from "@landfall/adapters/config/kafka-settings"
import { integer, port, text } from "@landfall/adapters/config/kinds"
import { postgresFields, serviceFields } from "@landfall/adapters/config/service-settings"

/** The environment of ops-sentinel. */
export const settingsTable = {
  ...serviceFields,
  HTTP_PORT: withDefault(port, "8085", "the port to listen on; 0 for a free one"),
  ...kafkaFields,
  KAFKA_TRANSACTIONAL_ID: withDefault(
    text,
    "landfall-ops-sentinel",
    "whose publications these are; a second process with the same id ends the first",
  ),
  ...postgresFields,
  DATABASE_ROLE: withDefault(text, "landfall_writer", "the role to record policies as"),
  ...attestationFields,
  ALERT_POLICY_FILE: optional(
    policyFile,
    "windows, severities, expected pairs and accounts; the project's default policy, which expects nothing, unless given",
  ),
  TICK_INTERVAL_MS: withDefault(
    integer({ min: 50, max: 60_000 }),
    "500",
    "how often what is due is evaluated",
  ),
}
