// The configurations of stackfs that everything has to be right in.
import { runExample } from './mount.ts'

const always = 'allow_other,default_permissions'

export const configurations: Readonly<Record<string, string>> = {
  'nothing cached': `${always},cache=never`,
  'default timeouts': always,
  'everything cached': `${always},cache=always`,
  'write-back cache': `${always},writeback_cache`,
  passthrough: `${always},passthrough`,
}

/** The words of `options` that stackfs does not know, as a reason to skip, or false. */
export async function unknownTo(options: string): Promise<string | false> {
  const { stdout } = await runExample('stackfs', ['--help'])
  const known = new Set([...stdout.matchAll(/^ {2}(\w+)/gm)].map(([, word]) => word))
  const unknown = options
    .split(',')
    .map((word) => word.replace(/=.*/, ''))
    .filter((word) => !known.has(word))
  return unknown.length > 0 && `stackfs has no ${unknown.join(', ')}`
}
