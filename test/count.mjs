// Counts the assertions in a TAP file: `passed failed skipped`. A line that sums up an indented block
// is not counted itself, so that nothing counts twice.
import { readFileSync } from 'node:fs'

const counts = { passed: 0, failed: 0, skipped: 0 }
const reasons = new Map()
/** Depth of the last point: a shallower one behind it sums up a block. */
let last = 0
for (const line of readFileSync(process.argv[2], 'utf8').split('\n')) {
  const point = /^( *)(not ok|ok)\b(.*)$/.exec(line)
  if (point === null) continue
  const [, indent, result, rest] = point
  const summary = indent.length < last
  last = indent.length
  const skip = /# SKIP ?(.*)$/i.exec(rest)
  if (skip !== null) {
    counts.skipped++
    reasons.set(skip[1], (reasons.get(skip[1]) ?? 0) + 1)
  } else if (result === 'not ok') counts.failed += summary ? 0 : 1
  else if (!summary) counts.passed++
}
for (const [reason, count] of reasons)
  console.error(`skipped ${count}: ${reason || 'no reason given'}`)
console.log(counts.passed, counts.failed, counts.skipped)
