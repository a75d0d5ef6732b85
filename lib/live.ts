/** Mounts must not outlive their process: signals and exit, for all of them together. */

export interface Live {
  /** Whether signals end it. */
  readonly signals: boolean
  readonly closed: Promise<unknown>
  /** Unmount, however busy. */
  end(): Promise<void>
  /** The same without an event loop. */
  endNow(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const live = new Set<Live>()

function onExit(): void {
  for (const mount of live) mount.endNow()
}

/** Signals since the end began. Terminal and supervisor may both send one: a third means it. */
let signals = 0
const INSISTENT = 3

async function onSignal(signal: NodeJS.Signals): Promise<void> {
  signals++
  if (signals >= INSISTENT) process.exit()
  if (signals > 1) return
  const others = process.listenerCount(signal) > 1
  const ending = [...live].filter((mount) => mount.signals)
  await Promise.allSettled(ending.map((mount) => mount.end()))
  // Whoever waits for `closed` has his turn first; with another listener the exit is its decision.
  if (!others) setImmediate(() => process.exit())
  else {
    signals = 0
    listen()
  }
}

const signalled = (): boolean => [...live].some((mount) => mount.signals)
let listening = false

function listen(): void {
  // While a signal ends the mounts, another one must not end the process in the middle of it.
  if (signals > 0 || listening === signalled()) return
  listening = !listening
  for (const signal of SIGNALS) {
    if (listening) process.on(signal, onSignal)
    else process.off(signal, onSignal)
  }
}

/** Look after a mount until the returned function is called. */
export function enlist(mount: Live): () => void {
  if (live.size === 0) process.on('exit', onExit)
  live.add(mount)
  listen()
  return () => {
    if (!live.delete(mount)) return
    if (live.size === 0) process.off('exit', onExit)
    listen()
  }
}
