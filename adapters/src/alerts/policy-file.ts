import { readFileSync } from "node:fs"
import { type AlertPolicy, readPolicy } from "@landfall/evaluators/alerts/policy"
import type { Kind } from "../config/field.ts"
import { limits } from "../config/limits.ts"
import { jsonDepth, parseExactJson } from "../net/exact-json.ts"

/** The path of an alert policy file, read at once; everything that is wrong with it is told together. */
export const policyFile: Kind<AlertPolicy> = {
  accepted:
    "the path of a JSON file that holds an alert policy, as docs/runbook/alert-policy.md describes it",
  example: "/etc/landfall/alert-policy.json",
  json: { type: "string" },
  sensitive: false,
  read: (path) => {
    try {
      const content = readFileSync(path, "utf8")
      if (content.length > limits.config.file_chars_max) return { ok: false, problem: "the file is too long" }
      if (jsonDepth(content) > limits.client.depth_max)
        return { ok: false, problem: "the file nests too deep" }
      // A name that is given twice with other content is a problem, too; of two windows none would be meant.
      const read = readPolicy(parseExactJson(content))
      return read.ok
        ? { ok: true, value: read.policy }
        : { ok: false, problem: `the policy is not allowed: ${read.problems.join("; ")}` }
    } catch (error) {
      return {
        ok: false,
        problem: `the file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      }
    }
  },
}
