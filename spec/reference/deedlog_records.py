"""Records, streams and attribution for deedlog_verify.py: spec/record.md sections 1 to 3, spec/bundle.md section 5."""
import deedlog_check as check
from deedlog_tlog import good_signature


def signed_by(record, key):
    """Whether `sig` of an understood record is good under a key of the format `key`."""
    sig = record.get("sig")
    if not check.is_sig(sig):
        return False
    return good_signature(check.bin_bytes(key)[1:], check.record_message(record), check.bin_bytes(sig))


class Hidden:
    """The entries for which only a hash stands, as ranges [first, end), ascending. Of a whole log there are none."""

    def __init__(self, ranges=()):
        self.ranges = list(ranges)
        self.total = sum(end - first for first, end in self.ranges)

    def between(self, low, high):
        """How many lie above `low` and below `high`."""
        return sum(max(0, min(end, high) - max(first, low + 1)) for first, end in self.ranges)

    def below(self, index):
        return bool(self.ranges) and self.ranges[0][0] < index

    def above(self, index):
        return bool(self.ranges) and self.ranges[-1][1] > index + 1


class Entry:
    """One entry of the log. `stream`, `seq` and `prev` are read even where the record is not understood (section 1)."""

    def __init__(self, index, data):
        self.index, self.leaf = index, check.leaf(data)
        self.record = self.type = self.stream = self.seq = self.prev = None
        try:
            self.record = check.parse_record(data)
        except check.Malformed:
            self.understood = False
            return
        self.understood = check.understood(self.record)
        self.type = self.record.get("type")
        stream, seq, prev = (self.record.get(name) for name in ("stream", "seq", "prev"))
        if self.type == "stream.start":
            self.stream, self.seq = self.leaf, 0
        elif self.type != "log" and check.is_hash(stream) and check.is_int(seq) and seq > 0 and check.is_hash(prev):
            self.stream, self.seq, self.prev = stream, seq, prev


class Stream:
    """The records of one stream, each once, and what section 3 says of them."""

    def __init__(self, stream_id, entries, hidden):
        self.id, self.entries, self.hidden = stream_id, entries, hidden
        self.start = next((entry for entry in entries if entry.leaf == stream_id), None)
        self.unknown_start = self.start is not None and not self.start.understood
        self.good = self.attribute()
        self.counts = bool(self.good)  # made for this log, and no pretender to be the operator's
        self.foreign, self.identity, self.recovered = False, None, None
        self.vouched_elsewhere = False  # whether what is not shown may say whose it is
        ends = [e for e in self.good if e.type == "stream.end" and e.understood]
        self.end = min(ends, key=lambda one: one.index, default=None)
        self.ended_pending, self.call_ids = False, set()  # whether `pending` of the end is the number of such calls
        self.gaps, self.lacks = self.look_for_gaps()
        if self.good:
            self.agent, self.role = self.start.record["agent"]["id"], self.start.record["role"]

    def attribute(self):
        """Backwards: a record is good by its own signature, or because a good one with the next seq names it."""
        if self.start is None or self.unknown_start:
            return []
        if not signed_by(self.start.record, self.start.record["identity"]):
            return []
        key, good, named = self.start.record["key"], [], set()
        for entry in sorted(self.entries, key=lambda one: (-one.seq, one.index)):
            if entry is self.start or (entry.leaf, entry.seq) in named or signed_by(entry.record, key):
                good.append(entry)
                named.add((entry.prev, entry.seq - 1))
        return good[::-1]

    def not_good(self):
        """(strays, unattributed): what no signature covers, and what a signature that is not shown may cover."""
        if self.unknown_start:
            return [], []
        leaves, strays, open_ = {entry.leaf for entry in self.good}, [], []
        for entry in self.entries:
            if entry.leaf not in leaves:
                without = self.start is None and self.hidden.below(entry.index)
                (open_ if without or self.hidden.above(entry.index) else strays).append(entry.index)
        return strays, open_

    def forks(self):
        """Seqs that more than one attributed record has."""
        seqs = [entry.seq for entry in self.good]
        return sorted({seq for seq in seqs if seqs.count(seq) > 1}) if len(set(seqs)) < len(seqs) else []

    def look_for_gaps(self):
        """(the first seq of each gap and of each `prev` that no attributed record is, how many are not shown)."""
        places, gaps, lacks = {(entry.leaf, entry.seq) for entry in self.good}, set(), 0
        first, last = {}, {}
        for entry in self.good:
            first[entry.seq] = min(first.get(entry.seq, entry.index), entry.index)
            last[entry.seq] = max(last.get(entry.seq, entry.index), entry.index)
        seqs = sorted(first)
        for before, seq in zip(seqs, seqs[1:]):
            few = seq - before - 1
            if few and self.hidden.between(first[before], last[seq]) < few:
                gaps.add(before + 1)
            else:
                lacks += few
        for entry in self.good:
            if entry.seq > 0 and entry.seq - 1 in first and (entry.prev, entry.seq - 1) not in places:
                gaps.add(entry.seq - 1)
        return sorted(gaps), lacks

    def out_of_order(self):
        """Records whose seq is below that of an attributed record with a lower index."""
        highest, found = -1, []
        for entry in sorted(self.good, key=lambda one: one.index):
            if entry.seq < highest and not self.hidden.below(entry.index):  # else it may be a copy
                found.append(entry.index)
            highest = max(highest, entry.seq)
        return found

    def not_understood(self):
        return [entry for entry in self.good if not entry.understood]

    def state(self):
        """One word: of several the first of this order (report.md, step 5)."""
        if self.foreign:
            return "foreign"
        if self.forks():
            return "forked"
        if self.gaps:
            return "broken"
        return "ended" if self.end else "recovered" if self.recovered else "running"

    def same_recorder(self, other):
        """The same identity and the same agent id."""
        mine, its = self.start.record, other.start.record
        return mine["identity"] == its["identity"] and mine["agent"]["id"] == its["agent"]["id"]
