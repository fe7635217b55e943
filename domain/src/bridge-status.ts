/** What a bridge's word for a deposit means. A failure is not the end: it may be credited later. */
export type DepositStanding = "credited" | "failed" | "pending"

const creditWords: ReadonlySet<string> = new Set(["COMPLETED", "CREDITED"])

/** Words that we do not know are pending: the money was reported, and nobody said that it was credited. */
export const depositStanding = (bridge_status: string): DepositStanding => {
  const word = bridge_status.trim().toUpperCase()
  if (creditWords.has(word)) return "credited"
  return word === "FAILED" ? "failed" : "pending"
}
