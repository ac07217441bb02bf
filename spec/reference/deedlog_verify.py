#!/usr/bin/env python3
"""An independent verifier of Deedlog logs: Python 3.11, standard library only, written from the pages of spec/ alone.

    python3 spec/reference/deedlog_verify.py <log> --trust <file>
    python3 spec/reference/deedlog_verify.py <log> --self

<log> is a folder (with `checkpoint` and `tile/`, or with those in its folder `log`) or a JSON-lines log. Prints a
report as JSON (spec/report.md) and ends with 0, 1, 2 or 3. Under --self no key is trusted, so the signature of the
checkpoint is not checked: a published log does not hold its log key. Where the pages leave a choice, a comment that
begins with "Choice" says what was chosen.

Canonical JSON, formats and the schema of records come from deedlog_check.py; Ed25519, notes, trust files, stores and
the tree from deedlog_tlog.py. This file is what a verdict is made of: records and streams, calls, the report.
"""
import argparse
import datetime
import json
import os
import sys
import time

sys.dont_write_bytecode = True  # leaves nothing beside the pages
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deedlog_check as check  # noqa: E402
from deedlog_tlog import (  # noqa: E402
    BIGGEST, COSIGNER_KEY, LOG_KEY, Checkpoint, Tree, Trust, Unreadable, good_signature, inside, open_store, sha256,
)

# --- Records and streams, record.md sections 1 to 3 -------------------------------------------------------------------

def signed_by(record, key):
    """Whether `sig` of an understood record is good under a key of the format `key`."""
    sig = record.get("sig")
    if not check.is_sig(sig):
        return False
    return good_signature(check.bin_bytes(key)[1:], check.record_message(record), check.bin_bytes(sig))


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

    def __init__(self, stream_id, entries):
        self.id, self.entries = stream_id, entries
        self.start = next((entry for entry in entries if entry.leaf == stream_id), None)
        self.unknown_start = self.start is not None and not self.start.understood
        self.good = self.attribute()
        self.counts = bool(self.good)  # made for this log, and no pretender to be the operator's
        self.foreign, self.identity, self.recovered = False, None, None
        ends = [e for e in self.good if e.type == "stream.end" and e.understood]
        self.end = min(ends, key=lambda one: one.index, default=None)
        self.ended_pending, self.call_ids = False, set()  # whether `pending` of the end is the number of such calls
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

    def strays(self):
        leaves = {entry.leaf for entry in self.good}
        return [] if self.unknown_start else [entry.index for entry in self.entries if entry.leaf not in leaves]

    def forks(self):
        """Seqs that more than one attributed record has."""
        seqs = [entry.seq for entry in self.good]
        return sorted({seq for seq in seqs if seqs.count(seq) > 1}) if len(set(seqs)) < len(seqs) else []

    def broken(self):
        """The first seq of each gap, and of each `prev` that no attributed record is."""
        places, gaps = {(entry.leaf, entry.seq) for entry in self.good}, set()
        seqs = sorted({entry.seq for entry in self.good})
        for before, seq in zip([-1] + seqs, seqs):
            if seq > before + 1:
                gaps.add(before + 1)
        present = set(seqs)
        for entry in self.good:
            if entry.seq > 0 and entry.seq - 1 in present and (entry.prev, entry.seq - 1) not in places:
                gaps.add(entry.seq - 1)
        return sorted(gaps)

    def out_of_order(self):
        """Records whose seq is below that of an attributed record with a lower index."""
        highest, found = -1, []
        for entry in sorted(self.good, key=lambda one: one.index):
            if entry.seq < highest:
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
        if self.broken():
            return "broken"
        return "ended" if self.end else "recovered" if self.recovered else "running"

    def same_recorder(self, other):
        """The same identity and the same agent id."""
        mine, its = self.start.record, other.start.record
        return mine["identity"] == its["identity"] and mine["agent"]["id"] == its["agent"]["id"]


