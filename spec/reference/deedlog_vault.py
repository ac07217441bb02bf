"""Disclosures that are kept, for deedlog_verify.py: the vault's sets (spec/vault.md) in journal and vault files
(spec/layout.md), and single disclosures (spec/record.md section 6).
"""
import os
import re

import deedlog_check as check
from deedlog_bundle import commitment_at, proves
from deedlog_tlog import Unreadable, sha256

MEMBERS = {
    "intent": ("args", "decision.reason", "principal", "toolName"), "review": ("args",),
    "outcome": ("args", "error.message", "output", "visible"), "settlement": ("evidence",),
    "coverage": ("detail",), "loss": ("detail",), "continuation": ("detail",),
}
MAGIC = {"journal": b"DLJ\x01", "vault": b"DLV\x01"}


def frames(data, kind):
    """(index of the first record, number of entries, payload) of each frame; vault.md and layout.md have the same header."""
    at = 0
    while at < len(data):
        header = data[at:at + 32]
        first, count, length = (int.from_bytes(header[a:b], "big") for a, b in ((4, 12), (12, 16), (16, 20)))
        payload = data[at + 32:at + 32 + length]
        good = len(header) == 32 and header[:4] == MAGIC[kind] and header[28:] == sha256(header[:28])[:4]
        if not good or not 1 <= count <= 65536 or length > 67108864 or header[20:28] != sha256(payload)[:8]:
            raise Unreadable("a frame of a %s file that is not as it was written" % kind)
        yield first, count, payload
        at += 32 + length


def pieces(payload, count, kind):
    """(offset of the record or None, leaf hash or None, set) of each entry of a frame."""
    at = 0
    for n in range(count):
        a, b = (int.from_bytes(payload[at + i:at + i + 4], "big") - 0x80000000 for i in (0, 4))
        if a < 0 or b < 0:
            raise Unreadable("a length without its mark")
        at += 8
        if kind == "vault":
            yield a, payload[at:at + 32].hex(), payload[at + 32:at + 32 + b]
            at += 32 + b
        else:
            record = payload[at:at + a]
            yield n, check.leaf(record) if a else None, payload[at + a:at + a + b]
            at += a + b
    if at != len(payload):
        raise Unreadable("a frame that does not end with its last entry")


def read_vault(folder):
    """{index of a record: (leaf hash or None, set)} of a folder of journal segments and vault files."""
    sets, covered = {}, []
    names = sorted(os.listdir(folder))
    for name in names:
        match = re.fullmatch(r"(\d{16})-(\d{16})\.vault", name, re.ASCII)
        if match:
            first, end = int(match.group(1)), int(match.group(2))
            if covered and first < covered[-1][1]:
                raise Unreadable("vault files that overlap")
            covered.append((first, end))
            read_file(os.path.join(folder, name), "vault", sets)
    for name in names:
        match = re.fullmatch(r"(\d{16})\.journal", name, re.ASCII)
        if match and not any(first <= int(match.group(1)) < end for first, end in covered):
            read_file(os.path.join(folder, name), "journal", sets)
    return sets


def read_file(path, kind, sets):
    with open(path, "rb") as handle:
        data = handle.read()
    for first, count, payload in frames(data, kind):
        for offset, leaf, one in pieces(payload, count, kind):
            if one:
                sets[first + offset] = (leaf, one)


def read_set(data):
    """vault.md, "Format": {path: disclosure}."""
    try:
        value = check.parse(data, False, 199, 2**28)
    except check.Malformed as error:
        raise Unreadable("a disclosure set that is not canonical: %s" % error)
    if not isinstance(value, dict) or not 1 <= len(value) <= 64:
        raise Unreadable("a disclosure set that is none")
    if not all(re.fullmatch(r"[A-Za-z]+(\.[A-Za-z]+)*", path, re.ASCII) for path in value):
        raise Unreadable("a path that is not letters with single dots between them")
    for disclosure in value.values():
        refuse_malformed(disclosure)
    return value


def refuse_malformed(disclosure):
    """Whatever section 6 of record.md refuses before it compares a root."""
    try:
        check.verify_disclosure(check.canonical(disclosure), {"root": "", "scheme": "f1", "size": 0})
    except check.Malformed as error:
        raise Unreadable("a disclosure that is none: %s" % error)
    except check.Mismatch:
        return


def contents(verifier, sets):
    """Of every commitment of a record that counts: whether a disclosure is held, was erased, or is missing."""
    good = {e.index: e for s in verifier.streams.values() if s.good and s.counts for e in s.good if e.understood}
    erased = {leaf for e in good.values() if e.type == "erasure" for leaf in e.record["intents"]}
    counts = {"full": 0, "part": 0, "erased": 0, "missing": 0}
    for entry in good.values():
        leaf, data = sets.get(entry.index, (None, None))
        held = read_set(data) if data and leaf in (None, entry.leaf) else {}
        intent = entry.leaf if entry.type == "intent" else entry.record.get("intent")
        for member in MEMBERS.get(entry.type, ()):
            expected = commitment_at(entry.record, member)
            if expected is None:
                continue
            if member not in held:
                counts["erased" if intent in erased else "missing"] += 1
            elif proves(held[member], expected)[0]:
                counts["full" if "key" in held[member] else "part"] += 1
            else:
                counts["missing"] += 1
                verifier.findings.add("disclosure.mismatch", entry.index)
    return counts


def check_one(verifier, index, member, data):
    """What a single disclosure proves. `Unreadable` where it is refused; it is evidence only where it is another value's."""
    entry = next((one for one in verifier.entries if one.index == index), None)
    expected = commitment_at(entry.record, member) if entry and entry.understood else None
    if expected is None:
        raise Unreadable("there is no commitment at %s of record %d" % (member, index))
    try:
        value, shown, withheld = check.verify_disclosure(data.decode("utf-8"), expected)
    except (check.Malformed, UnicodeDecodeError) as error:
        raise Unreadable("a disclosure that is none: %s" % error)
    except check.Mismatch:
        verifier.findings.add("disclosure.mismatch", index)
        return {"holds": False}
    return {"holds": True, **({"value": value} if shown is None else {"shown": shown, "withheld": withheld})}
