import { fileURLToPath } from "node:url"

/** Where set-up puts what npm does not carry: `.tools/` at the root of the checkout. */
export const toolsFolder = fileURLToPath(new URL("../../.tools/", import.meta.url))
