"""Files that show a tree in parts, for deedlog_verify.py: bundles (spec/bundle.md) and what pruning keeps (spec/kept.md)."""
import deedlog_check as check
from deedlog_records import Hidden
from deedlog_tlog import Checkpoint, Key, Note, Unreadable, sha256

BUNDLE_START = b'{"deedlog":"bundle/'


class PartTree:
    """RFC 6962 section 2.1 over leaf hashes and subtree hashes, as they come; the roots at sizes where a line ended."""

    def __init__(self):
        self.size, self.stack, self.at = 0, (), {0: ()}

    def append(self, level, digest):
        self.size += 1 << level
        stack = list(self.stack)
        while stack and stack[-1][0] == level:
            digest = sha256(b"\x01" + stack.pop()[1] + digest)
            level += 1
        self.stack = self.at[self.size] = (*stack, (level, digest))

    def root(self, size):
        """None where a size is hidden in a subtree."""
        if size not in self.at:
            return None
        root = None
        for _, digest in reversed(self.at[size]):
            root = digest if root is None else sha256(b"\x01" + digest + root)
        return sha256(b"") if root is None else root


class Lines:
    """Lines of JSON, one after the other, the last of which closes the others (bundle.md section 1, kept.md section 2)."""

    def __init__(self, data, most_bytes, most_lines):
        if len(data) > most_bytes or not data.endswith(b"\n"):
            raise Unreadable("too long, or a last line without newline")
        lines = data[:-1].split(b"\n")
        if len(lines) > most_lines or len(lines) < 2:
            raise Unreadable("too many lines, or too few")
        self.values, self.at = [self.line(line) for line in lines], 0
        end = self.values.pop()
        whole = {"end": {"lines": len(lines) - 1, "sha256": sha256(data[:len(data) - len(lines[-1]) - 1]).hex()}}
        if check.canonical(end) != check.canonical(whole):
            raise Unreadable("its end is not here, or closes something else")

    @staticmethod
    def line(data):
        try:
            value = check.parse(data, False, 198)
        except check.Malformed as error:
            raise Unreadable("a line that is no canonical JSON: %s" % error)
        if not isinstance(value, dict):
            raise Unreadable("a line that is no object")
        return value

    def next(self, *names):
        """The next line, when it has a member of the first name; then exactly these, but for those with `?`."""
        if self.at == len(self.values) or names[0] not in self.values[self.at]:
            return None
        line, must = self.values[self.at], {name for name in names if not name.endswith("?")}
        if not must <= set(line) <= {name.rstrip("?") for name in names}:
            raise Unreadable("a line whose members are not those of its kind")
        self.at += 1
        return line

    def each(self, *names, key=check.canonical):
        """All following lines of one kind, ascending."""
        found, keys = [], []
        while (line := self.next(*names)) is not None:
            found.append(line)
            keys.append(check.utf16(key(line)) if key is check.canonical else key(line))
        if any(a >= b for a, b in zip(keys, keys[1:])):
            raise Unreadable("lines of one kind that do not ascend")
        return found

    def tree(self, size):
        """(entries by index, hidden entries, tree): bundle.md section 2. `size` None: up to wherever it goes."""
        entries, hidden, tree = {}, [], PartTree()
        while self.at < len(self.values) and "index" in self.values[self.at] and "disclosure" not in self.values[self.at]:
            line = self.values[self.at]
            self.at += 1
            if line["index"] != tree.size or not check.is_int(line["index"]):
                raise Unreadable("a part of the tree that is not where the one before it ended")
            if set(line) == {"hash", "index", "level"}:
                level, first = line["level"], tree.size
                if not check.is_hash(line["hash"]) or not check.is_int(level) or level > 52 or first % (1 << level):
                    raise Unreadable("no perfect subtree")
                tree.append(level, bytes.fromhex(line["hash"]))
                hidden.append((first, tree.size))
            else:
                entries[tree.size] = data = self.entry(line)
                tree.append(0, sha256(b"\x00" + data))
        if 0 not in entries or (size is not None and tree.size != size) or not check.is_int(tree.size):
            raise Unreadable("entry 0 is not shown, or the parts are not the whole tree")
        return entries, Hidden(hidden), tree

    @staticmethod
    def entry(line):
        """A record stands as such, anything else as bytes: one form, never the other."""
        if set(line) == {"index", "record"} and is_record(check.C(line["record"])):
            return check.C(line["record"])
        data = check.bin_bytes(line["entry"]) if set(line) == {"entry", "index"} else None
        if data is None or len(data) > 65535 or is_record(data):
            raise Unreadable("a part of the tree in no form that it may have")
        return data

    def finished(self):
        if self.at != len(self.values):
            raise Unreadable("a line of no kind, or behind one that it belongs before")


