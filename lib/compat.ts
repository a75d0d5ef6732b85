/** `devfuse/compat`: fuse-native's class, on the path API. */
import { ERRORS } from './compat/errors.ts'
import { Fuse as Class } from './compat/fuse.ts'

/** fuse-native's class with the numbers of errno(3), negative: `Fuse.ENOENT`. */
const Fuse = Object.assign(Class, ERRORS)
type Fuse = Class

export type { Callback } from './compat/callback.ts'
export type {
  Code,
  Count,
  Done,
  Give,
  HandlerName,
  Handlers,
  Stat,
  Statfs,
} from './compat/handlers.ts'
export type { FuseOptions } from './compat/options.ts'
export type { Timeout, Timeouts } from './compat/timeouts.ts'
// What `require` gives is the class itself, as that of fuse-native is.
export { Fuse as default, Fuse as 'module.exports' }
