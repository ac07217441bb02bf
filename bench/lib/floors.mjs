/*
 * What every number must reach on a small noisy machine with two cores, and what it should. `least`: more is better.
 * `most`: less is better.
 */

export const FLOORS = {
  'append.perSecond': { least: 60_000, goal: 120_000 },
  'append.ofLimit': { least: 0.15, goal: 0.3 },
  'append.ackPerSecond': { least: 90_000, goal: 200_000 },
  'append.loopDelayP99Ms': { most: 2, goal: 1 },
  'lone.overSync': { most: 1.3, goal: 1.1 },
  'call.perSecond': { least: 4_000, goal: 12_000 },
  'call.cpuUs': { most: 180, goal: 80 },
  'call.loopDelayP99Ms': { most: 2, goal: 1 },
  'call.p50OverSync': { most: 4.5, goal: 2.8 },
  'verify.perSecond': { least: 120_000, goal: 250_000 },
  'verify.ofHashLimit': { least: 0.1, goal: 0.25 },
  'open.ratio': { most: 2, goal: 1.2 },
  'rss.ratio': { most: 1.25, goal: 1.1 },
  'append.growth': { least: 0.7, goal: 0.95 },
  'prove.p50Ms': { most: 2, goal: 0.5 },
  bytesPerCall: { most: 2_800, goal: 1_600 },
}

export const PEER_FLOORS = { ratio64: { least: 4, goal: 10 }, ratio1: { least: 0.7, goal: 1 } }

/** The number at `a.b.c` of nested objects. */
export const numberAt = (results, key) => key.split('.').reduce((at, name) => at?.[name], results)

/** `goal`, `floor` or `missed`. */
export function judge(value, { least, most, goal }) {
  const reaches = bound => (least === undefined ? value <= bound : value >= bound)
  return reaches(goal) ? 'goal' : reaches(least ?? most) ? 'floor' : 'missed'
}
