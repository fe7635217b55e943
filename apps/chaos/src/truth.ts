/** What really happened, known before any service can know of it: what is shown is held against it. */
export interface Truth {
  /** A transaction has left or will leave its block or the mempool, and may be called gone from now on. */
  readonly mayBeGone: (tx_hash: string) => void
  readonly mayHaveGone: (tx_hash: string) => boolean
  /** The verifier is about to hold so much more. */
  readonly credit: (asset_id: string, amount: bigint) => void
  /** Whether the verifier has ever held exactly so much. */
  readonly held: (asset_id: string, amount: bigint) => boolean
  readonly holds: (asset_id: string) => bigint
}

/** Nothing happened yet. */
export const openTruth = (): Truth => {
  const gone = new Set<string>()
  const balances = new Map<string, bigint[]>()
  const history = (asset_id: string): bigint[] => balances.get(asset_id) ?? [0n]
  return {
    mayBeGone: (tx_hash) => void gone.add(tx_hash),
    mayHaveGone: (tx_hash) => gone.has(tx_hash),
    credit: (asset_id, amount) => {
      const before = history(asset_id)
      balances.set(asset_id, [...before, (before.at(-1) ?? 0n) + amount])
    },
    held: (asset_id, amount) => history(asset_id).includes(amount),
    holds: (asset_id) => history(asset_id).at(-1) ?? 0n,
  }
}
