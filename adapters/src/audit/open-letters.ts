import { partitionName } from "../history/checkpoint.ts"
import type { Transaction } from "../postgres/transaction.ts"

/** How many dead letters of each partition are neither retried nor dismissed; partitions without any are left out. */
export const openLettersByPartition = async (
  transaction: Transaction,
): Promise<ReadonlyMap<string, number>> => {
  const rows = await transaction.query<{ topic: string; topic_partition: number; open: string }>(
    `select topic, topic_partition, dead_letters - coalesce(settled.letters, 0) as open from checkpoints
     left join (select topic, topic_partition, count(distinct kafka_offset) as letters from dead_letter_acts
       where act in ('retried', 'dismissed') group by topic, topic_partition) as settled using (topic, topic_partition)
     where dead_letters > coalesce(settled.letters, 0)`,
  )
  return new Map(
    rows.map(({ topic, topic_partition, open }) => [
      partitionName({ topic, partition: topic_partition }),
      Number(open),
    ]),
  )
}
