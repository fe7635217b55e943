import type { Tokens } from "../http/authorize.ts"
import { type Bind, bindProblem, isLoopback } from "../http/bind.ts"
import { logLevels } from "../log/log.ts"
import { failpointKind } from "../process/failpoint.ts"
import { optional, required, type Values, withDefault } from "./field.ts"
import { type KafkaSettings, kafkaProblems } from "./kafka-settings.ts"
import { oneOf, port, postgresUrl, secretText, text } from "./kinds.ts"
import { limits } from "./limits.ts"

const token = secretText({ length_min: limits.config.token_length_min })

/** The variables of every service that answers over HTTP; spread them into its own table. */
export const serviceFields = {
  HTTP_HOST: withDefault(text, "127.0.0.1", "the address that the service listens on"),
  HTTP_PORT: withDefault(port, "0", "the port that the service listens on; 0 for a free one"),
  CONTROL_TOKEN: optional(token, "allows commands; without it the service takes none"),
  READ_TOKEN: optional(token, "allows reading; without it reading is open, on this machine only"),
  LOG_LEVEL: withDefault(oneOf(logLevels), "info", "how much is logged"),
  LANDFALL_FAILPOINT: optional(
    failpointKind,
    "for tests: where the process kills itself; refused by a service that listens beyond this machine",
  ),
}

/** The variable of every service that reads or writes PostgreSQL. */
export const postgresFields = {
  DATABASE_URL: required(postgresUrl, "the database of the evidence and snapshots"),
}

/** The values of {@link serviceFields}. */
export type ServiceSettings = Values<typeof serviceFields>

/** The tokens among the settings of a service. */
export const tokensOf = (settings: ServiceSettings): Tokens => ({
  control: settings.CONTROL_TOKEN,
  read: settings.READ_TOKEN,
})

/** Where the settings say that a service listens. */
export const bindOf = (settings: ServiceSettings): Bind => ({
  host: settings.HTTP_HOST,
  port: settings.HTTP_PORT,
})

/** What is wrong with the settings of a service together; give it to `loadSettings` as its check. */
export const checkService = (settings: ServiceSettings & KafkaSettings): readonly string[] => {
  const problem = bindProblem(settings.HTTP_HOST, tokensOf(settings))
  return [
    ...(problem === null ? [] : [`HTTP_HOST, CONTROL_TOKEN, READ_TOKEN: ${problem}`]),
    ...(settings.LANDFALL_FAILPOINT === null || isLoopback(settings.HTTP_HOST)
      ? []
      : [
          `LANDFALL_FAILPOINT: it makes the process kill itself, for tests, and this service listens on ${JSON.stringify(settings.HTTP_HOST)}. Leave it out.`,
        ]),
    ...kafkaProblems(settings),
  ]
}
