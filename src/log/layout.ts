import { sha256Hex } from '#crypto'
import { toUtf8 } from '../core/bytes/utf8.js'

/*
 * Where everything lies: `spec/layout.md`. Public and private never share a folder, so that a web server can be given
 * the one without the other; the trust file lies beside both, because it must not come from inside the log.
 */

export type StoreKind = 'files' | 'jsonl'

/** The paths of one log. Absolute when `target` is. */
export interface Layout {
  readonly kind: StoreKind
  /** What the user named: the directory, or the file with one record per line. */
  readonly target: string
  readonly trustFile: string
  /** Format, origin, log id. Written last when a log is made: what has no such file is no log. */
  readonly config: string
  readonly privateFolder: string
  /** Is there while a log is being made. */
  readonly creating: string
  /** Is there while the log is being filled from another one. */
  readonly importing: string
  /** Is there when the log lives on elsewhere; says where. */
  readonly moved: string
  readonly lock: string
  readonly journal: string
  /** Is there while disclosures are being erased; says which. */
  readonly erasing: string
  /** Which disclosures are kept how long, and which calls are held: the document in force, and all that ever were. */
  readonly retention: string
  readonly retentions: string
  /** The newest signed checkpoint, there before anybody else can see it. */
  readonly head: string
  readonly keys: string
  readonly logKey: string
  readonly operatorKey: string
  readonly agentKeys: string
  agentKey(agent: string): string
  /** Where the holder of the lock listens for other processes. */
  readonly socket: string
  /** Folder of a file for each process that has the log open. */
  readonly joined: string
  /** Folder of the files that `rules` records name. */
  readonly rules: string
  /** @param digest  SHA-256 of the file, lowercase hex. */
  ruleFile(digest: string): string
  /** The newest signed checkpoint for all to see. */
  readonly checkpoint: string
  /** Folder of signed notes that records cite, by the hash of the note. */
  readonly notes: string
  /** Folder of what dates checkpoints. */
  readonly anchors: string
  /** Folder of what pruning keeps; undefined where nothing is ever pruned. */
  readonly kept: string | undefined
  /** The folder that may be served; undefined where there is none. */
  readonly publicFolder: string | undefined
}

export function filesLayout(directory: string): Layout {
  const publicFolder = `${directory}/log`
  return {
    kind: 'files',
    target: directory,
    trustFile: `${directory}.trust`,
    config: `${directory}/deedlog.json`,
    checkpoint: `${publicFolder}/checkpoint`,
    notes: `${publicFolder}/notes`,
    anchors: `${publicFolder}/anchors`,
    kept: `${publicFolder}/kept`,
    publicFolder,
    ...privateLayout(`${directory}/private`),
  }
}

export function jsonlLayout(path: string): Layout {
  return {
    kind: 'jsonl',
    target: path,
    trustFile: `${path}.trust`,
    config: `${path}.private/deedlog.json`,
    checkpoint: `${path}.checkpoint`,
    notes: `${path}.notes`,
    anchors: `${path}.anchors`,
    kept: undefined,
    publicFolder: undefined,
    ...privateLayout(`${path}.private`),
  }
}

const privateLayout = (folder: string) => ({
  privateFolder: folder,
  creating: `${folder}/creating`,
  importing: `${folder}/importing`,
  moved: `${folder}/moved`,
  lock: `${folder}/lock`,
  journal: `${folder}/journal`,
  erasing: `${folder}/erasing`,
  retention: `${folder}/retention.json`,
  retentions: `${folder}/retentions`,
  head: `${folder}/head`,
  keys: `${folder}/keys`,
  logKey: `${folder}/keys/log.pem`,
  operatorKey: `${folder}/keys/operator.pem`,
  agentKeys: `${folder}/keys/agents`,
  // An agent id may hold characters that are none of a file name; its hash never does.
  agentKey: (agent: string) => `${folder}/keys/agents/${sha256Hex(toUtf8(agent))}.pem`,
  socket: `${folder}/writer.sock`,
  joined: `${folder}/joined`,
  rules: `${folder}/rules`,
  ruleFile: (digest: string) => `${folder}/rules/${digest}`,
})

/** The name of the journal segment whose first frame begins at record `index`. Names sort as the numbers do. */
export const segmentName = (index: number): string => `${String(index).padStart(INDEX_DIGITS, '0')}.journal`

/** The index in the name of a segment; undefined when the name is none. */
export function parseSegmentName(name: string): number | undefined {
  const digits = /^(\d{16})\.journal$/.exec(name)?.[1]
  const index = Number(digits)
  return digits !== undefined && Number.isSafeInteger(index) ? index : undefined
}

// 2^53-1 has 16 digits.
const INDEX_DIGITS = 16

/** Folders that nobody but the owner may enter, and files that nobody else may read. */
export const PRIVATE_FOLDER_MODE = 0o700
export const PRIVATE_FILE_MODE = 0o600
/** What may be served. The process's umask takes away from these. */
export const PUBLIC_FOLDER_MODE = 0o755
export const PUBLIC_FILE_MODE = 0o644
