/** Guards an observer that has just begun against a node that is behind what was recorded. */
export interface RecordedTipGuard {
  /** Why the node is behind; null when it is not, or when the observer has been `ok` since it began. */
  readonly behind: (tip_height: number, recorded_tip_height: number | undefined) => string | null
  /** The observer was `ok`: from now on its own memory tells a chain that was left from a node that is behind. */
  readonly wasOk: () => void
}

/**
 * An observer remembers its tip only while its process lives. So one that has begun anew, perhaps with a node that is
 * behind, is `lagging` until it has read everything at least as high as when something was last recorded.
 */
export const recordedTipGuard = (): RecordedTipGuard => {
  let remembers = false
  return {
    behind: (tip_height, recorded_tip_height) =>
      remembers || recorded_tip_height === undefined || tip_height >= recorded_tip_height
        ? null
        : `the newest block is at ${tip_height}, and at ${recorded_tip_height} when a deposit was last recorded`,
    wasOk: () => {
      remembers = true
    },
  }
}
