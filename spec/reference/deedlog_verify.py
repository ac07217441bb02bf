#!/usr/bin/env python3
"""An independent verifier of Deedlog logs: Python 3.11, standard library only, written from the pages of spec/ alone.

    python3 spec/reference/deedlog_verify.py <target> --trust <file>
    python3 spec/reference/deedlog_verify.py <target> --self

<target> is a folder (with `checkpoint` and `tile/`, or with those in its folder `log`), a JSON-lines log, or a bundle.
Prints a report as JSON (spec/report.md) and ends with 0, 1, 2 or 3. Besides:

    --after <file>                         an earlier checkpoint that you hold; may be repeated
    --previous <log>                       an earlier log that this one carries on after; may be repeated
    --disclosure <index> <member> <file>   a disclosure of what the record at an index committed to
    --contents <folder>                    a folder of journal and vault files, held against all commitments
    --sample <n> --seed <text>             which calls to look at (spec/sample.md)
    --now <seconds>                        the clock, in seconds since 1970

Under --self no key is trusted, so the signature of the checkpoint is not checked: a published log does not hold its log
key. What this verifier cannot read, time stamps of RFC 3161 and signatures of ML-DSA-44, is named in `notChecked`. Where
the pages leave a choice, a comment that begins with "Choice" says what was chosen.

    deedlog_check.py      canonical JSON, formats, the schema of records, commitments, disclosures
    deedlog_tlog.py       Ed25519, notes, trust files, folders and JSON-lines files, the tree
    deedlog_records.py    records, streams, attribution
    deedlog_fold.py       streams, sessions, calls
    deedlog_findings.py   codes, and what they add up to
    deedlog_parts.py      the lines of bundles and of what pruning keeps
    deedlog_bundle.py     what a bundle shows
    deedlog_vault.py      disclosures that are kept
    deedlog_judge.py      the verification itself, step by step
"""
import argparse
import json
import os
import sys

sys.dont_write_bytecode = True  # leaves nothing beside the pages
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from deedlog_judge import Verifier  # noqa: E402
from deedlog_parts import BUNDLE_START, Bundle  # noqa: E402
from deedlog_previous import walk_back  # noqa: E402
from deedlog_tlog import Trust, Unreadable, decimal, inside, open_store, sha256  # noqa: E402
from deedlog_vault import check_one, contents, read_vault  # noqa: E402


def file_bytes(path):
    with open(path, "rb") as handle:
        return handle.read()


def open_target(path):
    """A bundle is known by its first bytes, not by its name (bundle.md section 1)."""
    if os.path.isfile(path):
        with open(path, "rb") as handle:
            if handle.read(len(BUNDLE_START)) == BUNDLE_START:
                return Bundle(path, file_bytes(path))
    return open_store(path)


def sample(verifier, number, seed):
    """sample.md: the calls of the lowest ranks, in the order of the log."""
    label = b"deedlog/v1 sample\n" + sha256(seed.encode("utf-8")) + verifier.checkpoint.root
    calls = [call.entry for call in verifier.fold.calls.values()]
    drawn = sorted(calls, key=lambda entry: sha256(label + bytes.fromhex(entry.leaf)))[:number]
    return [{"index": e.index, "call": e.record["call"]} for e in sorted(drawn, key=lambda one: one.index)]


def verify(options):
    supplied, trust = False, Trust()
    if options.trust:
        supplied = inside(options.trust, options.target)
        if not supplied:
            trust = Trust(file_bytes(options.trust))
    held = [file_bytes(path) for path in options.after]
    verifier = Verifier(open_target(options.target), trust, supplied, held, options.now)
    verifier.run()
    more = {}
    if options.previous or verifier.fold:
        more["continues"] = walk_back(verifier, [open_store(path) for path in options.previous])
    if options.disclosure:
        index, member, path = options.disclosure
        more["disclosure"] = check_one(verifier, decimal(index), member, file_bytes(path))
    if options.contents:
        more["contents"] = contents(verifier, read_vault(options.contents))
    if options.sample is not None and verifier.fold:
        more["sample"] = sample(verifier, options.sample, options.seed)
    return {**verifier.report(), **more}


def main(arguments):
    parser = argparse.ArgumentParser(description="Verifies Deedlog logs and bundles; see spec/report.md.")
    parser.add_argument("target")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--trust", help="a trust file from outside the log")
    whose.add_argument("--self", action="store_true", help="hold the log against its own word only")
    parser.add_argument("--after", action="append", default=[], help="an earlier checkpoint that you hold")
    parser.add_argument("--previous", action="append", default=[], help="a log that this one carries on after")
    parser.add_argument("--disclosure", nargs=3, metavar=("INDEX", "MEMBER", "FILE"))
    parser.add_argument("--contents", help="a folder of journal and vault files")
    parser.add_argument("--sample", type=int, help="how many calls to draw")
    parser.add_argument("--seed", default="", help="what they are drawn by")
    parser.add_argument("--now", type=int, help="seconds since 1970, in place of the clock")
    try:
        report = verify(parser.parse_args(arguments))
    except (Unreadable, OSError) as error:
        print("deedlog_verify: %s" % error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=2))
    return report["exitCode"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
