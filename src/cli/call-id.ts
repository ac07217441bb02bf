/** What somebody typed for a call: an id is upper case, and people who type one need not be. */
export const callId = (typed: string): string => (/^[0-9a-z]{26}$/i.test(typed) ? typed.toUpperCase() : typed)
