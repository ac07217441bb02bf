"""A log that carries on after others, for deedlog_verify.py: spec/report.md, "A log that carries on after another"."""
from deedlog_judge import Verifier
from deedlog_tlog import Trust

MOST_STEPS = 16


def walk_back(verifier, stores):
    """Judges each step and adds what it finds to the findings of the log that was asked about."""
    earlier = {}
    for store in stores:
        judged = Verifier(store, Trust(), now=verifier.now)
        judged.run()
        if judged.log:
            earlier[judged.log.leaf] = judged
    steps, here, seen = [], verifier, set()
    while here and len(steps) < MOST_STEPS:
        entry = continuation_of(here)
        if entry is None:
            break
        seen.add(here.log.leaf)
        of, record = entry.record["of"], entry.record
        before = earlier.get(of)
        steps.append({"log": here.log.leaf, "of": of, "size": record["size"], "reason": record["reason"]})
        if of in seen:
            verifier.findings.add("continuation.cycle", entry.index)
            break
        if before is None:
            verifier.findings.add("continuation.not-given", entry.index)
            break
        step(verifier, here, entry, before)
        here = before
    return steps


def continuation_of(verifier):
    """The record at index 2 that counts as one."""
    if verifier.log is None:
        return None
    good = [e for s in verifier.streams.values() if s.good and s.counts and s.role == "operator" for e in s.good]
    placed = [e for e in good if e.type == "continuation" and e.understood and e.index == 2 and e.seq == 1]
    return next((e for e in placed if verifier.streams[e.stream].start.index == 1), None)


def step(verifier, here, entry, before):
    record, findings = entry.record, verifier.findings
    note = here.kept_note(record["note"])
    if note is None or note.size != record["size"] or note.origin != before.checkpoint.origin:
        findings.add("continuation.note", entry.index)
    elif note.size > before.checkpoint.size:
        before.findings.add("log.rolled-back")
    elif before.whole and not before.of_this_tree(note):
        before.findings.add("log.forked")
    identity = here.streams[entry.stream].start.record["identity"]
    operators = set(before.log.record["operators"])
    operators |= {key for key, words in before.fold.words.items() if None in words}
    if identity not in operators:
        findings.add("continuation.foreign", entry.index)
    if before.checkpoint.size > record["size"]:
        findings.add("continuation.lost", *range(record["size"], before.checkpoint.size))
    for code, indexes in before.findings.indexes.items():
        findings.add(code, *indexes)  # the exit code is the worst of all
