import { readFileSync } from "node:fs"

// Loaded into a process before its program (`node --import`): `Date` tells the machine's time and what MOVED_CLOCK_FILE says.

const file = process.env["MOVED_CLOCK_FILE"] ?? ""
const lookMs = 50
const machine = Date.now
let movedMs = 0
const look = () => {
  movedMs = Number(readFileSync(file, "utf8")) * 1000
}
look()
setInterval(look, lookMs).unref()
const now = () => machine() + movedMs

globalThis.Date = new Proxy(Date, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [now()] : args),
  apply: (target) => new target(now()).toString(),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
})
