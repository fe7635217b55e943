import type { Route } from "@landfall/adapters/http/route"
import { eventRoutes } from "./events.ts"
import type { Questions } from "./questions.ts"
import { rowRoutes } from "./rows.ts"
import { whyRoute } from "./why.ts"

/** The audit queries: every answer says as of when, at which position and how old it stands. */
export const auditRoutes = (questions: Questions): ReadonlyArray<Route> => [
  ...rowRoutes(questions),
  ...eventRoutes(questions),
  whyRoute(questions),
]
