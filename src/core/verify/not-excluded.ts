/**
 * What no verification of a log can exclude, said in every report, also the best one: what is not written here, a
 * reader would take as proved.
 *
 * @see spec/report.md, "What is not excluded"
 */
export const NOT_EXCLUDED: readonly { readonly code: string; readonly text: string }[] = [
  { code: 'unrecorded', text: 'A call that never reached the recorder, or that went to another log.' },
  { code: 'made-up', text: 'Values that the recorder or the tool made up.' },
  {
    code: 'rewritten-before',
    text: 'A history that was written, or chosen among several, before its first cosignature.',
  },
  {
    code: 'intent-after',
    text: 'An intent that was written after its tool had run, unless a witnessed checkpoint that it cites lies between.',
  },
  { code: 'unseen-tail', text: 'A tail that no witness has seen, removed or replaced.' },
  { code: 'staged-crash', text: 'A crash that was staged to turn an outcome into `unknown`.' },
  { code: 'approval-unsigned', text: 'An approval without the approver’s own signature, made up by the recorder.' },
  { code: 'keys-in-one-hand', text: 'Agent, operator and log keys held by one hand.' },
  { code: 'withheld', text: 'Disclosures that are withheld or erased, and entries pruned as promised.' },
  { code: 'collusion', text: 'A quorum of witnesses that colludes.' },
]

/** What else a bundle cannot exclude. */
export const NOT_EXCLUDED_OF_BUNDLE: typeof NOT_EXCLUDED = [
  {
    code: 'left-out',
    text: 'What whoever made this bundle left out: another outcome, a review or a settlement of these calls, other calls, a loss, and a key record that withdraws a key or says that it was in other hands.',
  },
  { code: 'later', text: 'Whatever was recorded after the checkpoint in this bundle.' },
]
