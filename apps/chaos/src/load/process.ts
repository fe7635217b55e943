import { seededRandom } from "@landfall/simulation/world/random"
import type { LoadTold, LoadWanted } from "./load.ts"
import { type Stream, startStream } from "./stream.ts"

/** Told so often how far it is. */
const tell_ms = 500

const tell = (told: LoadTold): void => void process.send?.(told)

// The parent's end closes the channel, however it ended.
process.on("disconnect", () => process.exit(0))
process.on("SIGINT", () => {}) // Ctrl-C reaches the whole group; the parent ends this process in its order.

let stream: Stream | null = null
process.on("message", (wanted: LoadWanted) => {
  if (wanted === "stop") {
    const running = stream
    if (running === null) process.exit(0)
    void running.stop().then(() => {
      tell({ sent: running.sent(), troubles: running.troubles(), stopped: true })
    })
    return
  }
  const { brokers, eventsPerSecond, seed } = wanted
  void startStream({ brokers, eventsPerSecond, random: seededRandom(seed) }).then((started) => {
    stream = started
    const report = () => tell({ sent: started.sent(), troubles: started.troubles(), stopped: false })
    report()
    setInterval(report, tell_ms)
  })
})
