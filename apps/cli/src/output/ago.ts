/** How long ago an instant was, in words of one unit: `12 s`, `5 min`, `3 h`, `2 d`. */
export const ago = (then_ms: number, now_ms: number): string => {
  const seconds = Math.max(0, Math.round((now_ms - then_ms) / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
