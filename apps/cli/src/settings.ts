import { optional } from "@landfall/adapters/config/field"
import { kafkaFields } from "@landfall/adapters/config/kafka-settings"
import { brokers, postgresUrl, text } from "@landfall/adapters/config/kinds"

/** The environment of the command line: where it finds the parts that it reads and writes. */
export const settingsTable = {
  DATABASE_URL: optional(postgresUrl, "the database; without it that of the running sandbox"),
  DATABASE_ROLE: optional(
    text,
    "the role to act as, instead of landfall_auditor for what reads and landfall_writer for what writes",
  ),
  ...kafkaFields,
  KAFKA_BROKERS: optional(brokers, "where Kafka listens; without it the Kafka of the running sandbox"),
  SANDBOX_DIR: optional(text, "where the sandbox keeps its data; without it .sandbox/ in the checkout"),
}
