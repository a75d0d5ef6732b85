// Node 20 has no name for it.
const ESTALE = -116

/** The code that it fails with; undefined if it does not. */
export function errorCode(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException
    return errno === ESTALE ? 'ESTALE' : code
  }
}
