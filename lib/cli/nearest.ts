/** How many letters are to be changed, left out or put in, to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const [left, above, corner] = [next[j - 1], row[j], row[j - 1]] as [number, number, number]
      next.push(Math.min(left + 1, above + 1, corner + same))
    }
    row = next
  }
  return row[b.length] as number
}

/** The known word that was probably meant; undefined where none is like it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, far: distance(word, candidate) }))
    .sort((a, b) => a.far - b.far)
  const [best] = ranked
  return best !== undefined && best.far <= Math.max(2, word.length / 3) ? best.candidate : undefined
}

/** `there is no MNT; did you mean MOUNT?` */
export function unknown(what: string, word: string, known: readonly string[]): string {
  const meant = nearest(word, known)
  const hint = meant === undefined ? `known: ${known.join(', ')}` : `did you mean ${meant}?`
  return `there is no ${what} ${JSON.stringify(word)}; ${hint}`
}
