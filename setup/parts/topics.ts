import kafkaJavascript from "@confluentinc/kafka-javascript"

export interface TopicWanted {
  readonly topic: string
  readonly partitions: number
  /** Topic settings by their Kafka names. */
  readonly config?: Readonly<Record<string, string>>
}

const timeoutMs = 15_000

/** Creates topics with one replica; those that exist already stay as they are. */
export async function createTopics(brokers: string, wanted: readonly TopicWanted[]): Promise<void> {
  const { AdminClient, CODES } = kafkaJavascript
  const admin = AdminClient.create({ "bootstrap.servers": brokers })
  try {
    for (const { topic, partitions, config } of wanted) {
      const settings = { topic, num_partitions: partitions, replication_factor: 1, config: { ...config } }
      await new Promise<void>((resolve, reject) => {
        admin.createTopic(settings, timeoutMs, (error) => {
          if (!error || error.code === CODES.ERRORS.ERR_TOPIC_ALREADY_EXISTS) resolve()
          else
            reject(
              new Error(`cannot create topic ${topic} at ${brokers}: ${error.message}`, { cause: error }),
            )
        })
      })
    }
  } finally {
    admin.disconnect()
  }
}
