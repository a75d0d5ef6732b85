/**
 * The value below which the share `q` of the values lies, between two values if need be.
 *
 * @param {readonly number[]} values
 * @param {number} q
 */
export const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

/** @param {readonly number[]} values */
export const median = (values) => quantile(values, 0.5)

/**
 * Two peers compared round by round. What disturbed a round disturbed both, so the median of the
 * rounds' ratios is steadier than the ratio of the medians.
 *
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 */
export const ratios = (ours, theirs) => {
  const rounds = ours.slice(0, theirs.length).map((value, i) => value / (theirs[i] ?? Number.NaN))
  return { median: median(rounds), q1: quantile(rounds, 0.25), q3: quantile(rounds, 0.75) }
}

/**
 * @template T
 * @param {readonly T[]} items
 * @returns {T[]} in random order
 */
export const shuffled = (items) =>
  items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
