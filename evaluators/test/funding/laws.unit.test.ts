import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import { uncreditedStatuses } from "@landfall/domain/topics/funding-observation"
import fc from "fast-check"
import { expect, test } from "vitest"
import { correlate } from "../../src/funding/correlate.ts"
import { isCredit } from "../../src/funding/facts.ts"
import { anyHistory, anyOutput, anyRow, bridgeHistory } from "./arbitraries.ts"
import { desk, policy } from "./fixtures.ts"

const runs = { numRuns: 300 }

/** Every observation of a history, in order; `desk` itself checks that deciding again gives nothing. */
const observe = (history: Parameters<ReturnType<typeof desk>["poll"]>[0][]): FundingObservation[] => {
  const { poll } = desk()
  return history.flatMap((seen) => poll(seen))
}

test("deciding again right after folding gives nothing, whatever was seen", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      observe([...history])
    }),
    runs,
  )
})

test("revisions of each transfer count from 1 without gaps", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      const revisions = new Map<string, number>()
      for (const { transfer_id, revision } of observe([...history])) {
        expect(revision).toBe((revisions.get(transfer_id) ?? 0) + 1)
        revisions.set(transfer_id, revision)
      }
    }),
    runs,
  )
})

test("the first hash, first sight, amount, address and credit of a transfer never change", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      const first = new Map<string, FundingObservation>()
      for (const seen of observe([...history])) {
        const { tx_hash, credited_at } = first.get(seen.transfer_id) ?? seen
        const known = { ...(first.get(seen.transfer_id) ?? seen) }
        expect(seen.first_seen_at).toBe(known.first_seen_at)
        expect(seen.amount).toBe(known.amount)
        expect(seen.funding_handle).toBe(known.funding_handle)
        if (tx_hash !== null) expect(seen.tx_hash).toBe(tx_hash)
        if (credited_at !== undefined) expect(seen.credited_at).toBe(credited_at)
        first.set(seen.transfer_id, { ...known, ...seen })
      }
    }),
    runs,
  )
})

test("nothing is taken back on the word of an observer that is not ok", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      for (const seen of observe([...history]))
        if (["replaced", "conflicted", "dropped", "reorged"].includes(seen.cause))
          expect(seen.observer.state).toBe("ok")
    }),
    runs,
  )
})

test("a listing that is not complete takes back nothing that it does not name", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      const { poll, transfers } = desk()
      for (const seen of history) {
        const before = new Map(transfers)
        const named = new Set(
          [...(seen.outputs ?? []), ...(seen.gone ?? [])].map(
            ({ tx_hash, output_index }) => `${tx_hash}:${output_index}`,
          ),
        )
        for (const { transfer_id, status, tx_hash, output_index } of poll({ ...seen, complete: false })) {
          const taken = ["replaced", "conflicted", "dropped", "reorged"].includes(status)
          if (!taken || before.get(transfer_id)?.status === status || output_index === null) continue
          const { successor_tx_hash } = before.get(transfer_id) ?? {}
          expect(
            named.has(`${tx_hash}:${output_index}`) || named.has(`${successor_tx_hash}:${output_index}`),
          ).toBe(true)
        }
      }
    }),
    runs,
  )
})

test("nothing is credited without a credit of the bridge in the same poll", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      const { poll } = desk()
      for (const seen of history) {
        const credits = (seen.bridge ?? []).filter((row) => isCredit(row.status))
        const credited = poll(seen).filter((observation) => observation.cause === "credited")
        if (credits.length === 0) expect(credited).toEqual([])
        for (const { bridge_status } of credited) expect(isCredit(bridge_status ?? "")).toBe(true)
      }
    }),
    runs,
  )
})

test("rows and transfers are matched one to one, in whatever order they come", () => {
  fc.assert(
    fc.property(anyHistory, fc.array(anyRow, { maxLength: 6 }), (history, rows) => {
      const { poll, transfers } = desk()
      for (const seen of history) poll(seen)
      const found = correlate(transfers, rows, policy)
      const ids = found.matches.flatMap((match) => match.transfer_ids)
      expect(new Set(ids).size).toBe(ids.length)
      const used = [...found.matches.map((match) => match.row), ...found.unmatchedRows.map(({ row }) => row)]
      expect(used.length).toBe(rows.length)
      expect(new Set(used)).toEqual(new Set(rows))
      // What is on its way and in no match is listed as unmatched on its side.
      const left = new Set(found.unmatchedTransfers())
      for (const { transfer_id, status, match } of transfers.values())
        expect(left.has(transfer_id)).toBe(
          uncreditedStatuses.has(status) && match === undefined && !ids.includes(transfer_id),
        )
      const turned = correlate(new Map([...transfers].reverse()), rows.toReversed(), policy)
      const plain = (of: typeof found) =>
        of.matches.map(({ transfer_ids, row, match }) => ({ transfer_ids, row, match }))
      expect(plain(turned)).toEqual(plain(found))
    }),
    runs,
  )
})

test("while the bridge keeps its rows, every credited transfer keeps a credit row of its own", () => {
  fc.assert(
    fc.property(bridgeHistory, (history) => {
      const { poll, transfers } = desk()
      for (const seen of history) {
        poll(seen)
        const { matches } = correlate(transfers, seen.bridge ?? [], policy)
        const paid = new Set(
          matches.filter(({ row }) => isCredit(row.status)).flatMap((match) => match.transfer_ids),
        )
        for (const { transfer_id, credited_at } of transfers.values())
          if (credited_at !== undefined) expect(paid.has(transfer_id)).toBe(true)
      }
    }),
    runs,
  )
})

test("a healthy chain that shows an output again and again records it once", () => {
  fc.assert(
    fc.property(fc.array(anyOutput, { minLength: 1, maxLength: 5 }), (outputs) => {
      const { poll } = desk()
      const first = poll({ outputs })
      expect(new Set(first.map((seen) => seen.transfer_id)).size).toBe(first.length)
      expect(poll({ outputs })).toEqual([])
    }),
    runs,
  )
})
