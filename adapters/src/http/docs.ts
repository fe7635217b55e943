import swagger from "@fastify/swagger"
import swaggerUi from "@fastify/swagger-ui"
import type { FastifyInstance } from "fastify"
import { type OpenApiOptions, openApi } from "./open-api.ts"

/** Everything a page of the documentation may load comes from the service itself: it works without a network. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The page's own script sets a style attribute; style sheets still come from the service alone.
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")

/** `/openapi.json`, and `/docs`, which shows it to people. */
export const registerDocs = async (app: FastifyInstance, options: OpenApiOptions): Promise<void> => {
  const document = openApi(options)
  app.get("/openapi.json", async () => document)
  // The plugins type their documents as an older version of the specification than they carry.
  await app.register(swagger, { mode: "static", specification: { document: document as never } })
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: contentSecurityPolicy,
    theme: { title: `Landfall ${options.name}` },
    // Without the top bar, which offers to load documents from elsewhere.
    uiConfig: { layout: "BaseLayout", deepLinking: false, displayRequestDuration: true },
  })
}
