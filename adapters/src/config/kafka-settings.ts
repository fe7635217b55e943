import type { KafkaConnection } from "../kafka/configuration.ts"
import { optional, required, type Values, withDefault } from "./field.ts"
import { brokers, oneOf, secretText, text } from "./kinds.ts"

/** The variables of every service that reads or writes topics. */
export const kafkaFields = {
  KAFKA_BROKERS: required(brokers, "where Kafka listens"),
  KAFKA_SECURITY_PROTOCOL: withDefault(
    oneOf(["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]),
    "plaintext",
    "how Kafka is spoken to: encrypted (ssl), with a user (sasl), or both",
  ),
  KAFKA_SASL_MECHANISM: withDefault(
    oneOf(["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]),
    "SCRAM-SHA-512",
    "how the user proves who it is",
  ),
  KAFKA_SASL_USERNAME: optional(text, "the user in Kafka"),
  KAFKA_SASL_PASSWORD: optional(secretText({ length_min: 1 }), "the user's password in Kafka"),
  KAFKA_SSL_CA: optional(
    text,
    "the path of the PEM file that signs the brokers; without it the system's list",
  ),
  KAFKA_SSL_CERTIFICATE: optional(
    text,
    "the path of this client's certificate (PEM), where brokers want one",
  ),
  KAFKA_SSL_KEY: optional(text, "the path of that certificate's private key (PEM)"),
}

/** The values of {@link kafkaFields}. */
export type KafkaSettings = Values<typeof kafkaFields>

/** What is wrong with the Kafka settings together. */
export const kafkaProblems = (settings: Omit<KafkaSettings, "KAFKA_BROKERS">): readonly string[] => {
  const { KAFKA_SECURITY_PROTOCOL: protocol, KAFKA_SASL_MECHANISM: mechanism } = settings
  const problems: string[] = []
  const user = settings.KAFKA_SASL_USERNAME !== null
  const password = settings.KAFKA_SASL_PASSWORD !== null
  const files = [settings.KAFKA_SSL_CA, settings.KAFKA_SSL_CERTIFICATE, settings.KAFKA_SSL_KEY]
  if (withUser(protocol) && !(user && password))
    problems.push(
      `KAFKA_SECURITY_PROTOCOL=${protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or KAFKA_SASL_PASSWORD_FILE)`,
    )
  if (!withUser(protocol) && (user || password))
    problems.push(
      `KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are of no use with KAFKA_SECURITY_PROTOCOL=${protocol}: set it to sasl_ssl, or leave them out`,
    )
  if (protocol === "sasl_plaintext" && mechanism === "PLAIN")
    problems.push(
      "KAFKA_SASL_MECHANISM=PLAIN would send the password in clear over sasl_plaintext: set KAFKA_SECURITY_PROTOCOL=sasl_ssl, or take SCRAM",
    )
  if (!encrypted(protocol) && files.some((file) => file !== null))
    problems.push(
      `KAFKA_SSL_… is of no use with KAFKA_SECURITY_PROTOCOL=${protocol}: set it to ssl or sasl_ssl`,
    )
  if ((settings.KAFKA_SSL_CERTIFICATE === null) !== (settings.KAFKA_SSL_KEY === null))
    problems.push("KAFKA_SSL_CERTIFICATE and KAFKA_SSL_KEY belong together: set both or none")
  return problems
}

/** How the settings say that Kafka is reached, by a client of that name. */
export const kafkaOf = (settings: KafkaSettings, clientId: string): KafkaConnection => {
  const { KAFKA_SECURITY_PROTOCOL: protocol, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = settings
  return {
    brokers: settings.KAFKA_BROKERS.join(","),
    clientId,
    security: {
      protocol,
      user:
        KAFKA_SASL_USERNAME === null || KAFKA_SASL_PASSWORD === null
          ? null
          : {
              name: KAFKA_SASL_USERNAME,
              password: KAFKA_SASL_PASSWORD,
              mechanism: settings.KAFKA_SASL_MECHANISM,
            },
      ca: settings.KAFKA_SSL_CA,
      certificate: settings.KAFKA_SSL_CERTIFICATE,
      key: settings.KAFKA_SSL_KEY,
    },
  }
}

type Protocol = KafkaSettings["KAFKA_SECURITY_PROTOCOL"]

const withUser = (protocol: Protocol): boolean => protocol.startsWith("sasl")
const encrypted = (protocol: Protocol): boolean => protocol.endsWith("ssl")
