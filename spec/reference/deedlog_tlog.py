"""The transparency log below Deedlog's records, for deedlog_verify.py: Ed25519, notes, checkpoints, trust files, stores
and the tree, from spec/record.md section 3, spec/tlog.md, spec/trust-file.md, spec/layout.md and C2SP alone.
"""
import hashlib
import os
import re

import deedlog_check as check

BIGGEST = 2**53 - 1


class Unreadable(Exception):
    """Bytes that are not in their format."""


sha256 = check.sha256


# --- Ed25519, record.md section 3: the one rule, quickly --------------------------------------------------------------

P, L, D2 = check.P, check.L, 2 * check.D % check.P


def add(p, q):
    """RFC 8032 section 5.1.4, extended coordinates (X, Y, Z, T)."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = p[3] * D2 * q[3] % P, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(p):
    """RFC 8032 section 5.1.4."""
    a, b, c = p[0] * p[0] % P, p[1] * p[1] % P, 2 * p[2] * p[2]
    h = a + b
    e, g = h - (p[0] + p[1]) ** 2 % P, a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiples(point):
    """0 to 15 times the point."""
    table = [(0, 1, 1, 0), point]
    while len(table) < 16:
        table.append(add(table[-1], point))
    return table


BASE_MULTIPLES = multiples(check.BASE)
NEGATED = {}  # key -> multiples of -A, or None when the key is refused


def usable_key(key):
    """The conditions of section 3 that the key alone has to meet; then the multiples of its negation."""
    if key not in NEGATED:
        y = int.from_bytes(key, "little") & (2**255 - 1)
        refused = len(key) != 32 or y >= P or y in check.SMALL_ORDER
        point = None if refused else check.decode_point(key)
        NEGATED[key] = point and multiples((P - point[0], point[1], 1, P - point[3]))
    return NEGATED[key]


def good_signature(key, message, signature):
    """Whether the encoding of [S]B - [k]A equals R; both products at once, four bits at a time."""
    table = usable_key(key)
    s = int.from_bytes(signature[32:], "little")
    if table is None or len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    sum_ = (0, 1, 1, 0)
    for shift in range(252, -1, -4):
        sum_ = double(double(double(double(sum_))))
        sum_ = add(sum_, BASE_MULTIPLES[s >> shift & 15])
        sum_ = add(sum_, table[k >> shift & 15])
    return check.encode_point(sum_) == signature[:32]


# --- Keys and notes, tlog.md sections 2, 5, 6 and 7 -------------------------------------------------------------------

WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
LOG_KEY, COSIGNER_KEY, ML_DSA_KEY = 1, 4, 6


def decimal(text):
    """ASCII decimal without sign or leading zero, up to 2^53-1."""
    if not re.fullmatch("0|[1-9][0-9]{0,15}", text, re.ASCII) or int(text) > BIGGEST:
        raise Unreadable("no number: %r" % text)
    return int(text)


def base64_bytes(text):
    data = check.bin_bytes(text)
    if data is None:
        raise Unreadable("no base64")
    return data


def refuse_name(name):
    if name == "" or "+" in name or WHITE_SPACE.search(name) or any(ord(c) < 0x20 for c in name):
        raise Unreadable("no key name: %r" % name)


class Key:
    """A vkey of C2SP signed-note."""

    def __init__(self, vkey):
        parts = vkey.split("+", 2)
        if len(parts) != 3 or not re.fullmatch("[0-9a-f]{8}", parts[1]):
            raise Unreadable("no vkey")
        refuse_name(parts[0])
        data = base64_bytes(parts[2])
        if not data or len(data) != {LOG_KEY: 33, COSIGNER_KEY: 33, ML_DSA_KEY: 1313}.get(data[0]):
            raise Unreadable("no key of a known type")
        self.name, self.id, self.type, self.public = parts[0], bytes.fromhex(parts[1]), data[0], data[1:]
        self.text = parts[2]  # as the format `key` of a record has it
        if sha256(self.name.encode("utf-8") + b"\n" + data)[:4] != self.id:
            raise Unreadable("the key ID is not the key's")
        if self.type != ML_DSA_KEY and not usable_key(self.public):
            raise Unreadable("a key that everybody can sign with, or that is no point")


class Note:
    """A C2SP signed note: text, and signature lines as (name, key ID, signature)."""

    def __init__(self, data):
        if len(data) > 2**20:
            raise Unreadable("a note of more than 2^20 bytes")
        try:
            whole = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("no UTF-8")
        if any(c < " " and c != "\n" for c in whole):
            raise Unreadable("a control character")
        body, gap, lines = whole.rpartition("\n\n")
        if not gap or not lines.endswith("\n"):
            raise Unreadable("no note")
        self.text = (body + "\n").encode("utf-8")
        self.lines = [self.signature(line) for line in lines[:-1].split("\n")]
        if len(self.lines) > 100:
            raise Unreadable("more than 100 signatures")

    @staticmethod
    def signature(line):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Unreadable("no signature line")
        refuse_name(parts[1])
        data = base64_bytes(parts[2])
        if len(data) < 5:
            raise Unreadable("no signature")
        return parts[1], data[:4], data[4:]

    def by(self, key):
        """The signatures whose name and key ID are the key's."""
        return [signature for name, key_id, signature in self.lines if name == key.name and key_id == key.id]

    def signed(self, key):
        """None when no line is by this key, else whether all of them are good."""
        lines = self.by(key)
        return all(good_signature(key.public, self.text, line) for line in lines) if lines else None

    def cosigned(self, key):
        """The same for a witness: 8 bytes of time before the signature (C2SP tlog-cosignature)."""
        lines = self.by(key)
        return all(self.good_cosignature(key, line) for line in lines) if lines else None

    def good_cosignature(self, key, line):
        time = int.from_bytes(line[:8], "big")
        message = b"cosignature/v1\ntime %d\n" % time + self.text
        return len(line) == 72 and time <= BIGGEST and good_signature(key.public, message, line[8:])


