/** Code generation may be forbidden (--disallow-code-generation-from-strings). */
export const canCompile: boolean = (() => {
  try {
    return new Function('return true')() === true
  } catch {
    return false
  }
})()
