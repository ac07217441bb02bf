"""The codes of findings, spec/report.md, for deedlog_verify.py: their severity, their area, and what they add up to."""

EVIDENCE = {
    "trust.none": "unknown", "trust.supplied": "unknown", "trust.other-log": "unknown", "checkpoint.missing": "unknown",
    "checkpoint.malformed": "against", "checkpoint.empty": "unknown", "checkpoint.signature": "against",
    "checkpoint.unsigned": "against", "checkpoint.quorum": "unknown", "cosignature.bad": "against",
    "checkpoint.stale": "unknown", "root.mismatch": "against", "entry.altered": "against", "entry.suspect": "against",
    "entry.not-included": "against", "entries.missing": "against", "entries.pruned": "unknown",
    "entries.pruned-not-permitted": "against", "entries.pruned-as-promised": "notice", "entries.unreadable": "against",
    "tile.altered": "against", "tile.missing": "notice", "log.record": "against", "log.record-missing": "unknown",
    "log.id": "against", "log.operator": "against", "log.origin": "against", "log.forked": "against",
    "log.rolled-back": "against", "held.unusable": "unknown", "disclosure.mismatch": "against",
}
NOTICES = {
    "record.copied", "identity.unpinned", "log.continues", "outcome.awaited", "outcome.provisional",
    "coverage.not-wrapped", "review.unpinned", "stream.overlong", "bundle.session-open", "continuation.not-given",
    "log.moved",
}
UNKNOWN = {
    "record.not-understood", "record.unattributed", "bundle.not-shown", "identity.not-shown", "call.not-shown-whole",
    "continuation.note",
}
CONDUCT_ALSO = {"review.misplaced", "review.signature", "review.unpinned", "settlement.disputed"}


def severity(code):
    if code in EVIDENCE:
        return EVIDENCE[code]
    return "notice" if code in NOTICES else "unknown" if code in UNKNOWN else "exception"


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

    def lines(self):
        return [
            {
                "code": code, "area": area(code), "severity": severity(code),
                "count": max(1, len(indexes)), "indexes": sorted(indexes)[:16],
            }
            for code, indexes in self.indexes.items()
        ]
