import { createPrivateKey, createPublicKey, hash, randomBytes, sign } from 'node:crypto'

/*
 * Streams of calls as a recorder writes them, made without one: an intent, then its outcome, every record of 600 bytes,
 * the last of each batch signed. Written out by hand, because making a million of them should not take a minute.
 */

export const RECORD_BYTES = 600
const LABEL = Buffer.from('deedlog/v1 record\n')
// spec/record.md §2 lets a stream have 2^20 records.
const STREAM_RECORDS_MAX = 2 ** 17

/**
 * Batches of `size` records each, `count` records in all, for `lanes` streams side by side.
 * @param ref  the log that the streams are for: `{ id, origin }`
 */
export function* batchesOf({ ref, count, lanes, size }) {
  const streams = []
  for (let made = 0, lane = 0; made < count; lane = (lane + 1) % lanes) {
    if (!streams[lane] || streams[lane].seq >= STREAM_RECORDS_MAX) {
      if (streams[lane]) yield { lane, records: [streams[lane].end()] }
      streams[lane] = new CallStream(ref)
      yield { lane, records: [streams[lane].start] }
    }
    const records = streams[lane].batch(Math.min(size, count - made))
    made += records.length
    yield { lane, records }
  }
}

export class CallStream {
  seq = 0
  start
  #id
  #prev
  #key
  #calls = 0
  #open

  /** @param keys  of the stream's identity and of its records; default: made for it */
  constructor({ id, origin }, [identity, key] = [newKey(), newKey()]) {
    this.#key = key
    const time = now()
    const text = sig =>
      `{"agent":{"id":"did:example:bench"},"identity":"${identity.text}","key":"${this.#key.text}",` +
      `"logs":[{"id":"${id}","origin":"${origin}"}],"recorder":{"name":"bench","version":"1"},"role":"agent",` +
      `"seq":0,${sig}"time":"${time}","type":"stream.start","v":1}`
    this.start = Buffer.from(signed(text, identity))
    this.#id = leafOf(this.start)
    this.#prev = this.#id
  }

  batch(size) {
    const records = []
    for (let i = 0; i < size; i++) records.push(this.#record(i === size - 1))
    return records
  }

  end() {
    const pending = this.#open ? 1 : 0
    const time = now()
    return this.#add(
      sig =>
        `{"calls":${this.#calls},"pending":${pending},"prev":"${this.#prev}","seq":${this.seq},${sig}` +
        `"stream":"${this.#id}","time":"${time}","type":"stream.end","v":1}`,
      true,
    )
  }

  #record(last) {
    const commitment = `{"root":"${randomBytes(32).toString('hex')}","scheme":"f1","size":256}`
    const open = this.#open
    const time = now()
    if (open) {
      this.#open = undefined
      return this.#padded(
        pad => sig =>
          `{"call":"${open.call}",${pad}"executed":"yes","intent":"${open.leaf}","output":${commitment},` +
          `"prev":"${this.#prev}","seq":${this.seq},${sig}"status":"succeeded","stream":"${this.#id}",` +
          `"time":"${time}","type":"outcome","v":1}`,
        last,
      )
    }
    const call = ulid()
    const record = this.#padded(
      pad => sig =>
        `{"args":${commitment},"call":"${call}",${pad}"decision":{"verdict":"allow"},"prev":"${this.#prev}",` +
        `"seq":${this.seq},${sig}"stream":"${this.#id}","time":"${time}","tool":{"name":"refund"},"type":"intent","v":1}`,
      last,
    )
    this.#calls++
    this.#open = { call, leaf: this.#prev }
    return record
  }

  #padded(text, last) {
    this.seq++
    const member = length => `"com.example.pad":"${'x'.repeat(length)}",`
    // A signature has 88 characters, and its member's name and punctuation nine.
    const bare = text(member(0))('').length + (last ? 88 + 9 : 0)
    return this.#write(text(member(RECORD_BYTES - bare)), last)
  }

  #add(text, last) {
    this.seq++
    return this.#write(text, last)
  }

  #write(text, last) {
    const record = Buffer.from(last ? signed(text, this.#key) : text(''))
    this.#prev = leafOf(record)
    return record
  }
}

const signed = (text, key) => {
  const message = Buffer.concat([LABEL, hash('sha256', text(''), 'buffer')])
  return text(`"sig":"${Buffer.from(key.sign(message)).toString('base64')}",`)
}

/** A key of a log's own signer, as a recorder in the log's process has it. */
export const keyOf = signer => ({ text: textOf(signer.publicKey), sign: message => signer.sign(message) })

const leafOf = record => hash('sha256', Buffer.concat([Buffer.of(0), record]), 'hex')

function newKey() {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), randomBytes(32)])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const raw = Buffer.from(createPublicKey(secret).export({ format: 'jwk' }).x, 'base64url')
  return { text: textOf(raw), sign: message => sign(null, message, secret) }
}

const textOf = publicKey => Buffer.concat([Buffer.of(1), publicKey]).toString('base64')

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
let pool = Buffer.alloc(0)

function ulid() {
  if (pool.length < 26) pool = randomBytes(26 * 256)
  let text = '0'
  for (let i = 1; i < 26; i++) text += DIGITS[pool[i] & 31]
  pool = pool.subarray(26)
  return text
}

const now = () => new Date().toISOString()
