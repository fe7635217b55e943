/** Says why an observer that has just begun is behind what was recorded; null once it has been as far. */
export type RecordedTipGuard = (tip_height: number, recorded_tip_height: number | undefined) => string | null

/**
 * An observer remembers its tip only while its process lives. So one that has begun anew, perhaps with a node that is
 * behind, is `lagging` until it has been as high as when something was last recorded; from then on its own memory
 * tells a chain that was left from a node that has lost blocks.
 */
export const recordedTipGuard = (): RecordedTipGuard => {
  let reached = false
  return (tip_height, recorded_tip_height) => {
    reached ||= recorded_tip_height === undefined || tip_height >= recorded_tip_height
    return reached
      ? null
      : `the newest block is at ${tip_height}, and at ${recorded_tip_height} when a deposit was last recorded`
  }
}
