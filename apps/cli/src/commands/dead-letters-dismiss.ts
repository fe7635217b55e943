import { dismissLetters } from "@landfall/adapters/dead-letters/dismiss"
import { placeName } from "@landfall/adapters/dead-letters/place"
import { timestamp } from "@landfall/domain/timestamp"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"
import { actOptions, actorOf, chosen, whichArguments } from "./dead-letters.ts"

/** `landfall dead-letters dismiss`: records that letters are no loss. */
export const deadLettersDismissCommand = defineCommand({
  name: "dead-letters dismiss",
  summary: "Records that dead letters are no loss, so that they no longer degrade their keys",
  description:
    "Their bytes stay, and they can still be retried. All of them are dismissed, or none: an event is not dismissed.",
  arguments: whichArguments,
  options: actOptions,
  changes: true,
  examples: [
    {
      line: 'landfall dead-letters dismiss ref.market_price/0/42 --why "a test message"',
      for: "one that never was an event",
    },
  ],
  run: async (context, { arguments: { places: named }, options }) => {
    const { output } = context
    const actor = actorOf(options)
    const places = await chosen(context, named, options)
    const names = places.map(placeName)
    const agreed =
      places.length > 0 &&
      (await context.mayChange(
        `${actor.by} dismisses ${names.length} letters, because: ${actor.why}\n${names.map((name) => `  ${name}`).join("\n")}`,
      ))
    if (agreed) await dismissLetters(context.connections.database("landfall_operator"), places, actor)
    output.result(
      { as_of: timestamp(context.now()), done: agreed, letters: names, by: actor.by, why: actor.why },
      () => {
        if (places.length === 0) output.line("no letter is open there")
        if (agreed) for (const name of names) output.line(`dismissed ${name}`)
      },
    )
    return exitCodes.ok
  },
})
