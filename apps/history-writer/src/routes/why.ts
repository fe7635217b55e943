import { canBeAsked, why, whyAccepted } from "@landfall/adapters/audit/why"
import { required } from "@landfall/adapters/config/field"
import { text } from "@landfall/adapters/config/kinds"
import { badField, notFound } from "@landfall/adapters/http/http-error"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import { answer, type Questions, standingFields } from "./questions.ts"
import { whySchema } from "./schemas.ts"

const { wait_for, wait_ms } = standingFields

/** Why something is so: from an alert, an event or a transfer to the exact events behind it. */
export const whyRoute = (questions: Questions): Route =>
  defineRoute({
    method: "GET",
    url: "/v1/why/:subject",
    summary: "Why an alert was raised and cleared, what an event changed, what made a transfer what it is",
    description: `The subject is ${whyAccepted}. An alert names rule, threshold, observed value and position for its raise and its clear, and the events behind each; an event, what it changed field by field and the alerts that rest on it; a transfer, its timeline. Every event comes with topic, partition, offset, times and its exact message.`,
    query: { wait_for, wait_ms },
    params: { subject: required(text, "what is asked about") },
    response: whySchema,
    handler: ({ query, params: { subject }, signal }) => {
      if (!canBeAsked(subject)) throw badField("subject", "it is none of these", whyAccepted)
      const standing = { ...query, as_of: null, as_of_basis: "ingest" as const }
      return answer(questions, standing, signal, async (transaction) => {
        const told = await why(transaction, subject)
        if (told === null) throw notFound(`the record has no ${subject}; it can be ${whyAccepted}`)
        return told
      })
    },
  })
