"""Streams, sessions and calls for deedlog_verify.py: spec/record.md section 4, spec/report.md step 5, and of what is not
shown whole spec/bundle.md section 5.
"""
import datetime

import deedlog_check as check
from deedlog_tlog import BIGGEST, good_signature, sha256

FINAL = ("succeeded", "failed", "reported_error", "not_executed", "short_circuited")
OPERATOR_ONLY = ("settlement", "continuation", "key", "erasure")


class Call:
    def __init__(self, entry, stream, asked):
        self.entry, self.record, self.stream = entry, entry.record, stream
        self.asked = asked  # whether it is judged: of a bundle only what it was asked for, and nothing that was pruned
        self.review = self.reviewed_at = self.settled = self.outcome = None
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
        if self.stream.hidden.above(self.entry.index):
            return "not_shown"
        if self.stream.end or self.stream.recovered:
            return "missing"
        return "undecided" if self.verdict == "review" and self.review is None else "pending"


class Fold:
    """Reads the records that count, by index, into streams, sessions and calls (report.md, step 5)."""

    def __init__(self, log, streams, trust, findings, hidden, asked):
        self.log, self.streams, self.trust, self.findings = log, streams, trust, findings
        self.hidden, self.asked = hidden, asked
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
        strays, unattributed = stream.not_good()
        self.findings.all("record.stray", strays)
        self.findings.all("record.unattributed", unattributed)
        if not stream.good:
            return
        if self.log and all(one["id"] != self.log.leaf for one in stream.start.record["logs"]):
            stream.foreign, stream.counts = True, False
            self.findings.add("stream.foreign", stream.start.index)
        self.findings.all("stream.forked", stream.forks())
        self.findings.all("stream.broken", stream.gaps)
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
        if stream.identity in ("contradicted", "self-asserted") and key not in self.compromised:
            stream.vouched_elsewhere = self.hidden.below(start.index)  # a key record that is not shown may do it
        stream.counts = not stream.foreign and not (operator and (not introduced or withdrawn))

    def begin(self, stream):
        """What its start says of a stream."""
        start = stream.start
        if stream.foreign:
            return
        names = [one["origin"] for one in stream.start.record["logs"] if self.log and one["id"] == self.log.leaf]
        if names and names[0] != self.log.record["origin"]:
            self.findings.add("stream.other-origin", start.index)
        if stream.vouched_elsewhere and (not stream.counts or stream.identity == "contradicted" or self.trust.given):
            self.findings.add("identity.not-shown", start.index)
        elif not stream.counts:
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
        """Not on record before it; a record that the stream is known to lack may be it."""
        where, seq = self.rules.get(rules, (None, 0))
        known = rules in self.unknown_leaves or stream.lacks > 0
        return not known and (where is not stream or seq > entry.seq)

    def on_rules(self, entry, record, stream):
        if "part" in record and self.lacks_rules(record["part"], entry, stream):
            self.findings.add("rules.incomplete", entry.index)
        self.rules[entry.leaf] = (stream, entry.seq)

    def on_intent(self, entry, record, stream):
        call = self.calls[entry.leaf] = Call(entry, stream, self.asked(entry))
        if record["call"] in stream.call_ids:
            self.say(call, "call.repeated-id", entry)
        stream.call_ids.add(record["call"])
        for name in ("unmediated", "belated"):
            if record.get(name):
                self.say(call, "call." + name, entry)
        if "tier" in record:
            self.say(call, "call." + record["tier"], entry)
        self.timely(entry, record, stream)
        rules = record["decision"].get("rules")
        if rules and self.lacks_rules(rules, entry, stream):
            self.say(call, "rules.unknown", entry)
        if "session" in record:
            session = self.sessions.setdefault((stream.id, record["session"]["id"]), {"numbers": [], "end": None})
            session["numbers"].append((record["session"]["n"], entry))

    def say(self, call, code, entry):
        """A finding about a call that is judged."""
        if call.asked:
            self.findings.add(code, entry.index)

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
        if call is None and record["intent"] not in self.unknown_leaves and not self.hidden.below(entry.index):
            self.findings.add("outcome.without-intent", entry.index)
        return call

    def fits(self, call, entry, record, stream):
        """The intent's `call`, and in its stream a higher seq (section 4, "Calls")."""
        good = record["call"] == call.record["call"] and (stream is not call.stream or entry.seq > call.entry.seq)
        if not good:
            self.say(call, "outcome.not-counted", entry)
        return good

    def on_review(self, entry, record, stream):
        call = self.call_of(entry, record)
        if call is None or not self.fits(call, entry, record, stream):
            return
        signed = self.approval(entry, record, call)
        if call.verdict != "review" or call.review or not stream.same_recorder(call.stream):
            self.say(call, "review.misplaced", entry)
            return
        call.review, call.reviewed_at = record, entry.index
        if self.trust.approvers and not signed:
            self.say(call, "review.unpinned", entry)

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
                self.say(call, "review.signature", entry)
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
                hidden = stream.same_recorder(call.stream) and record["status"] == "unknown"
                hidden = hidden and self.hidden.below(entry.index)  # a recovery may be
                self.say(call, "call.not-shown-whole" if hidden else "outcome.not-counted", entry)
                return
        self.outcome(call, entry, record, stream)

    def outcome(self, call, entry, record, stream):
        """One outcome, or two when the first is provisional and the second is late and not pending."""
        first = not call.outcomes
        call.outcomes.append((entry, stream))
        if first:
            stands = True
            if record.get("late") and stream is call.stream:
                hidden = self.hidden.between(call.entry.index, entry.index)  # a provisional outcome may be
                self.say(call, "call.not-shown-whole" if hidden else "outcome.misfit", entry)
        else:
            second = len(call.outcomes) == 2 and not call.final()
            stands = second and record.get("late") and record["status"] != "pending"
            if not stands:
                self.say(call, "call.second-outcome", entry)
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
            self.say(call, "settlement.disputed", entry)
        call.settled = None

    def executed(self, call, entry, record):
        """What an outcome with executed `yes` or `unknown` may not be."""
        if record["executed"] == "no":
            return
        if call.verdict == "deny":
            self.say(call, "call.executed-though-denied", entry)
        elif call.refused():
            hidden = self.hidden.between(call.entry.index, call.reviewed_at)  # an approval before it may be
            self.say(call, "call.not-shown-whole" if hidden else "call.declined-yet-executed", entry)
        elif call.verdict == "review" and call.review is None:
            hidden = self.hidden.between(call.entry.index, entry.index)  # an approval may be
            self.say(call, "call.not-shown-whole" if hidden else "call.executed-without-approval", entry)
        if "args" in record:
            self.say(call, "call.other-arguments", entry)

    def on_settlement(self, entry, record, stream):
        call = self.call_of(entry, record)
        if call is None:
            return
        home = call.stream
        over = (home.end and home.end.index < entry.index) or (home.recovered or BIGGEST) < entry.index
        hidden = not call.outcome and not over and self.hidden.between(call.entry.index, entry.index)  # its end may be
        if call.outcome["status"] not in FINAL if call.outcome else over or hidden:
            call.settled = record["result"]
            refused = call.verdict == "deny" or (call.verdict == "review" and (call.review is None or call.refused()))
            if hidden and refused and record["result"] != "not_executed":
                self.say(call, "call.not-shown-whole", entry)
                return
            self.executed(call, entry, {"executed": "no" if record["result"] == "not_executed" else "yes"})
        else:
            self.say(call, "settlement.disputed", entry)

    def on_stream_end(self, entry, record, stream):
        """Its counts against what the log holds up to here; a record that is not understood may be one call more."""
        calls = [call for call in self.calls.values() if call.stream is stream]
        pending = sum(call.pending() for call in calls)
        unknown = sum(one.index < entry.index for one in stream.not_understood()) + stream.lacks
        right = record["pending"] == pending
        if entry is stream.end:
            stream.ended_pending = right
        held_to = not unknown and all(call.asked for call in calls)
        if not len(calls) <= record["calls"] <= len(calls) + unknown or (held_to and not right):
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
        if (other is None or not other.good) and self.hidden.below(entry.index):
            return
        if other is None or not other.good or other is stream or not stream.same_recorder(other):
            self.findings.add("recovery.false", entry.index)
            return
        below = [e for e in other.good if e.index < entry.index]
        newest = max(below, key=lambda one: one.seq, default=None)
        further = newest and newest.seq < record["lastSeq"] and self.hidden.between(newest.index, entry.index)
        if further:
            other.recovered = other.recovered or entry.index
            return
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
        if call.settled or call.closed() or call.final() or not call.asked:
            return
        index, stream = call.entry.index, call.stream
        if self.hidden.above(index) and not call.refused():
            self.findings.add("call.not-shown-whole", index)
            return
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
            stream = self.streams[stream_id]
            unknown = sum(entry.index < last for entry in stream.not_understood()) + stream.lacks
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
