// Everybody outside is killed in turn while records arrive, and so is the recorder. No record may be lost, no call kept
// waiting; whoever looks sees who is away; and once all are back, all is cosigned and dated again.
import { kill, until } from './cast.mjs'

/** Calls that must be recorded while somebody is away: they are not waited for. */
const CALLS = 8

export const outages = [
  { name: 'witness w1 is killed, and started again', who: 'witness', run: live => witnessAway(live, live.w1) },
  { name: 'witness w2 is killed, and started again', who: 'witness', run: live => witnessAway(live, live.w2) },
  { name: 'the time-stamp authority is killed, and started again', who: 'anchor', run: authorityAway },
  { name: 'the recorder is killed, and started again', who: 'log', run: recorderAway },
]

async function witnessAway(live, witness) {
  const { cast, dir } = live
  const standing = async () => {
    const { json } = await cast.deedlog('witness', 'status', dir, '--json')
    return json().witnesses?.find(({ name }) => name === witness.name)
  }
  return away(live, witness, {
    seen: async () => (await standing())?.error?.code,
    caughtUp: async size => ((await standing())?.cosigned?.size ?? 0) >= size,
    expected: 'witness.unavailable',
    where: 'deedlog witness status',
  })
}

function authorityAway(live) {
  const { cast, dir, authority } = live
  const standing = async () => {
    const { json } = await cast.deedlog('anchor', 'status', dir, '--json')
    return json().standings?.find(({ name }) => name === authority.name)
  }
  return away(live, authority, {
    seen: async () => {
      const newest = (await standing())?.newest
      return newest?.state === 'pending' ? newest.code : undefined
    },
    // What has failed is asked for again by itself, later each time; an operator need not wait for that.
    caughtUp: async size => {
      await live.date(live)
      return ((await standing())?.anchored?.size ?? 0) >= size
    },
    expected: 'anchor.http',
    where: 'deedlog anchor status',
  })
}

/** @param look  How it is seen that somebody is away, and that they have caught up. */
async function away(live, player, look) {
  await kill(player.process)
  const before = live.calls().length
  const went = await until(() => live.calls().length >= before + CALLS, 20)
  const seen = await until(look.seen, 20)
  await player.begin()
  const size = await live.size()
  const caughtUp = await until(() => look.caughtUp(size), 45)
  return {
    checks: [
      ['calls went on meanwhile', Boolean(went), true],
      [`seen with ${look.where}`, seen, look.expected],
      ['caught up when it was back', Boolean(caughtUp), true],
      ['calls that were acknowledged and are not in the log', await live.lost(), 0],
    ],
    by: { log: `${look.where}: ${seen}` },
  }
}

async function recorderAway(live) {
  await kill(live.recorder)
  const acknowledged = live.calls().length
  live.begin()
  const went = await until(() => live.calls().length >= acknowledged + CALLS, 30)
  const size = await live.size()
  const witnessed = await until(() => live.witnessed() >= size, 45)
  return {
    checks: [
      ['records again', Boolean(went), true],
      ['what came since is cosigned', Boolean(witnessed), true],
      ['calls that were acknowledged and are not in the log', await live.lost(), 0],
    ],
    by: { log: 'its next start takes the log up where it was' },
  }
}
