import { append, emptyLog, type MerkleLog } from "../transparency-log/merkle-log.ts"

/** A look at a log at the moment when it has that many leaves. */
export interface Look {
  readonly size: number
  readonly see: (log: MerkleLog) => void
}

/** A log that is made again, leaf by leaf. */
export interface WatchedLog {
  readonly add: (leaves: ReadonlyArray<Buffer>) => void
  readonly log: () => MerkleLog
}

/** Appends leaves and takes each look in passing; a look at a size that is never reached is not taken. */
export const watchedLog = (looks: ReadonlyArray<Look>): WatchedLog => {
  const waiting = looks.toSorted((left, right) => left.size - right.size)
  let log = emptyLog
  let next = 0
  const look = (): void => {
    for (; waiting[next]?.size === log.size; next++) waiting[next]?.see(log)
  }
  look()
  return {
    add: (leaves) => {
      for (let at = 0; at < leaves.length; ) {
        const stop = waiting[next]?.size ?? Number.POSITIVE_INFINITY
        const end = Math.min(leaves.length, at + stop - log.size)
        log = append(log, leaves.slice(at, end))
        at = end
        look()
      }
    },
    log: () => log,
  }
}