# --- The report's findings, report.md ---------------------------------------------------------------------------------

EVIDENCE = {
    "trust.supplied": "unknown", "trust.other-log": "unknown", "checkpoint.missing": "unknown",
    "checkpoint.malformed": "against", "checkpoint.empty": "unknown", "checkpoint.signature": "against",
    "checkpoint.unsigned": "against", "checkpoint.quorum": "unknown", "cosignature.bad": "against",
    "checkpoint.stale": "unknown",
    "root.mismatch": "against", "entry.altered": "against", "entry.suspect": "against", "entries.missing": "against",
    "entries.pruned": "unknown", "entries.pruned-not-permitted": "against", "entries.unreadable": "against", "tile.altered": "against", "tile.missing": "notice",
    "log.record": "against", "log.record-missing": "unknown", "log.id": "against", "log.operator": "against",
    "log.origin": "against", "log.forked": "against", "log.rolled-back": "against",
}
NOTICES = {
    "record.copied", "identity.unpinned", "log.continues", "outcome.awaited", "outcome.provisional",
    "coverage.not-wrapped", "review.unpinned", "stream.overlong",
}
CONDUCT_ALSO = {"review.misplaced", "review.signature", "review.unpinned", "settlement.disputed"}


def severity(code):
    if code in EVIDENCE:
        return EVIDENCE[code]
    return "notice" if code in NOTICES else "unknown" if code == "record.not-understood" else "exception"


def area(code):
    if code in EVIDENCE:
        return "evidence"
    conduct = code in CONDUCT_ALSO or (code.startswith("call.") and code != "call.repeated-id")
    return "conduct" if conduct else "completeness"


class Findings:
    def __init__(self):
        self.indexes = {}

    def add(self, code, *indexes):
        self.indexes.setdefault(code, []).extend(indexes)

    def all(self, code, indexes):
        if indexes:
            self.add(code, *indexes)

    def severities(self, *areas):
        return {severity(code) for code in self.indexes if not areas or area(code) in areas}

    def exit_code(self):
        """The worst counts: 1 before 2 before 3 before 0."""
        found = self.severities()
        return 1 if "against" in found else 2 if "unknown" in found else 3 if "exception" in found else 0


# --- Calls, record.md section 4 ---------------------------------------------------------------------------------------

FINAL = ("succeeded", "failed", "reported_error", "not_executed", "short_circuited")
OPERATOR_ONLY = ("settlement", "continuation", "key", "erasure")


class Call:
    def __init__(self, entry, stream):
        self.entry, self.record, self.stream = entry, entry.record, stream
        self.review = self.settled = self.outcome = None
        self.outcomes = []  # (entry, stream) of all that count for this call

    @property
    def verdict(self):
        return self.record["decision"]["verdict"]

    def refused(self):
        if self.verdict == "deny":
            return "denied"
        return "declined" if self.review and self.review["verdict"] == "rejected" else None

    def closed(self):
        """Denied or declined, and nobody says that it ran."""
        return self.refused() and (self.outcome is None or self.outcome["executed"] == "no")

    def final(self):
        return self.outcome is not None and self.outcome["status"] in FINAL

    def pending(self):
        """Whether the end of its stream counts it in `pending`: not over, and no final outcome in this stream."""
        here = [entry.record["status"] for entry, stream in self.outcomes if stream is self.stream]
        return not self.refused() and not any(status in FINAL for status in here)

    def status(self):
        """The one word of report.md, "The status of a call"."""
        if self.settled and not self.final():
            return self.settled
        if self.closed():
            return self.refused()
        if self.outcome:
            return self.outcome["status"]
        if self.stream.end or self.stream.recovered:
            return "missing"
        return "undecided" if self.verdict == "review" and self.review is None else "pending"


