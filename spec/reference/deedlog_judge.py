"""Steps 1 to 7 of "How a verifier goes about it" in spec/report.md, of logs, bundles and logs that were pruned."""
import time

from deedlog_bundle import Shown
from deedlog_findings import Findings, severity
from deedlog_fold import Fold
from deedlog_parts import Bundle, Kept
from deedlog_records import Entry, Hidden, Stream, signed_by
from deedlog_tlog import COSIGNER_KEY, LOG_KEY, ML_DSA_KEY, Checkpoint, Tree, Unreadable, sha256


class Verifier:
    """`held`: bytes of checkpoints that the auditor has from elsewhere; `now`: seconds since 1970."""

    def __init__(self, store, trust, supplied=False, held=(), now=None):
        self.store, self.trust, self.findings = store, trust, Findings()
        self.held, self.now = held, time.time() if now is None else now
        self.checkpoint, self.log, self.tree, self.fold, self.pruned = None, None, None, None, None
        self.entries, self.streams, self.malformed, self.unknown = [], {}, [], []
        self.hidden, self.notes, self.whole, self.witnessed = Hidden(), [], False, None
        self.bundle = store if isinstance(store, Bundle) else None
        if supplied:
            self.findings.add("trust.supplied")
        if self.bundle and not trust.given:
            trust.logs = self.bundle.keys  # all that a reader has who brings no trust file

    def run(self):
        if self.read_checkpoint():
            self.signatures()
            self.read_entries()
            self.log_record()
            self.attribute()
            self.fold = Fold(self.log, self.streams, self.trust, self.findings, self.hidden, self.asked())
            self.fold.run()
            self.suspects()
            self.cited()
            self.quorum()
            self.judge_pruning()
        self.compare_held()
        if self.bundle:
            self.shown = Shown(self)
        return self.report()

    def asked(self):
        """Which calls are judged: bundle.md section 3, kept.md section 4."""
        if self.bundle:
            return self.bundle.query.asks
        below = self.pruned.below if self.pruned else 0
        return lambda entry: entry.index >= below

    # Step 1: the checkpoint

    def read_checkpoint(self):
        if self.store.checkpoint is None:
            self.findings.add("checkpoint.missing")
            return False
        try:
            self.checkpoint = Checkpoint(self.store.checkpoint)
        except Unreadable:
            self.findings.add("checkpoint.malformed")
            return False
        if self.checkpoint.size == 0:
            self.findings.add("checkpoint.empty")
        return True

    def signatures(self):
        """tlog.md section 5, "Who signed": every line of a known key counts, and a bad one refuses the note."""
        if not self.trust.given and not self.trust.logs:
            return
        keys = self.trust.keys_of(self.checkpoint.origin)
        signed = [self.checkpoint.signed(key) for key in keys]
        others = [self.checkpoint.signed(key) for key in self.trust.logs if key.type == LOG_KEY and key not in keys]
        if not keys and self.trust.given:
            self.findings.add("trust.other-log")
        if False in signed + others:
            self.findings.add("checkpoint.signature")
        elif keys and True not in signed:
            self.findings.add("checkpoint.unsigned")
        cosigners = [key for key in self.trust.witnesses.values() if key.type == COSIGNER_KEY]
        if any(self.checkpoint.cosigned(key) is False for key in cosigners):
            self.findings.add("cosignature.bad")

    def quorum(self):
        """The largest checkpoint that the quorum has cosigned: this one, or an earlier one whose note is here."""
        if not self.trust.given:
            return
        seen = []
        if self.trust.quorum_on(self.checkpoint):
            seen = [self.checkpoint]
        elif self.trust.quorum != "none":
            seen = [note for note in self.notes if self.ours(note) and self.trust.quorum_on(note)]
            seen = [note for note in seen if self.of_this_tree(note)]
            if not seen:
                self.findings.add("checkpoint.quorum")
        self.witnessed = max((note.size for note in seen), default=None)
        newest = max((self.trust.newest(self.trust.quorum, note) for note in seen), default=0)
        if self.trust.lag and newest < self.now - self.trust.lag:
            self.findings.add("checkpoint.stale")

    def ours(self, note):
        """Whether a note bears the log's own good signature, and no bad one of a known log key."""
        keys = self.trust.keys_of(self.checkpoint.origin)
        refused = any(note.signed(key) is False for key in self.trust.logs if key.type == LOG_KEY)
        return note.origin == self.checkpoint.origin and any(note.signed(key) for key in keys) and not refused

    def root_at(self, size):
        """The root that this tree had at a size; None where that is not known."""
        return self.tree.root(size) if self.tree is not None and size <= self.checkpoint.size else None

    def of_this_tree(self, note):
        return self.root_at(note.size) == note.root

    def against(self, note):
        """What a note that the log signed proves, or None. Only records that hash to the signed root can show a fork."""
        root = self.root_at(note.size)
        if note.size > self.checkpoint.size:
            return None if self.bundle else "log.rolled-back"
        return "log.forked" if self.whole and root is not None and root != note.root else None

    # Step 2: the tree

    def read_entries(self):
        size, store = self.checkpoint.size, self.store
        found = store.read(size)
        if self.bundle:
            self.hidden, self.tree = store.hidden, store.tree
        elif store.pruned:
            self.read_kept(found)
        if store.missing and not self.pruned:
            self.findings.add("entries.pruned-not-permitted" if store.pruned else "entries.missing")
        self.findings.all("entries.unreadable", store.unreadable)
        if self.hidden.total == 0 and not self.pruned:
            first_gap = next((index for index in range(len(found)) if index not in found), len(found))
            found = {index: found[index] for index in range(first_gap)}  # Choice: nothing above a gap is read
        self.entries = [Entry(index, found[index]) for index in sorted(found)]
        if self.tree is None and len(found) == size and not self.pruned:
            self.tree = Tree([bytes.fromhex(entry.leaf) for entry in self.entries])
        if self.tree is None:
            return
        self.whole = self.tree.root(size) == self.checkpoint.root
        if self.whole:
            self.compare_tiles()
        else:
            self.findings.add("root.mismatch")
            self.name_altered(size)

    def read_kept(self, found):
        """kept.md: what lies below m in its place; `found` becomes the entries that are here."""
        try:
            kept = Kept(self.store.kept_bytes or b"")
        except Unreadable:
            return
        if kept.below > self.checkpoint.size:
            return
        above = range(kept.below, self.checkpoint.size)
        if any(index not in found for index in above):
            self.findings.add("entries.missing")
            return
        self.pruned, self.hidden, self.tree = kept, kept.hidden, kept.tree
        for index in above:
            self.tree.append(0, sha256(b"\x00" + found[index]))
        for index in [index for index in found if index < kept.below]:
            del found[index]
        found.update(kept.entries)

    def compare_tiles(self):
        whole = self.store.tiles and not self.pruned  # Choice: of a log that was pruned, tiles are not compared
        for level, index, width, expected in self.tree.tiles() if whole else []:
            data = self.store.tile(level, index, width)
            if data is None:
                self.findings.add("tile.missing", level)
            elif data != expected:
                self.findings.add("tile.altered", level)

    def name_altered(self, size):
        """Where the tiles hash to the signed root, entries that differ from them are named."""
        if not self.store.tiles or self.pruned:
            return
        tiles = [self.store.tile(0, first // 256, min(256, size - first)) for first in range(0, size, 256)]
        data = b"".join(tile or b"" for tile in tiles)
        leaves = [data[at:at + 32] for at in range(0, len(data), 32)]
        if len(data) == 32 * size and Tree(leaves).root(size) == self.checkpoint.root:
            pairs = zip(self.entries, leaves)
            self.findings.all("entry.altered", [entry.index for entry, leaf in pairs if entry.leaf != leaf.hex()])

    def suspects(self):
        """Without tiles: the records that their neighbours or signatures contradict."""
        if "root.mismatch" in self.findings.indexes and "entry.altered" not in self.findings.indexes:
            unsigned = [0] if "log.record" in self.findings.indexes else []
            strays = self.findings.indexes.get("record.stray", [])
            self.findings.all("entry.suspect", sorted({*unsigned, *strays, *self.malformed}))

    # Step 3: the log record

    def log_record(self):
        first = self.entries[0] if self.entries and self.entries[0].index == 0 else None
        if first is None:
            return
        if self.trust.log_id and first.leaf != self.trust.log_id:
            self.findings.add("log.id", 0)
        if first.type != "log" or not first.understood:
            self.findings.add("log.record-missing", 0)
            return
        self.log = first
        operators = first.record["operators"]
        if not signed_by(first.record, operators[0]):
            self.findings.add("log.record", 0)
        if first.record["origin"] != self.checkpoint.origin:
            self.findings.add("log.origin", 0)
        listed = {key.text for key in self.trust.operators}
        if listed and not set(operators) <= listed:
            self.findings.add("log.operator", 0)

    # Step 4: attribution

    def attribute(self):
        """Sorts entries into streams; copies, and what belongs to none, are counted on the way."""
        seen, members = set(), {}
        for entry in self.entries:
            if entry.record is None:
                self.malformed.append(entry.index)
                continue
            if entry.leaf in seen:
                self.findings.add("record.copied", entry.index)
                continue
            seen.add(entry.leaf)
            if not entry.understood and not entry.stream:
                self.unknown.append(entry.index)
            if entry.stream:
                members.setdefault(entry.stream, []).append(entry)
            elif entry.type == "log" and entry.understood and entry.index > 0:
                self.findings.add("log.record-misplaced", entry.index)
        self.streams = {stream_id: Stream(stream_id, entries, self.hidden) for stream_id, entries in members.items()}
        for stream in self.streams.values():
            lost = stream.entries if stream.unknown_start else stream.not_understood()
            self.unknown += [entry.index for entry in lost]
        self.findings.all("entry.malformed", self.malformed)
        self.findings.all("record.not-understood", self.unknown)

    # Step 6: cited checkpoints

    def cited(self):
        """Each `after` of this origin against the root that this tree had; a kept note of the log's own is proof."""
        notes = {}
        records = [e for s in self.streams.values() if s.good and s.counts for e in s.good if e.understood]
        for entry in sorted(records, key=lambda one: one.index):
            after = entry.record.get("after")
            if not after or after["origin"] != self.checkpoint.origin or self.tree is None:
                continue
            note = notes[after["note"]] = notes.get(after["note"]) or self.kept_note(after["note"])
            root = self.root_at(after["size"])
            if after["size"] <= entry.index and (root is None or root.hex() == after["root"]):
                continue
            proof = self.against(note) if note and self.whole and self.ours(note) else None
            self.findings.add(proof or "after.disputed", entry.index)
        for digest in self.pruned.notes if self.pruned else []:
            notes[digest] = self.kept_note(digest)
        for data in self.bundle.notes if self.bundle else []:
            notes[sha256(data).hex()] = note = self.as_checkpoint(data)
            if note and self.ours(note) and self.against(note):
                self.findings.add(self.against(note))
        self.notes = [note for note in notes.values() if note]

    def kept_note(self, digest):
        data = self.store.note(digest)
        return data and self.as_checkpoint(data)

    @staticmethod
    def as_checkpoint(data):
        try:
            return Checkpoint(data)
        except Unreadable:
            return None

    # Step 7: checkpoints that the auditor holds

    def compare_held(self):
        for data in self.held:
            note = self.as_checkpoint(data)
            if note is None or self.checkpoint is None or not self.ours(note):
                self.findings.add("held.unusable")
            elif self.against(note):
                self.findings.add(self.against(note))
            elif not self.of_this_tree(note) and (self.whole or self.bundle):
                self.findings.add("held.unusable")

    # Pruning, kept.md section 4

    def judge_pruning(self):
        if self.pruned and self.whole:
            self.findings.add(self.pruning())

    def pruning(self):
        below = self.pruned.below
        lacks = 0
        for stream in self.streams.values():
            if not stream.good:
                continue
            if stream.start.index < below <= max(entry.index for entry in stream.good):
                return "entries.pruned-not-permitted"
            if stream.lacks and (stream.foreign or stream.role != "agent"):
                return "entries.pruned-not-permitted"
            lacks += stream.lacks
        promise = self.log.record.get("retention") if self.log else None
        if promise is None or lacks != self.hidden.total:
            return "entries.pruned-not-permitted"
        notes = [self.checkpoint] + [note for note in self.notes if self.ours(note)]
        notes = [note for note in notes if note.size >= below and self.of_this_tree(note) and self.trust.quorum_on(note)]
        times = [self.trust.reached_at(self.trust.quorum, note) for note in notes]
        if not times:
            return "entries.pruned"
        over = min(times) + promise["days"] * 86400 <= self.now
        return "entries.pruned-as-promised" if over else "entries.pruned-not-permitted"

    # The report

    def evidence(self):
        found, codes = self.findings.severities("evidence"), self.findings.indexes
        if "against" in found:
            if "log.forked" in codes:
                return "forked"
            if "log.rolled-back" in codes:
                return "rolled back"
            against = {code for code in codes if severity(code) == "against"}
            return "pruned, not permitted" if against == {"entries.pruned-not-permitted"} else "altered"
        if "unknown" in found:
            return "could not check"
        return "self-consistent" if self.witnessed is None else "intact"

    def answer(self, area_, good):
        """Completeness or conduct: `could not check`, `exceptions`, or the good word."""
        unread = not self.whole or "against" in self.findings.severities("evidence")
        found = self.findings.severities(area_)
        if area_ == "conduct" and "bundle.not-shown" in self.findings.indexes:
            return "could not check"
        if unread or "unknown" in found:
            return "could not check"
        if "exception" in found:
            return "exceptions"
        return "no exceptions in what is shown" if self.hidden.total else good

    def report(self):
        calls = [call for call in self.fold.calls.values() if call.asked] if self.fold else []
        checkpoint, fold = self.checkpoint, self.fold
        return {
            "format": "deedlog/report/v1",
            "exitCode": self.findings.exit_code(),
            "origin": checkpoint and checkpoint.origin,
            "logId": self.log and self.log.leaf,
            "size": checkpoint and checkpoint.size,
            "root": checkpoint and checkpoint.root.hex(),
            "evidence": {
                "verdict": self.evidence(), "witnessedTo": self.witnessed, "records": len(self.entries),
                "awaitingCheckpoint": self.store.waiting,
            },
            "completeness": {
                "verdict": self.answer("completeness", "complete as far as recorded"),
                "streams": [self.stream_line(stream) for stream in self.streams.values() if stream.good],
                "sessions": {
                    "total": len(fold.sessions) if fold else 0,
                    "ended": sum(s["end"] is not None for s in fold.sessions.values()) if fold else 0,
                    "gaps": fold.gaps if fold else 0,
                },
                "strays": len(self.findings.indexes.get("record.stray", [])),
                "notUnderstood": len(self.unknown),
                "malformed": len(self.malformed),
                "outcomes": outcomes(calls),
                "losses": {"records": fold.losses if fold else 0, "counted": fold.counted_losses if fold else 0},
            },
            "conduct": {
                "verdict": self.answer("conduct", "no exceptions"),
                "calls": len(calls),
                "byVerdict": tally(call.verdict for call in calls),
                "byStatus": tally(call.status() for call in calls),
                "byTool": tally(call.record["tool"]["name"] for call in calls),
            },
            **({"bundle": self.shown.line()} if self.bundle else {}),
            "notChecked": self.not_checked(),
            "findings": self.findings.lines(),
        }

    def not_checked(self):
        """What this verifier cannot read, by name: neither RFC 3161 nor ML-DSA-44 is in the standard library."""
        keys = [*self.trust.logs, *self.trust.witnesses.values()]
        anchors = self.bundle.anchors if self.bundle else self.store.has_anchors()
        return [
            *(["anchors: their evidence dates nothing here"] if anchors else []),
            *(["signatures of ML-DSA-44"] if any(key.type == ML_DSA_KEY for key in keys) else []),
        ]

    def stream_line(self, stream):
        return {
            "id": stream.id, "agent": stream.agent, "role": stream.role, "state": stream.state(),
            "identity": stream.identity, "first": stream.start.index, "records": len(stream.good),
            "calls": sum(call.stream is stream for call in self.fold.calls.values()),
            **({"notShown": stream.lacks} if self.hidden.total else {}),
        }


def outcomes(calls):
    """Four numbers that add up to the calls (report.md), and a fifth for those of which no outcome is shown."""
    counts = {"final": 0, "provisional": 0, "missing": 0, "closed": 0}
    for call in calls:
        if call.settled or call.final():
            counts["final"] += 1
        elif call.outcome:
            counts["provisional"] += 1
        else:
            word = "closed" if call.refused() else "notShown" if call.status() == "not_shown" else "missing"
            counts[word] = counts.get(word, 0) + 1
    return counts


def tally(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
