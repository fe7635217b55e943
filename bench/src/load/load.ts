import type { Bench } from "../bench.ts"
import type { Section } from "../report/section.ts"
import { intake } from "./intake.ts"
import { sharing } from "./sharing.ts"
import { ticks } from "./ticks.ts"

/** What grows with the events, with the ticks, and with the writers that share the work. */
export const loadBench: Bench = {
  covers: ["load", "ticks", "sharing"],
  limit_s: 3_600,
  run: async (context) => {
    const sections: Section[] = []
    if (context.names.includes("load")) sections.push(await intake(context))
    if (context.names.includes("ticks")) sections.push(await ticks(context))
    if (context.names.includes("sharing")) sections.push(await sharing(context))
    return sections
  },
}
