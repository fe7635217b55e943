import type { Field, Fields } from "@landfall/adapters/config/field"
import { flag } from "@landfall/adapters/config/kinds"
import type { Command } from "@landfall/cli/define-command"
import { commands } from "@landfall/cli/registry"

const introduction = `# The command line

\`\`\`
npx landfall status                          # in the checkout
npm run --silent landfall -- status --json
\`\`\`

\`landfall\` talks to PostgreSQL and Kafka themselves, so that it answers also when no service runs. It finds them by
\`DATABASE_URL\` and \`KAFKA_BROKERS\` ([settings](reference/settings.md)) and, without these, asks the sandbox that runs in the
checkout, or where \`SANDBOX_DIR\` says; it tells on stderr which. What reads acts as \`landfall_auditor\`, what writes as \`landfall_writer\`;
\`DATABASE_ROLE\` names another role.

- **Results go to stdout**, everything else to stderr. \`--json\` prints one JSON document and nothing else, the same in a pipe
  as in a terminal. Amounts are exact decimal strings in base units.
- **Every answer says** as of when it holds, at which position of the topics it stands, and how many seconds that is behind
  Kafka: the age of the oldest message that Kafka has and the record has not. Without Kafka it says that it does not know.
- **Exit codes:** 0 done, 1 failed, 2 the command line was not understood, 3 a check found a difference.
- **What changes something** says first what it would do. \`--dry-run\` leaves it at that; without a terminal it wants
  \`--yes\`.
- Colours are for terminals, and \`NO_COLOR\` turns them off. Control characters in data are printed as escapes.
- **A position** is written \`TOPIC/PARTITION=OFFSET\`, several with commas between them, or as the JSON that an answer gave; the
  offset is that of the next message.

This page is made from the commands themselves (\`UPDATE_REFERENCE=1\` with the tests of docs/ writes it anew).
`

const isSwitch = ({ kind, absent }: Field<unknown>): boolean =>
  kind === flag && absent.is === "value" && absent.text === "false"

/** A cell must not end before its text does. */
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const rows = (fields: Fields, name: (field: string, isSwitch: boolean) => string): ReadonlyArray<string> =>
  Object.entries(fields).map(([field, of]) => {
    const { kind, describe, absent } = of
    const isOn = isSwitch(of)
    const fallback = absent.is === "refused" ? "required" : isOn ? "" : (absent.text ?? "")
    return `| ${name(field, isOn)} | ${cell(describe)} | ${isOn ? "" : cell(kind.accepted)} | ${cell(fallback)} |`
  })

const section = ({ name, summary, description, ...command }: Command): string => {
  const given = [
    ...rows(command.arguments, (field) => `\`${field.toUpperCase()}\``),
    ...rows(command.options, (field, isOn) => (isOn ? `\`--${field}\`` : `\`--${field} …\``)),
  ]
  return [
    `## landfall ${name}`,
    "",
    `${summary}.${command.changes ? " It changes something: `--dry-run`, `--yes`." : ""}`,
    ...(description === null ? [] : ["", description]),
    ...(given.length === 0
      ? []
      : ["", "| | What for | Accepted | Default |", "| --- | --- | --- | --- |", ...given]),
    "",
    "```",
    ...command.examples.map((example) => `${example.line}    # ${example.for}`),
    "```",
    "",
  ].join("\n")
}

/** The page of all commands: `docs/cli.md`. */
export const cliPage = (): string => {
  const contents = commands.map(
    ({ name, summary }) => `| [\`${name}\`](#landfall-${name.replace(" ", "-")}) | ${cell(summary)} |`,
  )
  return [introduction, "| Command | |", "| --- | --- |", ...contents, "", ...commands.map(section)].join(
    "\n",
  )
}
