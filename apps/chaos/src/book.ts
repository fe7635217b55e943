import type { Terminal } from "@landfall/sandbox/terminal"
import { type Findings, openFindings } from "./judge.ts"
import type { Fault } from "./plan.ts"
import type { OwnEnd } from "./supervised.ts"

/** What is written down while a run goes on. */
export interface Book {
  readonly findings: Findings
  /** Begins to count time: what happens is told with the time since then. */
  readonly start: () => void
  /** Milliseconds since the beginning. */
  readonly since: () => number
  /** Prints what happens, with its time. */
  readonly tell: (text: string) => void
  /** Which services have a second instance from now on, so that they may be fenced. */
  readonly note: (fault: Fault) => void
  readonly onOwnEnd: (end: OwnEnd) => void
  /** What came of an end by SIGTERM: what was wrong with it, or null. */
  readonly onEnded: (wrong: string | null) => void
  readonly ownEnds: () => ReadonlyArray<OwnEnd>
  /** Ends by SIGTERM, and by a second instance that took over. */
  readonly counts: () => { readonly ends: number; readonly fenced: number }
}

/** An empty book that also prints. */
export const openBook = (terminal: Terminal): Book => {
  const findings = openFindings((rule, how) => terminal.failed(rule, how))
  const rivalled = new Set<string>()
  const ownEnds: OwnEnd[] = []
  let [fenced, ends] = [0, 0]
  let began_ms = performance.now()
  const since = (): number => performance.now() - began_ms
  const tell = (text: string): void =>
    terminal.line(`  ${(since() / 1000).toFixed(1).padStart(7)} s  ${text}`)
  return {
    findings,
    start: () => {
      began_ms = performance.now()
    },
    since,
    tell,
    note: (fault) => {
      if (fault.kind === "rival") rivalled.add(fault.service)
    },
    onOwnEnd: (end) => {
      if (rivalled.has(end.name) && /another instance/.test(end.lastWords)) {
        fenced++
        tell(`${end.name} has ended: its second instance had taken over`)
        return
      }
      ownEnds.push({ ...end, at_ms: since() })
      tell(`${end.name} ended by itself with ${end.code ?? end.signal}: ${end.lastWords.slice(0, 300)}`)
      findings.add("no service ends by itself", `${end.name}: ${end.lastWords}`)
    },
    onEnded: (wrong) => {
      ends++
      if (wrong !== null) findings.add("SIGTERM ends a service in order", wrong)
    },
    ownEnds: () => ownEnds,
    counts: () => ({ ends, fenced }),
  }
}
