import { JsonSchema, Schema } from "effect"
import type { Field, Fields } from "../config/field.ts"
import type { Route } from "./route.ts"

export interface OpenApiOptions {
  readonly name: string
  readonly version: string
  readonly routes: readonly Route[]
  /** Whether reading needs a token, too. */
  readonly readToken: boolean
}

/** An OpenAPI 3.1 document of the routes, from the same data that serves and checks them. */
export const openApi = ({ name, version, routes, readToken }: OpenApiOptions) => {
  const schemas = schemasOf(routes)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.url.replaceAll(/:([a-z_]+)/g, "{$1}")
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = {
      operationId: `${route.method.toLowerCase()}${route.url.replaceAll(/[^a-z0-9]+/gi, "_")}`,
      summary: route.summary,
      ...(route.description === undefined ? {} : { description: route.description }),
      parameters: [...parameters(route.params, "path"), ...parameters(route.query, "query")],
      ...(route.body === null ? {} : { requestBody: { content: jsonContent(schemas.of(route.body)) } }),
      responses: {
        [route.status]: {
          description: "The answer.",
          content: {
            ...jsonContent({
              allOf: [
                { $ref: "#/components/schemas/Standing" },
                ...(route.response === null ? [] : [schemas.of(route.response)]),
              ],
            }),
            ...Object.fromEntries(
              (route.streams ?? []).map((type) => [type, { schema: { type: "string" } }]),
            ),
          },
        },
        default: { $ref: "#/components/responses/Error" },
      },
      security: route.method === "POST" ? [{ control_token: [] }] : readToken ? [{ read_token: [] }] : [],
    }
  }
  const bearer = (description: string) => ({ type: "http", scheme: "bearer", description })
  return {
    openapi: "3.1.0",
    info: { title: `Landfall ${name}`, version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    // A browser on another page of the same host finds the service at the address of this document.
    servers: [{ url: "/" }],
    paths: { ...paths, ...standardPaths(readToken) },
    components: {
      schemas: { ...schemas.definitions, Error: errorSchema, Standing: standingSchema },
      responses: {
        Error: {
          description: "The request was not served; the error says why.",
          content: jsonContent({ $ref: "#/components/schemas/Error" }),
        },
      },
      securitySchemes: {
        control_token: bearer("Allows commands, and reading."),
        read_token: bearer("Allows reading, where a read token is configured."),
      },
    },
  }
}

/** What all services show beside their own routes, in the words of `standard-routes.ts`. */
const standardPaths = (readToken: boolean) => {
  const path = (
    operationId: string,
    summary: string,
    type: string,
    answers: { readonly [status: string]: string },
  ) => ({
    get: {
      operationId,
      summary,
      responses: Object.fromEntries(
        Object.entries(answers).map(([status, description]) => [
          status,
          {
            description,
            content: { [type]: { schema: { type: type === "text/plain" ? "string" : "object" } } },
          },
        ]),
      ),
      security: operationId === "get_metrics" && readToken ? [{ read_token: [] }] : [],
    },
  })
  const json = "application/json"
  return {
    "/health/live": path("get_health_live", "Whether the process runs; depends on nothing", json, {
      200: "It runs.",
    }),
    "/health/ready": path("get_health_ready", "Whether the service has caught up", json, {
      200: "It has.",
      503: "It has not; `reasons` says what it waits for, to who may read.",
    }),
    "/metrics": path("get_metrics", "Metrics for Prometheus", "text/plain", { 200: "The metrics." }),
  }
}

const jsonContent = (schema: unknown) => ({ "application/json": { schema } })

const errorSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { type: "string" },
        message: { type: "string" },
        field: { type: "string" },
        accepted: { type: "string" },
      },
    },
  },
}

const standingSchema = {
  type: "object",
  description: "As of when, at which position and how far behind each source the answer stands.",
  required: ["as_of"],
  properties: {
    as_of: { type: "string", format: "date-time" },
    position: {
      type: "object",
      description: "The next offset of each partition of each topic.",
      additionalProperties: { type: "object", additionalProperties: { type: "integer" } },
    },
    final: {
      type: "boolean",
      description: "Of the past by ingest time: whether nothing more can come to have been known then.",
    },
    as_of_basis: { type: "string", enum: ["ingest", "event"] },
    behind_seconds: { type: "object", additionalProperties: { type: ["number", "null"] } },
    clock_skew_seconds: {
      type: "number",
      description:
        "Of `/state`: how far this machine's clock, and so `as_of`, is ahead of the one that deadlines go by.",
    },
  },
}

const parameters = (fields: Fields, place: "path" | "query") =>
  Object.entries(fields).map(([name, field]) => ({
    name,
    in: place,
    description: `${field.describe}: ${field.kind.accepted}`,
    required: field.absent.is === "refused",
    schema: { ...field.kind.json, ...defaultOf(field) },
    example: exampleOf(field),
  }))

const isNumeric = (field: Field<unknown>): boolean => field.kind.json.type === "integer"

const exampleOf = (field: Field<unknown>): unknown =>
  isNumeric(field) ? Number(field.kind.example) : field.kind.example

const defaultOf = (field: Field<unknown>) => {
  if (field.absent.is === "refused" || field.absent.text === null) return {}
  return { default: isNumeric(field) ? Number(field.absent.text) : field.absent.text }
}

/** The JSON Schemas of all bodies and answers, with one shared pool of definitions. */
const schemasOf = (routes: readonly Route[]) => {
  const all = [...new Set(routes.flatMap(({ body, response }) => [body, response]))].filter(
    (schema) => schema !== null,
  )
  const documents = all.map((schema) => Schema.toJsonSchemaDocument(schema))
  const [first, ...rest] = documents.map(({ schema }) => schema)
  const pool = JsonSchema.toMultiDocumentOpenApi3_1({
    dialect: "draft-2020-12",
    schemas: [first ?? {}, ...rest],
    definitions: Object.assign({}, ...documents.map(({ definitions }) => definitions)),
  })
  return {
    definitions: pool.definitions,
    of: (schema: Route["response"]): unknown => (schema === null ? {} : pool.schemas[all.indexOf(schema)]),
  }
}
