/** A moment as the wire has it: nanoseconds are never negative, seconds before 1970 are. */
export interface Timestamp {
  readonly seconds: number
  readonly nanoseconds: number
}

/** Milliseconds between two looks at the wall clock, and by how much it must differ to be followed. */
const LOOK_EVERY = 1000
const STEP = 20

/**
 * The time of day with the resolution of the monotonic clock, without a BigInt and without an
 * object a reading. Never runs backwards, except where somebody sets the clock: that is followed,
 * and so is the time that the machine slept.
 */
export class Clock implements Timestamp {
  seconds = 0
  nanoseconds = 0
  /** The wall clock at 0 of the monotonic one, in whole milliseconds and the rest. */
  #origin = Math.floor(performance.timeOrigin)
  #fraction = performance.timeOrigin % 1
  #looked = 0

  /** Read the clock. The same object each time: take what you need before the next reading. */
  now(): Timestamp {
    const elapsed = performance.now()
    if (elapsed - this.#looked > LOOK_EVERY) this.#follow(elapsed)
    const whole = Math.floor(elapsed)
    // Apart from the whole: in one number with the year, only a quarter of a microsecond is left.
    const rest = elapsed - whole + this.#fraction
    const milliseconds = this.#origin + whole + Math.floor(rest)
    this.seconds = Math.floor(milliseconds / 1000)
    this.nanoseconds = (milliseconds % 1000) * 1_000_000 + Math.floor((rest % 1) * 1_000_000)
    return this
  }

  #follow(elapsed: number): void {
    this.#looked = elapsed
    const step = Date.now() - (this.#origin + this.#fraction + elapsed)
    if (Math.abs(step) > STEP) this.#origin += Math.round(step)
  }
}
