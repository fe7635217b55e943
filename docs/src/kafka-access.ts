import { aclArguments, kafkaAccess } from "@landfall/adapters/kafka/access"

/** The page of what each service may do in Kafka: `docs/reference/kafka-access.md`. */
export const kafkaAccessPage = (): string => {
  const list = (names: ReadonlyArray<string>): string =>
    names.map((name) => `\`${name}\``).join(", ") || "none"
  const rows = kafkaAccess.map(
    ({ service, reads, writes, group, transactional_id, each_account }) =>
      `| \`${service}\` | ${list(reads)} | ${list(writes)} | \`${group}\` | ${
        transactional_id === null ? "none" : `\`${transactional_id}${each_account ? "-…" : ""}\``
      } |`,
  )
  const commands = kafkaAccess
    .flatMap(aclArguments)
    .map(
      (rule) =>
        `kafka-acls.sh --bootstrap-server "$KAFKA_BROKERS" --command-config admin.properties ${rule.join(" ")}`,
    )
  return [
    "# Access to Kafka",
    "",
    "Each service is a user of its own, with the access of its row and no more. A broker set up so, with TLS and SCRAM, is what",
    "`adapters/test/kafka/secured.int.test.ts` runs against, with exactly the commands below. The settings are",
    "`KAFKA_SECURITY_PROTOCOL`, `KAFKA_SASL_…` and `KAFKA_SSL_…` in [settings.md](settings.md). The executor, which is not part of",
    "Landfall, needs to write `exec.trade_result`. This page is made from `adapters/src/kafka/access.ts` (`UPDATE_REFERENCE=1`",
    "with the tests of docs/ writes it anew).",
    "",
    "| User | Reads | Writes | Group | Transactional id |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
    "```sh",
    ...commands,
    "```",
    "",
  ].join("\n")
}
