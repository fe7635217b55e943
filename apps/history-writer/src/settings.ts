import { optional, withDefault } from "@landfall/adapters/config/field"
import { kafkaFields } from "@landfall/adapters/config/kafka-settings"
import { flag, port, text } from "@landfall/adapters/config/kinds"
import { postgresFields, serviceFields } from "@landfall/adapters/config/service-settings"

/** The environment of the history writer. */
export const settingsTable = {
  ...serviceFields,
  HTTP_PORT: withDefault(port, "8081", "the port that the service listens on; 0 for a free one"),
  ...kafkaFields,
  KAFKA_GROUP_ID: withDefault(
    text,
    "landfall-history-writer",
    "the consumer group that shares the partitions",
  ),
  KAFKA_MEMBER_NAME: optional(
    text,
    "a name of this instance alone that stays over a restart: after a crash it then goes on at once; without it instances come and go freely",
  ),
  ...postgresFields,
  DATABASE_ROLE: withDefault(
    text,
    "landfall_writer",
    "the role to write as; the login must be a member of it",
  ),
  MIGRATE: withDefault(
    flag,
    "false",
    "whether to apply missing migrations at the start; needs a login that may create roles",
  ),
}
