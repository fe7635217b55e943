import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The checkout. */
export const root = fileURLToPath(new URL("../../", import.meta.url))

/** What set-up obtains besides npm packages, with its stamps, lock and log. */
export const tools = join(root, ".tools")

/** What the steps' commands print. */
export const logFile = join(tools, "setup.log")