def is_record(data):
    try:
        check.parse_record(data)
    except check.Malformed:
        return False
    return True


def list_of(most, good):
    return check.list_of(most, good, lambda item: item)


class Query:
    """bundle.md section 3: whether a call was asked for."""

    def __init__(self, query):
        names = set(query) if isinstance(query, dict) else set()
        self.whole, self.calls, self.sessions = query, [], []
        times = {name: check.is_time for name in ("since", "until")}
        kinds = {"all": check.flag, "calls": list_of(1000, check.is_id), "sessions": list_of(1000, check.is_id)}
        one = len(names) == 1 and names <= set(kinds)
        if not (one or (names and names <= set(times))) or not all({**kinds, **times}[n](query[n]) for n in names):
            raise Unreadable("no query")
        self.calls, self.sessions = query.get("calls", []), query.get("sessions", [])

    def asks(self, entry):
        record, query = entry.record, self.whole
        if "calls" in query:
            return record["call"] in self.calls
        if "sessions" in query:
            return record.get("session", {}).get("id") in self.sessions
        return query.get("since", "") <= record["time"] <= query.get("until", "~")


class Bundle:
    """A bundle as a store: what deedlog_tlog.Folder is for a folder."""

    tiles, notes_unasked, missing, unreadable, waiting, pruned = False, True, 0, [], 0, False

    def __init__(self, path, data):
        self.path = path
        lines = Lines(data, 2**26, 2**20)
        header = lines.next("deedlog", "query", "keys?", "made?") or {}
        if header.get("deedlog") != "bundle/1":
            raise Unreadable("no bundle of a version that is known")
        self.query = Query(header["query"])
        self.keys = self.read_keys(header)
        if not check.is_time(header.get("made", "2000-01-01T00:00:00.000Z")):
            raise Unreadable("`made` is no time")
        self.checkpoint = self.note_bytes(lines.next("checkpoint"), "checkpoint")
        size = Checkpoint(self.checkpoint).size
        if size == 0:
            raise Unreadable("a checkpoint of nothing")
        self.notes = [self.note_bytes(line, "note") for line in lines.each("note")]
        self.anchors = [self.anchor(line["anchor"]) for line in lines.each("anchor")]
        self.entries, self.hidden, self.tree = lines.tree(size)
        self.files = [self.file(line) for line in lines.each("file")]
        key = lambda line: (line["index"], check.utf16(line["path"]))  # noqa: E731
        self.disclosures = lines.each("disclosure", "index", "path", key=lambda line: self.disclosure(line) and key(line))
        lines.finished()

    @staticmethod
    def read_keys(header):
        if "keys" not in header:
            return []
        if not list_of(8, lambda item: isinstance(item, str))(header["keys"]):
            raise Unreadable("keys that are no ascending list")
        return [Key(text) for text in header["keys"]]

    @staticmethod
    def note_bytes(line, name):
        if line is None or not isinstance(line[name], str):
            raise Unreadable("no %s where one has to be" % name)
        data = line[name].encode("utf-8")
        Note(data)
        return data

    @staticmethod
    def anchor(value):
        members = dict(evidence=lambda v: check.bin_bytes(v) is not None, kind=check.is_word, root=check.is_hash, size=check.is_int)
        if not isinstance(value, dict) or set(value) != set(members) or not all(members[n](value[n]) for n in members):
            raise Unreadable("no anchor")
        if len(check.bin_bytes(value["evidence"])) > 65536:
            raise Unreadable("evidence of an anchor that is too long")
        return value

    @staticmethod
    def file(line):
        data = check.bin_bytes(line["file"])
        if data is None:
            raise Unreadable("a file that is no base64")
        return sha256(data).hex()

    @staticmethod
    def disclosure(line):
        """bundle.md section 1: the format of the line; what it proves is another question."""
        if not check.is_int(line["index"]) or not check.is_text(line["path"]):
            raise Unreadable("a disclosure of no place")
        return True

    def read(self, size):
        return self.entries

    def note(self, digest):
        return next((note for note in self.notes if sha256(note).hex() == digest), None)


class Kept:
    """What pruning keeps below an index (kept.md section 2)."""

    def __init__(self, data):
        lines = Lines(data, 2**28, 2**21)
        first = lines.next("deedlog", "below", "notes") or {}
        below, notes = first.get("below"), first.get("notes")
        good = first.get("deedlog") == "kept/1" and check.is_int(below) and below > 0 and below % 256 == 0
        if not good or not (notes == [] or list_of(16, check.is_hash)(notes)):
            raise Unreadable("no kept records of a version that is known")
        self.below, self.notes = below, notes
        self.entries, self.hidden, self.tree = lines.tree(below)
        lines.finished()
