/*
 * The calls that are recorded by us and by the others: the same tool, arguments and results for everybody.
 */

export const TOOL = 'refund'
export const argsOf = i => ({
  order: `order-${i}`,
  amount: 1000 + (i % 977),
  currency: 'EUR',
  reason: 'damaged in transit',
  notify: i % 2 === 0,
})
export const outputOf = i => ({
  refund: `refund-${i}`,
  state: 'accepted',
  cents: 100 * (1000 + (i % 977)),
  fee: 0,
  message: 'the money arrives within three days',
})
export const shownOf = i => ({ text: `refund-${i} accepted` })
export const PRINCIPAL = { user: 'u-4711', team: 'support' }

/** Bytes of the arguments and the output of call `i`, as JSON. */
export const payloadLength = i => [argsOf(i), outputOf(i)].reduce((sum, value) => sum + JSON.stringify(value).length, 0)

/** Makes `count` calls, `inFlight` at a time. */
export async function callMany(count, inFlight, callOne) {
  let next = 0
  const lane = async () => {
    while (next < count) await callOne(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}
