import type { Book } from "./book.ts"
import { inject } from "./inject.ts"
import type { Injected } from "./outcome.ts"
import { type Fault, inWords, type Plan, type PlannedFault, partsOf } from "./plan.ts"
import type { Truth } from "./truth.ts"
import type { Attesting } from "./verified.ts"
import { pause, saying, turnsByName } from "./waiting.ts"
import type { World } from "./world.ts"

export interface UnrestOptions {
  readonly plan: Plan
  readonly world: World
  readonly truth: Truth
  readonly attesting: Attesting
  readonly book: Book
}

const attestAgain_ms = 2_000

/** Makes every fault of the plan at its time, and resolves once each of them was mended. */
export const unrest = async ({
  plan,
  world,
  truth,
  attesting,
  book,
}: UnrestOptions): Promise<ReadonlyArray<Injected>> => {
  const over = new AbortController()
  const injected: Injected[] = []
  const turns = turnsByName()

  const begin = async (fault: Fault): Promise<void> => {
    const at_ms = book.since()
    let failed: string | null = null
    try {
      if (over.signal.aborted) throw new Error("the chaos was over before its turn came")
      book.tell(inWords(fault))
      book.note(fault)
      const wrong = await inject(fault, { world, truth, signal: over.signal })
      if (fault.kind === "service_ended" || wrong !== null) book.onEnded(wrong)
    } catch (error) {
      failed = saying(error)
      book.tell(`could not be made: ${inWords(fault)}: ${failed}`)
    }
    injected.push({ at_ms, fault, took_ms: book.since() - at_ms, failed })
  }
  // On a busy machine a part is away for longer than was planned: what comes for it then waits for its turn.
  const make = async ({ at_ms, fault }: PlannedFault): Promise<void> => {
    await pause(at_ms - book.since(), over.signal)
    await turns.of(partsOf(fault), () => begin(fault))
  }
  /** In the midst of it all: what was there then must be there in the end. */
  const attest = async (at_ms: number): Promise<void> => {
    await pause(at_ms - book.since(), over.signal)
    while (!over.signal.aborted) {
      const differences = await attesting.attest().catch(() => null)
      for (const difference of differences ?? [])
        book.findings.add("the record is intact under way", difference)
      if (differences !== null) return
      await pause(attestAgain_ms, over.signal)
    }
  }
  const under_way = [
    ...plan.faults.map(make),
    attest(plan.chaos_ms * 0.35).then(() => attest(plan.chaos_ms * 0.7)),
  ]
  await pause(plan.chaos_ms, new AbortController().signal)
  over.abort()
  await Promise.all(under_way)
  return injected.sort((left, right) => left.at_ms - right.at_ms)
}