class Fold:
    """Reads the records that count, by index, into streams, sessions and calls (report.md, step 5)."""

    def __init__(self, log, streams, trust, findings):
        self.log, self.streams, self.trust, self.findings = log, streams, trust, findings
        self.calls, self.rules, self.sessions = {}, {}, {}
        self.losses = self.counted_losses = self.gaps = 0
        self.words = {}  # key: {agent id, or None for operators: (index, event)}, the newest of each
        self.compromised, self.disputed_from, self.overlong = {}, {}, set()  # key: index; key: index; streams
        self.unknown_leaves = {e.leaf for stream in streams.values() for e in stream.not_understood()}
        self.unknown_leaves |= {e.leaf for stream in streams.values() if stream.unknown_start for e in stream.entries}

    def run(self):
        for stream in self.streams.values():
            self.look_at(stream)
        records = [(e, stream) for stream in self.streams.values() for e in stream.good]
        for entry, stream in sorted(records, key=lambda pair: pair[0].index):
            if entry is stream.start or stream.identity is None:
                self.decide(stream)  # a start that stands further on is known all the same
            if entry is stream.start:
                self.begin(stream)
            elif stream.counts and stream.end and entry.index > stream.end.index:
                self.findings.add("stream.after-end", entry.index)
            if stream.counts and entry.understood:
                self.record(entry, stream)
        for call in self.calls.values():
            self.judge(call)
        self.judge_sessions()
        self.disputed_keys()

    # Streams

    def look_at(self, stream):
        """Strays are found in every stream; the rest only where something is attributed."""
        self.findings.all("record.stray", stream.strays())
        if not stream.good:
            return
        if self.log and all(one["id"] != self.log.leaf for one in stream.start.record["logs"]):
            stream.foreign, stream.counts = True, False
            self.findings.add("stream.foreign", stream.start.index)
        self.findings.all("stream.forked", stream.forks())
        self.findings.all("stream.broken", stream.broken())
        self.findings.all("stream.out-of-order", stream.out_of_order())

    def decide(self, stream):
        """Whose stream it is, as of its start (section 3, "Whose stream")."""
        key, start = stream.start.record["identity"], stream.start
        operator = stream.role == "operator"
        agent = None if operator else stream.agent
        by_log = operator and self.log is not None and key in self.log.record["operators"]
        introduced = self.words.get(key, {}).get(agent, (0, ""))[1] == "add" or by_log
        withdrawn = self.withdrawn(key, agent)
        if operator:
            lines = []
            pinned = any(line.text == key for line in self.trust.operators)
        else:
            lines = [line for line in self.trust.agents if line[0].name == agent]
            pinned = any(k.text == key and first <= start.index <= last for k, first, last in lines)
        if withdrawn:
            stream.identity = "contradicted"
        elif pinned or introduced:
            stream.identity = "pinned" if pinned else "introduced"
        else:
            others = lines and all(k.text != key for k, _, _ in lines)
            stream.identity = "contradicted" if others else "self-asserted"
        stream.counts = not stream.foreign and not (operator and (not introduced or withdrawn))

    def begin(self, stream):
        """What its start says of a stream."""
        start = stream.start
        if stream.foreign:
            return
        names = [one["origin"] for one in stream.start.record["logs"] if self.log and one["id"] == self.log.leaf]
        if names and names[0] != self.log.record["origin"]:
            self.findings.add("stream.other-origin", start.index)
        if not stream.counts:
            self.findings.add("operator.not-counted", start.index)
        elif stream.identity == "contradicted":
            self.findings.add("identity.contradicted", start.index)
        elif stream.identity == "self-asserted":
            self.findings.add("identity.self-asserted" if self.trust.given else "identity.unpinned", start.index)

    # Records

    def record(self, entry, stream):
        if entry.type in OPERATOR_ONLY and stream.role != "operator":
            self.findings.add("operator.only", entry.index)
            return
        if entry.type in OPERATOR_ONLY and self.in_other_hands(stream):
            return
        handler = getattr(self, "on_" + entry.type.replace(".", "_"), None)
        if handler:
            handler(entry, entry.record, stream)

    def withdrawn(self, key, agent):
        """The newest word on a key, for this agent or for every use; `compromised` is the last one."""
        words = self.words.get(key, {})
        own, every = words.get(agent, (-1, "")), words.get(None, (-1, ""))
        return key in self.compromised or own[1] == "retire" or (every[1] == "retire" and every[0] > own[0])

    def in_other_hands(self, stream):
        """Said above the start of the stream, and below the record that is read now."""
        keys = (stream.start.record["identity"], stream.start.record["key"])
        return any(self.compromised.get(key, -1) > stream.start.index for key in keys)

    def lacks_rules(self, rules, entry, stream):
        where, seq = self.rules.get(rules, (None, 0))
        return rules not in self.unknown_leaves and (where is not stream or seq > entry.seq)

    def on_rules(self, entry, record, stream):
        if "part" in record and self.lacks_rules(record["part"], entry, stream):
            self.findings.add("rules.incomplete", entry.index)
        self.rules[entry.leaf] = (stream, entry.seq)

    def on_intent(self, entry, record, stream):
        self.calls[entry.leaf] = Call(entry, stream)
        if record["call"] in stream.call_ids:
            self.findings.add("call.repeated-id", entry.index)
        stream.call_ids.add(record["call"])
        for name in ("unmediated", "belated"):
            if record.get(name):
                self.findings.add("call." + name, entry.index)
        if "tier" in record:
            self.findings.add("call." + record["tier"], entry.index)
        self.timely(entry, record, stream)
        rules = record["decision"].get("rules")
        if rules and self.lacks_rules(rules, entry, stream):
            self.findings.add("rules.unknown", entry.index)
        if "session" in record:
            session = self.sessions.setdefault((stream.id, record["session"]["id"]), {"numbers": [], "end": None})
            session["numbers"].append((record["session"]["n"], entry))

    def timely(self, entry, record, stream):
        """Section 2: new calls for 24 hours or 2^20 records."""
        begun, now = (datetime.datetime.fromisoformat(one["time"][:-1]) for one in (stream.start.record, record))
        late = entry.seq >= 2**20 or now - begun > datetime.timedelta(days=1)
        if late and stream.id not in self.overlong:
            self.overlong.add(stream.id)
            self.findings.add("stream.overlong", entry.index)

    def call_of(self, entry, record):
        """The call that a record is about, when its intent stands before it."""
        call = self.calls.get(record["intent"])
        if call is None and record["intent"] not in self.unknown_leaves:
            self.findings.add("outcome.without-intent", entry.index)
        return call

    def fits(self, call, entry, record, stream):
        """The intent's `call`, and in its stream a higher seq (section 4, "Calls")."""
        good = record["call"] == call.record["call"] and (stream is not call.stream or entry.seq > call.entry.seq)
        if not good:
            self.findings.add("outcome.not-counted", entry.index)
        return good

    def on_review(self, entry, record, stream):
        call = self.call_of(entry, record)
        if call is None or not self.fits(call, entry, record, stream):
            return
        signed = self.approval(entry, record, call)
        if call.verdict != "review" or call.review or not stream.same_recorder(call.stream):
            self.findings.add("review.misplaced", entry.index)
            return
        call.review = record
        if self.trust.approvers and not signed:
            self.findings.add("review.unpinned", entry.index)

    def approval(self, entry, record, call):
        """The approver's signature over {args, intent, verdict} (section 4, `review`)."""
        approval, good = record.get("approval"), False
        if approval:
            own = record["verdict"] == "approved" and record.get("args")
            args = own or call.record["args"]
            signed = {"args": args["root"], "intent": record["intent"], "verdict": record["verdict"]}
            message = b"deedlog/v1 approval\n" + sha256(check.C(signed))
            good = good_signature(check.bin_bytes(approval["key"])[1:], message, check.bin_bytes(approval["sig"]))
            if not good:
                self.findings.add("review.signature", entry.index)
        name = record["approver"]["id"]
        return good and any(key.name == name and key.text == approval["key"] for key in self.trust.approvers)

    def on_outcome(self, entry, record, stream):
        call = self.call_of(entry, record)
        if call is None or not self.fits(call, entry, record, stream):
            return
        if stream is not call.stream:
            revived = call.stream.recovered is not None and call.stream.recovered < entry.index
            due = record.get("late") or (record["status"] == "unknown" and revived)
            if not stream.same_recorder(call.stream) or not due:
                self.findings.add("outcome.not-counted", entry.index)
                return
        self.outcome(call, entry, record, stream)

    def outcome(self, call, entry, record, stream):
        """One outcome, or two when the first is provisional and the second is late and not pending."""
        first = not call.outcomes
        call.outcomes.append((entry, stream))
        if first:
            stands = True
            if record.get("late") and stream is call.stream:
                self.findings.add("outcome.misfit", entry.index)
        else:
            second = len(call.outcomes) == 2 and not call.final()
            stands = second and record.get("late") and record["status"] != "pending"
            if not stands:
                self.findings.add("call.second-outcome", entry.index)
        self.executed(call, entry, record)
        if stands:
            call.outcome = record
        if call.settled and call.final():
            self.overrule(call, entry)

    def overrule(self, call, entry):
        """A final outcome takes the place of a settlement; one that it contradicts is a dispute."""
        status, executed = call.outcome["status"], call.outcome["executed"]
        told = "not_executed" if executed == "no" else "succeeded" if status == "succeeded" else "failed"
        if call.settled != told:
            self.findings.add("settlement.disputed", entry.index)
        call.settled = None

    def executed(self, call, entry, record):
        """What an outcome with executed `yes` or `unknown` may not be."""
        if record["executed"] == "no":
            return
        if call.verdict == "deny":
            self.findings.add("call.executed-though-denied", entry.index)
        elif call.refused():
            self.findings.add("call.declined-yet-executed", entry.index)
        elif call.verdict == "review" and call.review is None:
            self.findings.add("call.executed-without-approval", entry.index)
        if "args" in record:
            self.findings.add("call.other-arguments", entry.index)

    def on_settlement(self, entry, record, stream):
        call = self.call_of(entry, record)
        if call is None:
            return
        home = call.stream
        over = (home.end and home.end.index < entry.index) or (home.recovered or BIGGEST) < entry.index
        if call.outcome["status"] not in FINAL if call.outcome else over:
            call.settled = record["result"]
            self.executed(call, entry, {"executed": "no" if record["result"] == "not_executed" else "yes"})
        else:
            self.findings.add("settlement.disputed", entry.index)

    def on_stream_end(self, entry, record, stream):
        """Its counts against what the log holds up to here; a record that is not understood may be one call more."""
        calls = [call for call in self.calls.values() if call.stream is stream]
        pending = sum(call.pending() for call in calls)
        unknown = sum(one.index < entry.index for one in stream.not_understood())
        if entry is stream.end:
            stream.ended_pending = record["pending"] == pending
        right = record["pending"] == pending
        if not len(calls) <= record["calls"] <= len(calls) + unknown or not (right or unknown):
            self.findings.add("stream.miscounted", entry.index)

    def on_session_end(self, entry, record, stream):
        session = self.sessions.setdefault((stream.id, record["session"]), {"numbers": [], "end": None})
        session["again"] = session["end"] is not None or session.get("again", False)
        session["end"] = session["end"] or entry

    def on_coverage(self, entry, record, stream):
        if any(tool["wrapped"] == "no" for tool in record.get("tools", [])):
            self.findings.add("coverage.not-wrapped", entry.index)

    def on_loss(self, entry, record, stream):
        self.losses += 1
        self.counted_losses += record.get("count", 0)
        self.findings.add("loss.recorded", entry.index)

    def on_recovery(self, entry, record, stream):
        """Only a stream of the same identity and agent id can be recovered, and `last` is its newest record."""
        other = self.streams.get(record["of"])
        if other and other.unknown_start:
            return  # neither true nor false: nothing of it can be read
        if other is None or not other.good or other is stream or not stream.same_recorder(other):
            self.findings.add("recovery.false", entry.index)
            return
        below = [e for e in other.good if e.index < entry.index]
        newest = max(below, key=lambda one: one.seq, default=None)
        if newest is None or (newest.leaf, newest.seq) != (record["last"], record["lastSeq"]):
            self.findings.add("recovery.false", entry.index)
            return
        if other.recovered is None:
            other.recovered = entry.index
        self.findings.all("recovery.alive", [e.index for e in other.good if e.index > entry.index])

    def on_continuation(self, entry, record, stream):
        placed = entry.index == 2 and entry.seq == 1 and stream.start.index == 1
        self.findings.add("log.continues" if placed else "continuation.misplaced", entry.index)

    def on_key(self, entry, record, stream):
        """Acts on streams that start at higher indexes; `compromised` also on records that stand there."""
        key, agent, event = record["key"], record.get("agent"), record["event"]
        listed = {one.text for one in self.trust.operators}
        pinned = any(line[0].name == agent for line in self.trust.agents)
        if event == "add" and pinned and stream.start.record["identity"] not in listed:
            return  # only an operator whom the file lists introduces another key of an agent that it lists
        if event == "compromised":
            self.compromised[key] = entry.index
            since = min(record.get("since", entry.index + 1), entry.index + 1)
            self.disputed_from[key] = min(self.disputed_from.get(key, since), since)
        else:
            self.words.setdefault(key, {})[agent] = (entry.index, event)

    # What only the whole log shows

    def judge(self, call):
        """report.md, "Calls without a final outcome"."""
        if call.settled or call.closed() or call.final():
            return
        index, stream = call.entry.index, call.stream
        if call.outcome is None:
            if stream.end is None and not stream.recovered:
                self.findings.add("outcome.awaited", index)
            elif stream.end and stream.ended_pending and index < stream.end.index:
                self.findings.add("call.pending-at-end", index)
            elif not self.may_be_unread(call):
                self.findings.add("outcome.missing", index)
        elif call.outcome["status"] == "unknown":
            self.findings.add("call.unknown", index)
        elif call.outcome["status"] == "pending" and (stream.end or stream.recovered):
            self.findings.add("call.pending-at-end", index)
        else:
            self.findings.add("outcome.provisional", index)

    def may_be_unread(self, call):
        """Whether a record that is not understood may be the outcome of this call (report.md, last paragraph)."""
        return any(
            entry.index > call.entry.index for stream in self.streams.values()
            if stream.good and stream.same_recorder(call.stream) for entry in stream.not_understood()
        )

    def judge_sessions(self):
        """n counts the calls of a session from 0 without a gap; nothing follows its end."""
        for (stream_id, _), session in self.sessions.items():
            numbers, end = [n for n, _ in session["numbers"]], session["end"]
            due = max(numbers, default=-1) + 1
            late = end and any(entry.index > end.index for _, entry in session["numbers"])
            few = 0
            if end:
                due, few = max(due, end.record["calls"]), end.record["calls"] < len(numbers)
            last = end.index if end else BIGGEST
            unknown = sum(entry.index < last for entry in self.streams[stream_id].not_understood())
            if late or few or session.get("again") or len(set(numbers)) < len(numbers) or due - len(numbers) > unknown:
                self.gaps += 1
                self.findings.add("session.gap", *[entry.index for _, entry in session["numbers"]][:1])

    def disputed_keys(self):
        """`compromised` acts on records at higher indexes, and on those from `since`."""
        disputed = set()
        for key, since in self.disputed_from.items():
            for stream in self.streams.values():
                if stream.counts and key in (stream.start.record["identity"], stream.start.record["key"]):
                    disputed.update(e.index for e in stream.good if e.index >= since)
        self.findings.all("key.disputed", sorted(disputed))


