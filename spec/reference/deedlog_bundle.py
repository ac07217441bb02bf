"""What a bundle shows, beside the log that it is a part of, for deedlog_verify.py: spec/bundle.md section 5."""
import deedlog_check as check
from deedlog_tlog import Unreadable


def commitment_at(record, path):
    """The commitment of an understood record at a path of names joined by dots, or None."""
    here = record
    for name in path.split("."):
        here = here.get(name) if isinstance(here, dict) else None
    return here if check.commitment(here) else None


def proves(disclosure, expected):
    """(whether a disclosure is one of this commitment, what a disclosure in part shows)."""
    try:
        _, shown, withheld = check.verify_disclosure(check.canonical(disclosure), expected)
    except (check.Malformed, check.Mismatch):
        return False, {}
    return True, {} if shown is None else {"shown": shown, "withheld": withheld}


class Shown:
    def __init__(self, verifier):
        self.bundle, self.fold, self.findings = verifier.bundle, verifier.fold, verifier.findings
        self.entries = {entry.index: entry for entry in verifier.entries}
        self.calls = list(self.fold.calls.values())
        self.sessions = self.sessions_asked()
        self.query()
        self.files()
        self.disclosures = [self.disclosure(line) for line in self.bundle.disclosures]
        self.size = verifier.checkpoint.size

    def sessions_asked(self):
        """The sessions of the calls that were asked for, in the order of their first calls."""
        found = {}
        for call in self.calls:
            if call.asked and "session" in call.record:
                found.setdefault((call.stream.id, call.record["session"]["id"]), None)
        return [self.session(stream, session) for stream, session in found]

    def session(self, stream, session_id):
        session = self.fold.sessions[stream, session_id]
        numbers, end = [n for n, _ in session["numbers"]], session["end"]
        counted = max(numbers, default=-1) + 1
        return {
            "stream": stream, "session": session_id, "shown": len(numbers),
            "calls": max(counted, end.record["calls"]) if end else counted, "ended": end is not None,
        }

    def query(self):
        """A reader does not take the maker's word that the query was answered."""
        query, asked = self.bundle.query, [call for call in self.calls if call.asked]
        ids, sessions = {call.record["call"] for call in asked}, {line["session"] for line in self.sessions}
        hidden = self.fold.hidden.total and query.sessions  # what hides nothing is judged like the log
        few = hidden and any(line["shown"] < line["calls"] for line in self.sessions)
        if not set(query.calls) <= ids or not set(query.sessions) <= sessions or few:
            self.findings.add("bundle.not-shown")
        elif hidden and not all(line["ended"] for line in self.sessions):
            self.findings.add("bundle.session-open")

    def files(self):
        rules = [entry.record for entry in self.entries.values() if entry.type == "rules" and entry.understood]
        named = {file["digest"] for record in rules for file in record["files"]}
        if not set(self.bundle.files) <= named:
            raise Unreadable("a file that no shown `rules` record names")

    def disclosure(self, line):
        entry = self.entries.get(line["index"])
        if entry is None:
            raise Unreadable("a disclosure of an entry that is not shown")
        expected = commitment_at(entry.record, line["path"]) if entry.understood else None
        holds, more = proves(line["disclosure"], expected) if expected else (False, {})
        if not holds:
            self.findings.add("disclosure.mismatch", entry.index)
        return {"index": entry.index, "member": line["path"], "holds": holds, **more}

    def line(self):
        asked = sum(call.asked for call in self.calls)
        return {
            "query": self.bundle.query.whole,
            "entries": {"shown": len(self.entries), "of": self.size},
            "calls": {"asked": asked, "others": len(self.calls) - asked},
            "sessions": self.sessions,
            "disclosures": self.disclosures,
            "anchors": [{name: anchor[name] for name in ("kind", "size", "root")} for anchor in self.bundle.anchors],
            "files": self.bundle.files,
            "notes": len(self.bundle.notes),
        }
