import { type Field, type Fields, readField } from "@landfall/adapters/config/field"
import { flag } from "@landfall/adapters/config/kinds"
import { type Environment, SettingsError } from "@landfall/adapters/config/settings"
import { Argument, CommanderError, Option, Command as Parser } from "commander"
import { openContext } from "./context.ts"
import type { Command } from "./define-command.ts"
import { CommandFailed, type ExitCode, exitCodes, UsageError } from "./exit-codes.ts"
import type { Streams } from "./output/output.ts"
import { printable } from "./output/printable.ts"

/** What a run gets from the process. */
export interface Run {
  readonly env: Environment
  readonly signal: AbortSignal
  /** Where to print, when not where the process prints. */
  readonly streams?: Streams
}

/** Parses a command line, runs the command that it names and gives the exit code; it has then printed everything. */
export const runProgram = async (
  commands: ReadonlyArray<Command>,
  argv: ReadonlyArray<string>,
  run: Run,
): Promise<ExitCode> => {
  let code: ExitCode = exitCodes.ok
  const { streams = process } = run
  const program = programOf(commands, streams, async (command, parser, texts) => {
    code = await runCommand(command, parser, texts, { ...run, streams })
  })
  try {
    await program.parseAsync([...argv], { from: "user" })
    return code
  } catch (error) {
    // The parser has printed what is wrong and the usage, or the help or version that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    throw error
  }
}

/** The texts of a command line for one command, by name. */
interface Texts {
  readonly arguments: ReadonlyMap<string, string>
  readonly options: Readonly<Record<string, unknown>>
}

type Action = (command: Command, parser: Parser, texts: Texts) => Promise<void>

const programOf = (commands: ReadonlyArray<Command>, { stdout, stderr }: Streams, action: Action): Parser => {
  const program = prepared(new Parser("landfall"))
    .configureOutput({
      getErrHasColors: () => false,
      getOutHasColors: () => false,
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .description(
      "Shows the money that is on its way but not yet spendable, and proves what was known when and why.",
    )
    .version("0.1.0", "--version", "the version of this program")
    .addHelpText("after", exitCodesHelp)
  for (const command of commands) addCommand(program, command, action)
  return program
}

const exitCodesHelp = `
Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 the command line was not understood,
3 a check found a difference. Without DATABASE_URL and KAFKA_BROKERS the running sandbox is asked.`

const prepared = (parser: Parser): Parser =>
  parser
    .exitOverride()
    .enablePositionalOptions()
    .helpOption("-h, --help", "this text")
    .helpCommand(false)
    .showHelpAfterError()
    .configureHelp({ helpWidth: 100 })

const addCommand = (program: Parser, command: Command, action: Action): void => {
  const words = command.name.split(" ")
  const name = words.at(-1) ?? command.name
  const group = words.length === 1 ? program : groupOf(program, words[0] ?? "")
  // A group that is a command of its own was made when the first of its members came, or comes first itself.
  const made = group.commands.find((known) => known.name() === name)
  const parser = made ?? group.command(name)
  if (made === undefined) prepared(parser)
  parser.summary(command.summary)
  parser.description([`${command.summary}.`, command.description ?? ""].join("\n\n").trim())
  for (const [argument, field] of Object.entries(command.arguments))
    parser.addArgument(argumentOf(argument, field))
  for (const [option, field] of Object.entries(command.options)) parser.addOption(optionOf(option, field))
  parser.addOption(new Option("--json", "print the result as JSON, and nothing else on stdout"))
  if (command.changes) {
    parser.addOption(new Option("--dry-run", "show what would be done, and do nothing"))
    parser.addOption(new Option("--yes", "do it without asking"))
  }
  if (command.examples.length > 0)
    parser.addHelpText(
      "after",
      `\nExamples:\n${command.examples.map((example) => `  ${example.line}\n      ${example.for}`).join("\n")}`,
    )
  parser.action(async (...received: unknown[]) => {
    const names = Object.keys(command.arguments)
    const given = names.flatMap((argument, place) => {
      const text = received[place]
      return typeof text === "string" ? [[argument, text] as const] : []
    })
    await action(command, parser, { arguments: new Map(given), options: parser.opts() })
  })
}

const groupOf = (program: Parser, name: string): Parser =>
  program.commands.find((known) => known.name() === name) ?? prepared(program.command(name))

const isSwitch = (field: Field<unknown>): boolean =>
  field.kind === flag && field.absent.is === "value" && field.absent.text === "false"

const describeField = (field: Field<unknown>): string => {
  const fallback =
    field.absent.is === "value" && field.absent.text !== null && !isSwitch(field)
      ? ` (default: ${field.absent.text})`
      : ""
  return `${field.describe}${isSwitch(field) ? "" : `: ${field.kind.accepted}`}${fallback}`
}

const argumentOf = (name: string, field: Field<unknown>): Argument =>
  new Argument(field.absent.is === "refused" ? `<${name}>` : `[${name}]`, describeField(field))

const optionOf = (name: string, field: Field<unknown>): Option =>
  new Option(isSwitch(field) ? `--${name}` : `--${name} <${name}>`, describeField(field))

/** The value that the parser keeps under the option's name in camel case. */
const optionText = (options: Texts["options"], name: string): string | undefined => {
  const value = options[name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]
  if (typeof value === "boolean") return String(value)
  return typeof value === "string" ? value : undefined
}

/** Reads the fields by their kinds, all of them before it complains. */
const readAll = (
  fields: Fields,
  textOf: (name: string) => string | undefined,
  label: (name: string) => string,
  problems: string[],
): Record<string, unknown> => {
  const values: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const text = textOf(name)
    const read = readField(field, text)
    if (read.ok) values[name] = read.value
    else {
      const given = text === undefined || field.kind.sensitive ? "" : ` ${JSON.stringify(text.slice(0, 200))}`
      problems.push(`${label(name)}${given}: ${read.problem}; expected ${field.kind.accepted}`)
    }
  }
  return values
}

const runCommand = async (
  command: Command,
  parser: Parser,
  texts: Texts,
  { env, signal, streams }: Required<Run>,
): Promise<ExitCode> => {
  const complain = (text: string): void => {
    streams.stderr.write(`error: ${printableLines(text)}\n`)
  }
  try {
    const problems: string[] = []
    const given = {
      arguments: readAll(
        command.arguments,
        (name) => texts.arguments.get(name),
        (name) => name,
        problems,
      ),
      options: readAll(
        command.options,
        (name) => optionText(texts.options, name),
        (name) => `--${name}`,
        problems,
      ),
    }
    if (problems.length > 0) throw new UsageError(problems.join("\n       "))
    const is = (name: string): boolean => texts.options[name] === true
    const context = openContext({
      env,
      signal,
      streams,
      json: is("json"),
      dryRun: is("dryRun"),
      yes: is("yes"),
    })
    try {
      return await command.run(context, given)
    } finally {
      await context.close()
    }
  } catch (error) {
    if (error instanceof UsageError) {
      complain(error.message)
      streams.stderr.write(`\n${parser.helpInformation()}`)
      return exitCodes.usage
    }
    complain(messageOf(error))
    return exitCodes.failed
  }
}

/** What a person can use: our own errors say it in full, and others have at least their cause. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const known = error instanceof CommandFailed || error instanceof SettingsError
  const cause = !known && error.cause instanceof Error ? `\nbecause: ${error.cause.message}` : ""
  return `${error.message}${cause}`
}

const printableLines = (text: string): string => text.split("\n").map(printable).join("\n")
