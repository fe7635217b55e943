import { join } from "node:path"
import { type Kafka, startKafka } from "./kafka.ts"
import { newClusterId } from "./kafka-format.ts"
import { type KafkaProxy, startKafkaProxy } from "./kafka-proxy.ts"
import { freePorts } from "./ports.ts"

/** Two brokers that keep a copy of every partition each, and elect a leader that lacks messages rather than none. */
export interface KafkaPair {
  /** Is the controller, too: it must stay. */
  readonly first: Kafka
  readonly second: Kafka
  /** Both, as `KAFKA_BROKERS` wants them. */
  readonly brokers: string
  /** The way from the first to the second: cut, the first no longer copies what is written to partitions that the second leads. */
  readonly replication: KafkaProxy
  readonly kill: () => Promise<void>
}

/** Starts the two. A copy that has not asked for news for 1.5 seconds no longer counts as in sync. */
export const startKafkaPair = async ({ dir }: { readonly dir: string }): Promise<KafkaPair> => {
  const ports = await freePorts(5)
  const [firstPort = 0, secondPort = 0, firstInner = 0, secondInner = 0, controllerPort = 0] = ports
  const replication = await startKafkaProxy(secondInner)
  const clusterId = newClusterId()
  const start = (node: 1 | 2): Promise<Kafka> => {
    const port = node === 1 ? firstPort : secondPort
    const inner = node === 1 ? firstInner : secondInner
    const listeners = [`PLAINTEXT://127.0.0.1:${port}`, `INNER://127.0.0.1:${inner}`]
    return startKafka({
      ...{ dir: join(dir, `node-${node}`), port, controllerPort, clusterId },
      settings: {
        "node.id": node,
        "process.roles": node === 1 ? "broker,controller" : "broker",
        listeners: [...listeners, ...(node === 1 ? [`CONTROLLER://127.0.0.1:${controllerPort}`] : [])].join(),
        "advertised.listeners": [
          `PLAINTEXT://127.0.0.1:${port}`,
          `INNER://127.0.0.1:${node === 1 ? inner : replication.port}`,
        ].join(),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INNER",
        "default.replication.factor": 2,
        "offsets.topic.replication.factor": 2,
        "transaction.state.log.replication.factor": 2,
        "min.insync.replicas": 1,
        "unclean.leader.election.enable": true,
        "replica.lag.time.max.ms": 1_500,
        "replica.fetch.wait.max.ms": 200,
      },
    })
  }
  const [first, second] = await Promise.all([start(1), start(2)])
  return {
    first,
    second,
    brokers: `${first.brokers},${second.brokers}`,
    replication,
    kill: async () => {
      await Promise.all([first.kill(), second.kill()])
      await replication.close()
    },
  }
}
