import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { quote, UnavailableError } from '../core/errors.js'
import { isId } from '../core/record/index.js'
import { ApproverKey } from '../govern/review/approver-key.js'
import { type Answer, answerReview, type Found, pendingReviews } from '../govern/review/client.js'
import { type Context, examples, exitCodes } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption, pathOption, wordOption } from './options.js'
import { type Look, Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

interface ReviewOptions {
  readonly approve?: string
  readonly reject?: string
  readonly as?: string
  readonly key?: string
  readonly json?: true
}

export function addReview(program: Command, context: Context): void {
  program
    .command('review')
    .summary('calls that wait for an approver: list, approve, reject')
    .description(
      'Shows the calls of a log that wait for an approver, in the processes that record them, and answers one. An answer ' +
        'is to one call with exactly the arguments shown, and goes through the process that waits: whoever may enter ' +
        "the log's private folder may answer.",
    )
    .argument('<target>', 'the log that the calls are recorded in')
    .addOption(callOption('--approve <call>', 'let this call run').conflicts('reject'))
    .addOption(callOption('--reject <call>', 'deny this call'))
    .addOption(wordOption('--as <pseudonym>', 'who answers, as the log shall show it: never a name or an address'))
    .addOption(pathOption('--key <pem>', "sign the answer with the approver's own Ed25519 key"))
    .addOption(jsonOption('the calls, or the answer'))
    .addHelpText(
      'after',
      examples([
        ['deedlog review audit', 'what waits'],
        ['deedlog review audit --approve 01KATB8Q5M4Z0YQ1G7X8D3C9FE --as r-7', 'let a call run'],
        ['deedlog review audit --reject 01KATB8Q5M4Z0YQ1G7X8D3C9FE --as r-7 --key r-7.pem', 'deny one, signed'],
      ]) +
        exitCodes(
          '0 when it was listed or answered; 2 when the call does not wait any more, when the process that waits does not ' +
            'take the answer, or when the command line is wrong.',
        ),
    )
    .action((target: string, options: ReviewOptions) => run(target, options, context))
}

const callOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string) => {
    if (isId(value)) return value
    throw new UsageError('usage.value', `${flags.split(' ')[0]} ${quote(value)} is no id of a call`, {
      expected: 'the 26 characters that deedlog review shows',
    })
  })

async function run(target: string, options: ReviewOptions, { terminal }: Context): Promise<void> {
  const { approve, reject, json } = options
  const call = approve ?? reject
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  if (call === undefined) {
    if (options.as !== undefined || options.key !== undefined)
      throw new UsageError('usage.option', '--as and --key are of an answer, and there is none', {
        expected: '--approve <call> or --reject <call> with them',
      })
    const found = await pendingReviews(target)
    await terminal.out(
      json === true ? `${safeJson({ pending: found.map(callJson) }, 2)}\n` : render(found, target, look),
    )
    return
  }
  const { as: by } = options
  if (by === undefined)
    throw new UsageError('usage.option', 'an answer needs --as', { expected: '--as <pseudonym>: who answers' })
  const key = options.key === undefined ? undefined : new ApproverKey(readFileSync(options.key, 'utf8'), options.key)
  const waiting = (await pendingReviews(target)).find(each => each.call === call)
  if (!waiting)
    throw new UnavailableError('review.unknown', `the call ${call} does not wait for an answer`, {
      expected: 'a call that waits: it may have been answered, or its time is over',
    })
  const { intent, root } = waiting
  const answer: Answer = { call, intent, root, verdict: approve === undefined ? 'rejected' : 'approved', by }
  const given = key ? key.signed(answer) : answer
  await answerReview(waiting, given)
  if (json === true) await terminal.out(`${safeJson({ answered: { ...callJson(waiting), ...given } }, 2)}\n`)
  else await terminal.out(renderAnswer(waiting, given, key?.trustLine(by), look))
}

function render(found: readonly Found[], target: string, look: Look): string {
  const page = new Page(look)
  if (found.length === 0) return page.line('No call waits for an approver.').toString()
  for (const waiting of found) addCall(page.heading(`Call ${waiting.call}`), waiting)
  const path = shellPath(target)
  return page
    .heading('Next')
    .line(`  deedlog review ${path} --approve ${found[0]!.call} --as <pseudonym>`)
    .line(`  deedlog review ${path} --reject ${found[0]!.call} --as <pseudonym>`)
    .toString()
}

function addCall(page: Page, { tool, agent, args, argsBytes, root, intent, waitingMs, pid, call }: Found): Page {
  page
    .fact('tool', safe(tool))
    .fact('agent', safe(agent))
    .fact('waiting', `${Math.floor(waitingMs / 1000)} s, in process ${pid}`)
    .fact('arguments', safe(args))
  if (Buffer.byteLength(args) < argsBytes)
    page.fact('', `… the beginning of ${argsBytes.toLocaleString('en-US')} bytes: deedlog show <target> ${call}`)
  return page.value('args root', root).value('intent', intent)
}

function renderAnswer(waiting: Found, answer: Answer, trust: string | undefined, look: Look): string {
  const page = new Page(look).heading(`${answer.verdict === 'approved' ? 'Approved' : 'Rejected'}: ${waiting.call}`)
  addCall(page, waiting).fact('as', safe(answer.by))
  if (trust !== undefined)
    page.fact('signed', 'auditors pin the key with this line of their trust file').line(`  ${safe(trust)}`)
  return page.toString()
}

const callJson = ({ socket: _, ...call }: Found) => call
