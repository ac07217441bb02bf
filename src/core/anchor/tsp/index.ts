/**
 * Time stamps of RFC 3161, with RFC 5652 and RFC 5280 as far as these need them. Pure.
 */
export { CERTIFICATE_BYTES_MAX, type Certificate, parseCertificate } from './certificate.js'
export { asNonce, NONCE_BYTES, timestampRequest } from './request.js'
export { RESPONSE_BYTES_MAX, type Timestamp, verifyTimestamp } from './timestamp.js'
