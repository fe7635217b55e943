import { topics } from "@landfall/domain/registry"
import { alertTopic } from "@landfall/domain/topics/alert"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { readerGroup } from "./configuration.ts"

/** What one service may do in Kafka, and no more. */
export interface KafkaAccess {
  /** Also the name of the service's user. */
  readonly service: string
  readonly reads: ReadonlyArray<string>
  readonly writes: ReadonlyArray<string>
  /** The consumer group whose members share the partitions, or the one in whose name a single reader asks the broker. */
  readonly group: string
  /** The transactional id, or what it begins with where `each_account`; null for a service that publishes nothing. */
  readonly transactional_id: string | null
  /** One instance an account, each with a transactional id of its own. */
  readonly each_account?: true
}

/** Each publisher reads back what it has published itself, before it decides anything anew. */
export const kafkaAccess: ReadonlyArray<KafkaAccess> = [
  {
    service: "history-writer",
    reads: topics.map(({ name }) => name),
    writes: [],
    group: "landfall-history-writer",
    transactional_id: null,
  },
  {
    service: "liquidity-manager",
    reads: [fundingObservationTopic.name, liquidityActionTopic.name],
    writes: [fundingObservationTopic.name, liquidityActionTopic.name],
    group: readerGroup("liquidity-manager"),
    transactional_id: "landfall-liquidity-manager",
  },
  {
    service: "inventory-sync",
    reads: [intentInventoryTopic.name],
    writes: [intentInventoryTopic.name],
    group: readerGroup("inventory-sync"),
    transactional_id: "landfall-inventory-sync",
    each_account: true,
  },
  {
    service: "market-reference-ingest",
    reads: [marketPriceTopic.name],
    writes: [marketPriceTopic.name],
    group: readerGroup("market-reference-ingest"),
    transactional_id: "landfall-market-reference-ingest",
  },
  {
    service: "ops-sentinel",
    reads: topics.map(({ name }) => name),
    writes: [alertTopic.name],
    group: readerGroup("ops-sentinel"),
    transactional_id: "landfall-ops-sentinel",
  },
]

/** The access rules of a service as arguments of `kafka-acls.sh`, one list a call. */
export const aclArguments = (access: KafkaAccess): ReadonlyArray<ReadonlyArray<string>> => {
  const { service, group, transactional_id, each_account = false } = access
  const allow = (...operations: string[]): string[] => [
    ...["--add", "--allow-principal", `User:${service}`],
    ...operations.flatMap((name) => ["--operation", name]),
  ]
  const onTopics = (names: ReadonlyArray<string>): string[] => names.flatMap((name) => ["--topic", name])
  const reading = [...allow("Read", "Describe"), ...onTopics(access.reads), "--group", group]
  if (transactional_id === null) return [reading]
  const writing = [...allow("Write", "Describe"), ...onTopics(access.writes)]
  const transactions = ["--transactional-id", transactional_id]
  if (!each_account) return [reading, [...writing, ...transactions]]
  // The kind of pattern holds for a whole call, and topics are named in full.
  const prefixed = ["--resource-pattern-type", "prefixed"]
  return [reading, writing, [...allow("Write", "Describe"), ...transactions, ...prefixed]]
}
