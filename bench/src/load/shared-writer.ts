import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import type { RunningService } from "@landfall/sandbox/stack/services"
import { metricOf, processSample } from "./process-sample.ts"

const topic = fundingObservationTopic.name

/** What one of several writers says of itself, and the kernel of it. */
export interface Seen {
  /** Of the topic that is shared, those that it has now. */
  readonly partitions: ReadonlyArray<number>
  readonly events: number
  readonly batches: number
  readonly retried: number
  readonly cpu_ms: number
  readonly rss_bytes: number
}

interface State {
  readonly topics: ReadonlyArray<{
    readonly topic: string
    readonly offsets: { readonly [partition: string]: unknown }
  }>
}

const see = async ({ url, get, process }: RunningService): Promise<Seen> => {
  const [metrics, state, { cpu_ms, rss_bytes }] = await Promise.all([
    fetch(`${url}/metrics`).then((answer) => answer.text()),
    get<State>("/state"),
    processSample(process.pid),
  ])
  const own = state.topics.find((one) => one.topic === topic)
  return {
    partitions: Object.keys(own?.offsets ?? {}).map(Number),
    events: metricOf(metrics, "landfall_messages_written_total", 'outcome="evidence"'),
    batches: metricOf(metrics, "landfall_batch_seconds_count"),
    retried: metricOf(metrics, "landfall_batches_retried_total"),
    cpu_ms,
    rss_bytes,
  }
}

/** What one writer had and did. */
export interface Part {
  /** Partitions of the topic, as they were first given out, and in the end. */
  readonly partitions: number
  readonly partitions_last: number
  readonly events: number
  readonly batches: number
  readonly cpu_ms: number
  readonly rss_bytes: number
}

/** A writer that is watched while it shares the work. */
export class SharedWriter {
  readonly service: RunningService
  gone = false
  private latest: Seen = { partitions: [], events: 0, batches: 0, retried: 0, cpu_ms: 0, rss_bytes: 0 }
  private cpuBefore_ms = 0
  private first: ReadonlyArray<number> = []

  constructor(service: RunningService) {
    this.service = service
  }

  get seen(): Seen {
    return this.latest
  }

  /** Of one that ends or has ended, the last that was seen stays. */
  async look(): Promise<void> {
    if (this.gone) return
    this.latest = await see(this.service).catch(() => this.latest)
  }

  /** Nothing was written until now: what it took so far was starting and waiting. */
  countFromHere(): void {
    this.cpuBefore_ms = this.latest.cpu_ms
  }

  /** The partitions that it has now are those that it was first given. */
  given(): void {
    this.first = this.latest.partitions
  }

  /** What it had and did; of one that was ended, what it wrote is what the others did not. */
  part(events = this.latest.events): Part {
    const { partitions, batches, cpu_ms, rss_bytes } = this.latest
    return {
      partitions: this.first.length,
      partitions_last: this.gone ? 0 : partitions.length,
      events,
      batches,
      cpu_ms: cpu_ms - this.cpuBefore_ms,
      rss_bytes,
    }
  }
}
