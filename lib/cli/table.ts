/** A name may hold anything; a terminal should not obey it, and a line should stay one. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}\\]/gu, (c) => {
    if (c === '\\') return '\\\\'
    return c === '\n' ? '\\n' : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`
  })

/** Rows in columns, two spaces between them; no line ends with spaces. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}
