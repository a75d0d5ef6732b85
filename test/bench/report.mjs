import { lines } from './lines.mjs'
import { median, ratios } from './stats.mjs'

/**
 * @typedef {import('./lines.mjs').Line} Line
 * @typedef {import('./lines.mjs').Bar} Bar
 * @typedef {Record<string, Record<string, number[]>>} Samples line id -> peer id -> one per round
 * @typedef {Record<string, Samples>} Modes 'one core' or 'unpinned' -> samples
 *
 * @typedef {object} Verdict
 * @property {string} line
 * @property {string} ours
 * @property {string} peer
 * @property {number} ourMedian
 * @property {number} peerMedian
 * @property {{ median: number, q1: number, q3: number }} ratio
 * @property {string} bar
 * @property {'ok' | 'miss' | ''} verdict empty: no bar
 */

/** @param {Line['unit']} unit @param {number} value nanoseconds, or operations per second */
const show = (unit, value) => {
  if (!Number.isFinite(value)) return '-'
  if (unit === 'ops/s') return `${(value / 1000).toFixed(1)}k/s`
  return unit === 'ms' ? `${(value / 1e6).toFixed(1)} ms` : `${(value / 1000).toFixed(2)} us`
}

/** @param {readonly string[][]} rows the first is the head */
const table = (rows) => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const line = (/** @type {string[]} */ row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
  const rule = widths.map((width) => '-'.repeat(width))
  return [rows[0] ?? [], rule, ...rows.slice(1)]
    .map((row) => `| ${line(row).join(' | ')} |`)
    .join('\n')
}

/** @param {Line} line @param {Bar} bar @param {Samples} samples @returns {Verdict | undefined} */
const judge = (line, bar, samples) => {
  const ours = bar.of ?? line.peers[0] ?? ''
  const a = samples[line.id]?.[ours] ?? []
  const b = samples[line.id]?.[bar.peer] ?? []
  if (a.length === 0 || b.length === 0) return undefined
  const ratio = ratios(a, b)
  const missed = ratio.median > (bar.max ?? Infinity) || ratio.median < (bar.min ?? 0)
  const has = bar.max !== undefined || bar.min !== undefined
  return {
    line: line.id,
    ours,
    peer: bar.peer,
    ourMedian: median(a),
    peerMedian: median(b),
    ratio,
    bar: !has ? '' : bar.max !== undefined ? `<= ${bar.max}` : `>= ${bar.min}`,
    verdict: !has ? '' : missed ? 'miss' : 'ok',
  }
}

/**
 * Every bar whose two sides were measured.
 *
 * @param {Samples} samples
 */
export const verdicts = (samples) =>
  lines
    .flatMap((line) => line.bars.map((bar) => judge(line, bar, samples)))
    .filter((v) => v !== undefined)

/** @param {Verdict['ratio']} ratio */
const showRatio = ({ median, q1, q3 }) =>
  `${median.toFixed(2)}x [${q1.toFixed(2)}-${q3.toFixed(2)}]`

/** @param {Modes} modes */
export const barTable = (modes) => {
  const names = Object.keys(modes)
  const head = ['line', 'ours', 'peer', 'bar']
  for (const name of names) head.push(`${name}: ours`, 'peer', 'ratio [quartiles]', '')
  const rows = [head]
  for (const line of lines) {
    for (const bar of line.bars) {
      const cells = names.map((name) => judge(line, bar, modes[name] ?? {}))
      const first = cells.find((cell) => cell !== undefined)
      if (first === undefined) continue
      const row = [line.title, first.ours, first.peer, first.bar]
      for (const cell of cells) row.push(...barCells(line, cell))
      rows.push(row)
    }
  }
  return rows.length > 1 ? table(rows) : 'No line with ours and a peer was measured.'
}

/** @param {Line} line @param {Verdict | undefined} cell */
const barCells = (line, cell) =>
  cell === undefined
    ? ['-', '-', '-', '']
    : [
        show(line.unit, cell.ourMedian),
        show(line.unit, cell.peerMedian),
        showRatio(cell.ratio),
        cell.verdict,
      ]

/**
 * The medians of everybody, and how they compare with the one that no library can beat.
 *
 * @param {Samples} samples
 */
export const medianTable = (samples) => {
  const rows = [['line', 'peer', 'median', 'ratio [quartiles] to', '', 'rounds']]
  for (const line of lines) {
    const measured = samples[line.id] ?? {}
    const base = ['c', 'ext4', 'memfs_ll'].find((id) => measured[id]?.length)
    for (const [peer, values] of Object.entries(measured)) {
      if (values.length === 0) continue
      const to = base === undefined || base === peer ? '' : base
      const ratio = to ? showRatio(ratios(values, measured[to] ?? [])) : ''
      rows.push([line.title, peer, show(line.unit, median(values)), ratio, to, `${values.length}`])
    }
  }
  return table(rows)
}
