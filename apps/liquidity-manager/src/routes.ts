import { badField, unavailable } from "@landfall/adapters/http/http-error"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import { Chain } from "@landfall/domain/topics/funding-observation"
import { Schema } from "effect"
import type { Manager } from "./manager.ts"
import type { PausableObserver } from "./pause.ts"
import { observersOf } from "./state.ts"

const Body = Schema.Struct({ chain: Schema.optionalKey(Chain) })

/** The commands: look now, and pause or resume the observer of one chain or of all. */
export const commandRoutes = (
  manager: Pick<Manager, "refresh">,
  observers: ReadonlyArray<PausableObserver>,
): ReadonlyArray<Route> => {
  const chosen = (chain: Chain | undefined): ReadonlyArray<PausableObserver> => {
    if (chain === undefined) return observers
    const found = observers.filter((observer) => observer.chain === chain)
    if (found.length > 0) return found
    const known = observers.map((observer) => observer.chain).join(", ")
    throw badField("chain", "no observer of this chain is configured", known === "" ? "none" : known)
  }
  return [
    defineRoute({
      method: "POST",
      url: "/refresh-funding-observations",
      summary: "Look at the chains and the bridge now, and publish what changed",
      body: Body,
      handler: async ({ body }) => {
        const asked = chosen(body.chain)
        const round = await manager.refresh()
        if (round === null) throw unavailable("nothing is decided at the moment; /health/ready says why")
        return {
          published: round.observations.length,
          handles_issued: round.handles_issued,
          funding_observers: observersOf(asked),
        }
      },
    }),
    defineRoute({
      method: "POST",
      url: "/pause-funding-observer",
      summary: "Stop looking at a chain; what is known stays, and nothing is concluded from not looking",
      body: Body,
      handler: ({ body }) => {
        const asked = chosen(body.chain)
        for (const observer of asked) observer.pause()
        return { funding_observers: observersOf(asked) }
      },
    }),
    defineRoute({
      method: "POST",
      url: "/resume-funding-observer",
      summary: "Look at a chain again",
      body: Body,
      handler: ({ body }) => {
        const asked = chosen(body.chain)
        for (const observer of asked) observer.resume()
        return { funding_observers: observersOf(asked) }
      },
    }),
  ]
}
