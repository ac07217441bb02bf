import { verify } from 'deedlog/verify'

/** Verifies a log from front to back, against the trust file that was made beside it. */
export async function run({ dir, workers }) {
  const began = performance.now()
  const report = await verify(dir, { trust: `${dir}.trust`, workers })
  const seconds = (performance.now() - began) / 1000
  return { perSecond: report.size / seconds, size: report.size, evidence: report.evidence, exitCode: report.exitCode }
}