class Checkpoint(Note):
    """A note with the text of C2SP tlog-checkpoint."""

    def __init__(self, data):
        super().__init__(data)
        lines = self.text.decode("utf-8")[:-1].split("\n")
        if not 3 <= len(lines) <= 100 or "" in lines:
            raise Unreadable("no checkpoint")
        self.origin, self.size, self.root = lines[0], decimal(lines[1]), base64_bytes(lines[2])
        if len(self.root) != 32:
            raise Unreadable("a root that is no SHA-256")


# --- The trust file, trust-file.md and tlog.md section 9 --------------------------------------------------------------


class Trust:
    """What a trust file says. Under --self it is empty."""

    def __init__(self, data=None):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        self.log_id, self.lag, self.operators, self.agents, self.approvers = None, None, [], [], []
        self.chains = set()
        self.given, self.members = data is not None, set()
        if data is not None:
            self.read(data)

    def read(self, data):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("no UTF-8")
        if len(text) > 2**20 or re.search("[\x00-\x08\x0b-\x1f\x7f]", text) or not text.endswith("\n"):
            raise Unreadable("too long, a control character, or a last line without newline")
        lines = text[:-1].split("\n")
        if len(lines) > 10000:
            raise Unreadable("more than 10,000 lines")
        for line in lines:
            fields = line.strip(" \t")
            if fields and not fields.startswith("#"):
                self.line(*re.split("[ \t]+", fields))
        if self.quorum is None:
            raise Unreadable("no quorum")
        if len(self.logs) + len(self.witnesses) + len(self.groups) > 1000:
            raise Unreadable("more than 1,000 logs, witnesses and groups")

    def line(self, word, *rest):
        handlers = {
            "log": (self.log, 1, 2), "witness": (self.witness, 2, 3), "group": (self.group, 3, 10**6),
            "quorum": (self.set_quorum, 1, 1), "log-id": (self.set_log_id, 1, 1), "operator": (self.operator, 1, 1),
            "agent": (self.agent, 1, 3), "approver": (self.approver, 1, 1), "lag": (self.set_lag, 1, 1),
            "tsa": (self.tsa, 2, 3), "chain": (self.chain, 3, 4), "block": (self.block, 2, 2),
        }
        handler, least, most = handlers.get(word, (None, 0, 0))
        if handler is None or not least <= len(rest) <= most:
            raise Unreadable("no line of a trust file: %s" % word)
        handler(*rest)

    @staticmethod
    def key(vkey, *types):
        key = Key(vkey)
        if key.type not in types:
            raise Unreadable("a key of another type than its line wants")
        return key

    def log(self, vkey, url=None):
        key = self.key(vkey, LOG_KEY, ML_DSA_KEY)
        if any(other.public == key.public for other in self.logs):
            raise Unreadable("a log twice")
        self.logs.append(key)

    def define(self, name):
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Unreadable("a name twice, or `none`")

    def witness(self, name, vkey, url=None):
        self.define(name)
        key = self.key(vkey, COSIGNER_KEY, ML_DSA_KEY)
        if any(other.public == key.public for other in self.witnesses.values()):
            raise Unreadable("a witness twice")
        self.witnesses[name] = key

    def group(self, name, threshold, *names):
        self.define(name)
        for member in names:
            if member in self.members or (member not in self.witnesses and member not in self.groups):
                raise Unreadable("a member that is not defined, or twice")
            self.members.add(member)
        least = {"any": 1, "all": len(names)}.get(threshold) or decimal(threshold)
        if not 1 <= least <= len(names):
            raise Unreadable("a threshold out of range")
        self.groups[name] = (least, names)

    def set_quorum(self, name):
        if self.quorum is not None or (name != "none" and name not in self.witnesses and name not in self.groups):
            raise Unreadable("a second quorum, or one that is not defined")
        self.quorum = name

    def set_log_id(self, text):
        if self.log_id is not None or not check.is_hash(text):
            raise Unreadable("a second log id, or none")
        self.log_id = text

    def set_lag(self, seconds):
        if self.lag is not None or decimal(seconds) < 1:
            raise Unreadable("a second lag, or none")
        self.lag = decimal(seconds)

    def operator(self, vkey):
        self.operators.append(self.key(vkey, LOG_KEY))

    def agent(self, vkey, first="0", last=str(BIGGEST)):
        key, first, last = self.key(vkey, LOG_KEY), decimal(first), decimal(last)
        if last < first:
            raise Unreadable("a last index below the first")
        self.agents.append((key, first, last))

    def approver(self, vkey):
        self.approvers.append(self.key(vkey, LOG_KEY))

    @staticmethod
    def tsa(name, certificate, policy="1.2"):
        """Read, so that a file with one can be used; no time stamp is judged here."""
        base64_bytes(certificate)
        if not re.fullmatch(r"[0-2](\.(0|[1-9][0-9]*))+", policy, re.ASCII):
            raise Unreadable("no object identifier")

    def chain(self, name, number, *addresses):
        """Read, as that of a time stamp is; no event of a chain is judged here."""
        if decimal(number) < 1 or name in self.chains or not all(
                re.fullmatch("0x[0-9a-fA-F]{40}", each, re.ASCII) for each in addresses):
            raise Unreadable("no chain")
        self.chains.add(name)

    def block(self, name, digest):
        if name not in self.chains or not re.fullmatch("0x[0-9a-f]{64}", digest, re.ASCII):
            raise Unreadable("no block of a chain")

    def keys_of(self, origin):
        """Log keys of an origin that this verifier can check; those of ML-DSA are passed over."""
        return [key for key in self.logs if key.name == origin and key.type == LOG_KEY]

    def reached(self, name, note):
        """Whether a witness or group has cosigned a note."""
        if name in self.witnesses:
            key = self.witnesses[name]
            return key.type == COSIGNER_KEY and note.cosigned(key) is True
        least, names = self.groups[name]
        return sum(self.reached(member, note) for member in names) >= least

    def times(self, name, note):
        """The times that a witness says in cosignatures, all of which are good; none where one is not."""
        key = self.witnesses[name]
        good = key.type == COSIGNER_KEY and note.cosigned(key)
        return [int.from_bytes(line[:8], "big") for line in note.by(key)] if good else []

    def reached_at(self, name, note):
        """When the last witness that a witness or group needed had signed a note that it reached (report.md, "When")."""
        if name in self.witnesses:
            return min(self.times(name, note))
        least, names = self.groups[name]
        return sorted(self.reached_at(member, note) for member in names if self.reached(member, note))[least - 1]

    def newest(self, name, note):
        """The newest time that a witness of this name or group says in a good cosignature; 0 where there is none."""
        if name in self.groups:
            return max(self.newest(member, note) for member in self.groups[name][1])
        return max(self.times(name, note), default=0)

    def quorum_on(self, note):
        return self.given and self.quorum != "none" and self.reached(self.quorum, note)


