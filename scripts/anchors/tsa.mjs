// A time-stamp authority in a process of its own, so that it can be killed: the same root and address when it is back.
import { createPrivateKey } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [dist, state, port] = process.argv.slice(2)
const { TsaServer } = await import(pathToFileURL(`${dist}/testing/index.js`))
const tsa = await TsaServer.start({ port: Number(port), ...(existsSync(state) ? { rootOf: readRoot() } : {}) })
if (!existsSync(state)) writeRoot(tsa.authority.root)
process.stdin.on('data', () => {}).on('end', () => process.exit())
console.log(JSON.stringify({ url: tsa.url, root: Buffer.from(tsa.root).toString('base64') }))

function readRoot() {
  const { der, subject, key } = JSON.parse(readFileSync(state, 'utf8'))
  const bytes = text => new Uint8Array(Buffer.from(text, 'base64'))
  const { kind, hash, info, pem } = key
  return {
    der: bytes(der),
    subject: bytes(subject),
    key: { kind, hash, info: bytes(info), privateKey: createPrivateKey(pem) },
  }
}

function writeRoot({ der, subject, key: { kind, hash, info, privateKey } }) {
  const text = bytes => Buffer.from(bytes).toString('base64')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const root = { der: text(der), subject: text(subject), key: { kind, hash, info: text(info), pem } }
  writeFileSync(state, JSON.stringify(root), { mode: 0o600 })
}
