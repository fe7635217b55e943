// Holds one leashed process that ignores SIGTERM, and says its process id.
import { spawnLeashed } from "../parts/leash.ts"

const log = process.argv[2]
if (log === undefined) throw new Error("usage: hold-sleeper.ts LOG")
const child = await spawnLeashed("sh", ["-c", "trap '' TERM; while :; do sleep 1; done"], { log })
console.log(child.pid)
setInterval(() => {}, 60_000)