# --- Stores: a folder of tlog-tiles, a JSON-lines file ----------------------------------------------------------------


def tile_path(level, index, width):
    """C2SP tlog-tiles: `tile/<level>/x001/x234/067[.p/<width>]`."""
    groups = ["%03d" % (index % 1000)]
    while index >= 1000:
        index //= 1000
        groups.insert(0, "x%03d" % (index % 1000))
    return "tile/%s/%s%s" % (level, "/".join(groups), "" if width == 256 else ".p/%d" % width)


class Store:
    def __init__(self, path, notes, anchors):
        self.path, self.notes, self.anchors = path, notes, anchors
        self.missing, self.unreadable, self.waiting, self.pruned, self.kept_bytes = 0, [], 0, False, None

    def has_anchors(self):
        return os.path.isdir(self.anchors) and len(os.listdir(self.anchors)) > 0

    @staticmethod
    def file(path):
        try:
            with open(path, "rb") as handle:
                return handle.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def note(self, digest):
        """A kept note, by the SHA-256 of its bytes."""
        data = self.file(os.path.join(self.notes, digest))
        return data if data is not None and sha256(data).hex() == digest else None


class Folder(Store):
    """layout.md: C2SP tlog-tiles below one path, and the notes that records cite."""

    tiles = True

    def __init__(self, path):
        super().__init__(path, os.path.join(path, "notes"), os.path.join(path, "anchors"))
        self.checkpoint = self.file(os.path.join(path, "checkpoint"))

    def tile(self, level, index, width):
        """The partial tile that a size has, or the first part of the full one that has taken its place."""
        data = self.file(os.path.join(self.path, tile_path(level, index, width)))
        if data is None and width < 256:
            data = self.file(os.path.join(self.path, tile_path(level, index, 256)))
            if data is not None and level != "entries" and len(data) == 256 * 32:
                data = data[:width * 32]
        return data

    def read(self, size):
        """{index: entry} up to a size that may be anybody's claim: only bundles that are there cost time."""
        entries, here = {}, self.bundles()
        for index in sorted(n for n in here if n * 256 < size):
            width = min(256, size - index * 256)
            data = self.tile("entries", index, width)
            if data is None:
                continue
            found = self.split(data)
            if found is None or len(found) not in (width, 256):
                self.unreadable.append(index * 256)
                continue
            entries.update(enumerate(found[:width], index * 256))
        read = {index // 256 for index in entries} | {first // 256 for first in self.unreadable}
        bundles = (size + 255) // 256
        self.missing = size - sum(min(256, size - n * 256) for n in read)
        first = min(read, default=bundles)
        self.pruned = 0 < first < bundles and len(read) == bundles - first
        self.kept_bytes = self.file(os.path.join(self.path, "kept", "records.jsonl"))
        return entries

    def bundles(self):
        """The indexes of bundles that are there in some width."""
        top, found = os.path.join(self.path, "tile", "entries"), set()
        for folder, folders, names in os.walk(top):
            for name in folders + names:
                relative = os.path.relpath(os.path.join(folder, name), top).replace(os.sep, "/")
                match = re.fullmatch(r"((?:x\d{3}/)*\d{3})(\.p)?", relative, re.ASCII)
                if match:
                    found.add(int(re.sub("[x/]", "", match.group(1))))
        return found

    @staticmethod
    def split(bundle):
        """Entries of a bundle: a big-endian uint16 of length before each, and nothing after the last."""
        found, at = [], 0
        while at < len(bundle):
            length = int.from_bytes(bundle[at:at + 2], "big")
            if at + 2 + length > len(bundle):
                return None
            found.append(bundle[at + 2:at + 2 + length])
            at += 2 + length
        return found


class Lines(Store):
    """layout.md: a file with one record and one newline per entry; checkpoint and cited notes lie beside it."""

    tiles = False

    def __init__(self, path):
        super().__init__(path, path + ".notes", path + ".anchors")
        self.checkpoint = self.file(path + ".checkpoint")

    def read(self, size):
        lines = self.file(self.path).split(b"\n")[:-1]  # what no newline ends is no line
        self.missing, self.waiting = max(0, size - len(lines)), max(0, len(lines) - size)
        return dict(enumerate(lines[:size]))


def open_store(path):
    if os.path.isfile(path):
        return Lines(path)
    for folder in (path, os.path.join(path, "log")):
        if any(os.path.exists(os.path.join(folder, name)) for name in ("checkpoint", "tile")):
            return Folder(folder)
    raise Unreadable("no log at %s" % path)


def inside(trust_path, target):
    """trust-file.md: a trust file inside its target, the whole log, counts as none. Hard links are not seen."""
    target = os.path.realpath(target)
    lines = os.path.isfile(target)
    # `<dir>/log` stands for `<dir>`; a log that happens to be called "log" has a log/ of its own.
    public = not lines and os.path.basename(target) == "log" and not os.path.isdir(os.path.join(target, "log"))
    whole = os.path.dirname(target) if public else target
    for trust in (os.path.abspath(trust_path), os.path.realpath(trust_path)):
        if trust == whole or (trust.startswith(whole + ("." if lines else os.sep)) and trust != whole + ".trust"):
            return True
    return False


# --- The tree, RFC 6962 section 2.1 -----------------------------------------------------------------------------------


class Tree:
    """All perfect subtrees: levels[h][i] is the hash over leaves i*2^h to (i+1)*2^h-1."""

    def __init__(self, leaves):
        self.levels = [leaves]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([sha256(b"\x01" + a + b) for a, b in zip(below[::2], below[1::2])])

    def root(self, size):
        """The root that the tree had at a size not above its own."""
        root, at = None, size
        for height in range(size.bit_length()):
            if size >> height & 1:
                at -= 1 << height
                node = self.levels[height][at >> height]
                root = node if root is None else sha256(b"\x01" + node + root)
        return sha256(b"") if root is None else root

    def tiles(self):
        """(level, index, width, bytes) of every tile of this tree."""
        for level in range(0, 64):
            hashes = self.levels[8 * level] if 8 * level < len(self.levels) else []
            if not hashes:
                return
            for first in range(0, len(hashes), 256):
                part = hashes[first:first + 256]
                yield level, first // 256, len(part), b"".join(part)
