import { optional, required } from "@landfall/adapters/config/field"
import { oneOf, text } from "@landfall/adapters/config/kinds"
import { adoptTopic } from "@landfall/adapters/history/adopt"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"
import { actorOf } from "./dead-letters.ts"

const [firstTopic = "", ...otherTopics] = topics.map(({ name }) => name)

/** `landfall adopt`: goes on with a topic that was deleted and created again. */
export const adoptCommand = defineCommand({
  name: "adopt",
  summary: "Adopts a topic that was deleted and created again as the next generation of its log",
  description:
    "What is recorded stays. Positions go on where the old topic ended: from then on they are Kafka's offsets plus a base, which is\nrecorded with who and why. Stop the services that read the topic before, and start them afterwards.",
  arguments: { topic: required(oneOf([firstTopic, ...otherTopics]), "the topic") },
  options: {
    why: required(text, "why, for the record"),
    by: optional(text, "who acts, for the record; the name of this system's user if left out"),
  },
  changes: true,
  examples: [
    {
      line: 'landfall adopt ref.market_price --why "the cluster was restored without it" --dry-run',
      for: "where each partition would go on",
    },
  ],
  run: async ({ connections, output, mayChange, now }, { arguments: { topic }, options }) => {
    // By Kafka's own offsets: the bases of earlier adoptions have no part in the next one.
    const { bases: _, ...kafka } = connections.kafka()
    const admin = openAdmin(kafka)
    try {
      const actor = actorOf(options)
      const plan = await adoptTopic(connections.database("landfall_auditor"), admin, topic, null)
      const lines = plan.map(
        (one) =>
          `  ${topic}/${one.partition} goes on at position ${one.first_position} (Kafka's offset ${one.first_position - one.offset_base}), generation ${one.generation}, topic id ${one.topic_id}`,
      )
      const agreed = await mayChange(
        `${actor.by} adopts ${topic}, because: ${actor.why}\n${lines.join("\n")}`,
      )
      const partitions = agreed
        ? await adoptTopic(connections.database("landfall_operator"), admin, topic, actor)
        : plan
      output.result({ as_of: timestamp(now()), done: agreed, topic, partitions }, () => {
        if (agreed) for (const line of lines) output.line(`adopted${line.slice(1)}`)
      })
      return exitCodes.ok
    } finally {
      admin.close()
    }
  },
})