# --- The verifier, report.md "How a verifier goes about it" -----------------------------------------------------------


class Verifier:
    def __init__(self, store, trust, supplied=False):
        self.store, self.trust, self.findings = store, trust, Findings()
        self.checkpoint, self.log, self.tree, self.fold = None, None, None, None
        self.entries, self.streams, self.malformed, self.unknown = [], {}, [], []
        self.whole, self.witnessed = False, None
        if supplied:
            self.findings.add("trust.supplied")

    def run(self):
        if self.read_checkpoint():
            self.signatures()
            self.read_entries()
            self.log_record()
            self.attribute()
            self.fold = Fold(self.log, self.streams, self.trust, self.findings)
            self.fold.run()
            self.suspects()
            self.cited()
            self.quorum()
        return self.report()

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
        if not self.trust.given:
            return
        keys = self.trust.keys_of(self.checkpoint.origin)
        signed = [self.checkpoint.signed(key) for key in keys]
        others = [self.checkpoint.signed(key) for key in self.trust.logs if key.type == LOG_KEY and key not in keys]
        if not keys:
            self.findings.add("trust.other-log")
        if False in signed + others:
            self.findings.add("checkpoint.signature")
        elif keys and True not in signed:
            self.findings.add("checkpoint.unsigned")
        cosigners = [key for key in self.trust.witnesses.values() if key.type == COSIGNER_KEY]
        if any(self.checkpoint.cosigned(key) is False for key in cosigners):
            self.findings.add("cosignature.bad")

    def quorum(self):
        """The largest checkpoint that the quorum has cosigned: this one, or an earlier one that a record cites."""
        if not self.trust.given:
            return
        seen = []
        if self.trust.quorum_on(self.checkpoint):
            seen = [self.checkpoint]
        elif self.trust.quorum != "none":
            held = [note for note in self.kept if self.ours(note) and self.trust.quorum_on(note)]
            seen = [note for note in held if self.of_this_tree(note.size, note.root)]
            if not seen:
                self.findings.add("checkpoint.quorum")
        self.witnessed = max((note.size for note in seen), default=None)
        newest = max((self.trust.newest(self.trust.quorum, note) for note in seen), default=0)
        if self.trust.lag and newest < time.time() - self.trust.lag:
            self.findings.add("checkpoint.stale")

    def ours(self, note):
        """Whether a note bears the log's own good signature, and no bad one of a known log key."""
        keys = self.trust.keys_of(self.checkpoint.origin)
        refused = any(note.signed(key) is False for key in self.trust.logs if key.type == LOG_KEY)
        return note.origin == self.checkpoint.origin and any(note.signed(key) for key in keys) and not refused

    def of_this_tree(self, size, root):
        return size <= self.checkpoint.size and self.tree is not None and self.tree.root(size) == root

    # Step 2: the tree

    def read_entries(self):
        size, store = self.checkpoint.size, self.store
        found = store.read(size)
        first_gap = next((index for index in range(len(found)) if index not in found), len(found))
        self.entries = [Entry(index, found[index]) for index in range(first_gap)]  # Choice: nothing above a gap is read
        if store.missing:
            pruned = "entries.pruned" if store.keeps else "entries.pruned-not-permitted"
            self.findings.add(pruned if store.pruned else "entries.missing")
        self.findings.all("entries.unreadable", store.unreadable)
        if len(found) == size:
            self.tree = Tree([bytes.fromhex(entry.leaf) for entry in self.entries])
            self.whole = self.tree.root(size) == self.checkpoint.root
            if self.whole:
                self.compare_tiles()
            else:
                self.findings.add("root.mismatch")
                self.name_altered(size)

    def compare_tiles(self):
        for level, index, width, expected in self.tree.tiles() if self.store.tiles else []:
            data = self.store.tile(level, index, width)
            if data is None:
                self.findings.add("tile.missing", level)
            elif data != expected:
                self.findings.add("tile.altered", level)

    def name_altered(self, size):
        """Where the tiles hash to the signed root, entries that differ from them are named."""
        if not self.store.tiles:
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
        self.streams = {stream_id: Stream(stream_id, entries) for stream_id, entries in members.items()}
        for stream in self.streams.values():
            lost = stream.entries if stream.unknown_start else stream.not_understood()
            self.unknown += [entry.index for entry in lost]
        self.findings.all("entry.malformed", self.malformed)
        self.findings.all("record.not-understood", self.unknown)

    # Step 6: cited checkpoints

    def cited(self):
        """Each `after` of this origin against the root that this tree had; a kept note of the log's own is proof."""
        self.kept, notes = [], {}
        records = [e for s in self.streams.values() if s.good and s.counts for e in s.good if e.understood]
        for entry in sorted(records, key=lambda one: one.index):
            after = entry.record.get("after")
            if not after or after["origin"] != self.checkpoint.origin or not self.whole:
                continue
            note = notes[after["note"]] = notes.get(after["note"]) or self.kept_note(after["note"])
            holds = self.of_this_tree(after["size"], bytes.fromhex(after["root"]))
            if holds and after["size"] <= entry.index:
                continue
            if note is None or not self.ours(note) or self.of_this_tree(note.size, note.root):
                self.findings.add("after.disputed", entry.index)
            else:
                later = note.size > self.checkpoint.size
                self.findings.add("log.rolled-back" if later else "log.forked", entry.index)
        self.kept = [note for note in notes.values() if note]

    def kept_note(self, digest):
        data = self.store.note(digest)
        try:
            return data and Checkpoint(data)
        except Unreadable:
            return None

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
        if unread or "unknown" in found:
            return "could not check"
        return "exceptions" if "exception" in found else good

    def report(self):
        calls = list(self.fold.calls.values()) if self.fold else []
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
            "findings": [
                {
                    "code": code, "area": area(code), "severity": severity(code),
                    "count": max(1, len(indexes)), "indexes": sorted(indexes)[:16],
                }
                for code, indexes in self.findings.indexes.items()
            ],
        }

    def stream_line(self, stream):
        return {
            "id": stream.id, "agent": stream.agent, "role": stream.role, "state": stream.state(),
            "identity": stream.identity, "first": stream.start.index, "records": len(stream.good),
            "calls": sum(call.stream is stream for call in self.fold.calls.values()),
        }


def outcomes(calls):
    """Four numbers that add up to the calls (report.md)."""
    counts = {"final": 0, "provisional": 0, "missing": 0, "closed": 0}
    for call in calls:
        if call.settled or call.final():
            counts["final"] += 1
        elif call.outcome:
            counts["provisional"] += 1
        else:
            counts["closed" if call.refused() else "missing"] += 1
    return counts


def tally(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def main(arguments):
    parser = argparse.ArgumentParser(description="Verifies a Deedlog log; see spec/report.md.")
    parser.add_argument("log")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--trust", help="a trust file from outside the log")
    whose.add_argument("--self", action="store_true", help="hold the log against its own word only")
    options = parser.parse_args(arguments)
    try:
        supplied, trust = False, Trust()
        if options.trust:
            supplied = inside(options.trust, options.log)
            if not supplied:
                with open(options.trust, "rb") as handle:
                    trust = Trust(handle.read())
        report = Verifier(open_store(options.log), trust, supplied).run()
    except (Unreadable, OSError) as error:
        print("deedlog_verify: %s" % error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=2))
    return report["exitCode"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
