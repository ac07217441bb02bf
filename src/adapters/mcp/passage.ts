import type { Message } from './message.js'

/** What is to be done with what a client sent. */
export type Passage =
  | Passed
  /** Somebody is being asked. What comes behind it need not wait. */
  | { readonly pass: 'later'; readonly passage: Promise<Passed> }

export type Passed =
  /** Forward the bytes as they are; `sent` is to be called right before, or `withdraw` when that is not to be after all. */
  | {
      readonly pass: true
      readonly sent: () => void
      readonly withdraw?: () => Promise<void>
      /** Leaf hash of the intent, where the message is one call. */
      readonly intent?: string
    }
  /** Do not forward it; send this back, if anything. */
  | { readonly pass: false; readonly answer?: Message | readonly Message[] }
