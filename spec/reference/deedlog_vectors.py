#!/usr/bin/env python3
"""Holds the independent verifier against the vectors of whole logs and files: all of spec/vectors but record. Python 3.11.

    python3 spec/reference/deedlog_vectors.py [directory of vectors]

Prints what failed, then `N passed, M failed`, and ends with 0 or 1. Vectors of records are deedlog_check.py's.
"""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deedlog_check as check  # noqa: E402
from deedlog_judge import Verifier  # noqa: E402
from deedlog_parts import Bundle, Kept  # noqa: E402
from deedlog_tlog import Trust, Unreadable, sha256  # noqa: E402
from deedlog_vault import read_set  # noqa: E402


def read(*path):
    with open(os.path.join(*path), "rb") as handle:
        return handle.read()


def same(found, expected, what):
    if check.canonical(found) != check.canonical(expected):
        raise AssertionError("%s: found %s, expected %s" % (what, check.canonical(found)[:500], check.canonical(expected)[:500]))


def codes(report):
    """Of all findings that are no notices."""
    return sorted(finding["code"] for finding in report["findings"] if finding["severity"] != "notice")


def verdicts(report):
    return [report[answer]["verdict"] for answer in ("evidence", "completeness", "conduct")]


def check_bundle(case, root):
    trust = Trust(None if case["trust"] == "self" else case["trust"].encode("utf-8"))
    try:
        report = Verifier(Bundle(case["file"], read(root, "bundle", case["file"])), trust).run()
    except Unreadable:
        same("error" in case, True, "refused")
        return
    same("error" in case, False, "refused")
    same(report["exitCode"], case["exitCode"], "exit code")
    same(verdicts(report), [case[name] for name in ("evidence", "completeness", "conduct")], "answers")
    same(codes(report), sorted(case["findings"]), "findings")
    words = {name: value for name, value in case["bundle"].items() if name != "made"}
    for line in words["disclosures"]:
        line.pop("why", None)  # a sentence, for people
    same(report["bundle"], words, "the member `bundle`")


def check_sample(case, root):
    label = b"deedlog/v1 sample\n" + sha256(case["seed"].encode("utf-8")) + bytes.fromhex(case["root"])
    ranks = {sha256(label + bytes.fromhex(leaf)): index for index, leaf in enumerate(case["intents"])}
    drawn = sorted(ranks)[:case["n"]]
    same([ranks[rank] for rank in drawn], case["drawn"], "drawn")
    if "ranks" in case:
        same([rank.hex() for rank in drawn], case["ranks"][:len(drawn)], "ranks")


READERS = {"trust/files.json": Trust, "kept/files.json": Kept, "vault/sets.json": read_set}


def check_form(case, reader):
    try:
        reader(case["text"].encode("utf-8"))
    except Unreadable:
        same("refused", case["expect"], "read")
        return
    same("ok", case["expect"], "read")


class Given:
    """A log that stands in a vector, as a store."""

    tiles, missing, unreadable, waiting, pruned, kept_bytes = False, 0, [], 0, False, None

    def __init__(self, case):
        self.lines = [line.encode("utf-8") if isinstance(line, str) else bytes.fromhex(line["hex"]) for line in case["entries"]]
        self.checkpoint = case["checkpoint"].encode("utf-8") if "checkpoint" in case else None
        self.kept_notes = {sha256(note.encode("utf-8")).hex(): note.encode("utf-8") for note in case["notes"]}

    def read(self, size):
        self.missing = max(0, size - len(self.lines))
        return dict(enumerate(self.lines[:size]))

    def note(self, digest):
        return self.kept_notes.get(digest)

    def has_anchors(self):
        return False


def check_log(case, root):
    trust = Trust(None if case["trust"] == "self" else case["trust"].encode("utf-8"))
    report = Verifier(Given(case), trust, held=[note.encode("utf-8") for note in case["held"]]).run()
    same(report["exitCode"], case["exitCode"], "exit code")
    same(verdicts(report), [case[name] for name in ("evidence", "completeness", "conduct")], "answers")
    same(codes(report), case["findings"], "findings")


def main(root):
    passed = failed = 0
    bundles = json.loads(read(root, "bundle", "cases.json"))
    samples = json.loads(read(root, "sample", "draw.json"))["cases"]
    rows = [(check_bundle, case, root) for case in bundles] + [(check_sample, case, root) for case in samples]
    for path, reader in READERS.items():
        rows += [(check_form, case, reader) for case in json.loads(read(root, *path.split("/")))]
    for name in sorted(os.listdir(os.path.join(root, "log"))):
        rows += [(check_log, case, root) for case in json.loads(read(root, "log", name))]
    for run, case, more in rows:
        try:
            run(case, more)
            passed += 1
        except Exception as error:  # whatever it is, the vector does not hold
            failed += 1
            print("%s: %s: %s" % (case["name"], type(error).__name__, error))
    print("%d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "vectors")))
