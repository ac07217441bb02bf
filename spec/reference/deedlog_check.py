#!/usr/bin/env python3
"""Checks the vectors under spec/vectors/record, from spec/record.md alone. Python 3.8 or later, standard library only.

    python3 spec/reference/deedlog_check.py [directory of vectors]

Prints what failed, then `N passed, M failed`, and ends with 0 or 1. E itself is not checked: it maps JavaScript
values, which this language does not have. Written to be read beside the specification, not to be fast.
"""
import base64
import hashlib
import json
import os
import re
import sys

sys.setrecursionlimit(10000)


class Malformed(Exception):
    """The bytes are refused; they accuse nobody."""


class Mismatch(Exception):
    """The disclosure is one of something else."""


def sha256(data):
    return hashlib.sha256(data).digest()


# --- Section 1: bytes -------------------------------------------------------------------------------------------------

def utf16(text):
    """What names are compared by."""
    return text.encode("utf-16-be", "surrogatepass")


def number_text(value):
    """A number as ECMAScript prints it (RFC 8785 section 3.2.2.3). Python's repr has the same shortest digits."""
    if isinstance(value, int):
        if abs(value) < 10**21 and int(float(value)) == value:
            return str(value)
        value = float(value)
    if value != value or value in (float("inf"), float("-inf")):
        raise Malformed("no finite number")
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = whole + part
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    n = len(digits)
    sign = "-" if value < 0 else ""
    if n <= point <= 21:
        return sign + digits + "0" * (point - n)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    tail = ("." + digits[1:]) if n > 1 else ""
    return sign + digits[0] + tail + "e" + ("+" if power >= 0 else "-") + str(abs(power))


ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def string_text(text):
    out = []
    for c in text:
        if c in ESCAPES:
            out.append(ESCAPES[c])
        elif ord(c) < 0x20:
            out.append("\\u%04x" % ord(c))
        elif 0xD800 <= ord(c) <= 0xDFFF:
            raise Malformed("lone surrogate")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


def canonical(value):
    """RFC 8785."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    names = sorted(value, key=utf16)
    return "{" + ",".join(string_text(name) + ":" + canonical(value[name]) for name in names) + "}"


def C(value):
    return canonical(value).encode("utf-8")


def brackets(text):
    """How deep brackets go outside strings: a bound before any recursive parser runs."""
    depth = deepest = 0
    inside = escaped = False
    for c in text:
        if inside:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                inside = False
        elif c == '"':
            inside = True
        elif c in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif c in "]}":
            depth -= 1
    return deepest


def parse(data, record_values, deepest, longest=None):
    if len(data) == 0 or (longest is not None and len(data) > longest):
        raise Malformed("length")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("no UTF-8")
    if brackets(text) > deepest:
        raise Malformed("depth")

    def refuse_constant(name):
        raise Malformed(name)

    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise Malformed("no JSON")
    if record_values:
        refuse_other_values(value)
    if canonical(value) != text:
        raise Malformed("not canonical")
    return value


def refuse_other_values(value):
    if value is None or isinstance(value, float):
        raise Malformed("null, fraction or exponent")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53 - 1:
        raise Malformed("integer too large")
    if isinstance(value, list):
        for item in value:
            refuse_other_values(item)
    if isinstance(value, dict):
        for member in value.values():
            refuse_other_values(member)


def parse_record(data):
    value = parse(data, True, 8, 16384)
    if not isinstance(value, dict):
        raise Malformed("no object")
    return value


def leaf(data):
    return sha256(b"\x00" + data).hex()


# --- Section 1: formats -----------------------------------------------------------------------------------------------

def matches(pattern, value):
    return isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def is_hash(value):
    return matches(r"[0-9a-f]{64}", value)


def bin_bytes(value):
    """The bytes of a bin, or None."""
    if not isinstance(value, str) or not value.isascii():
        return None
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == value else None


def is_bin(length):
    return lambda value: (bin_bytes(value) or b"") != b"" and len(bin_bytes(value)) == length


def is_key(value):
    return is_bin(33)(value) and bin_bytes(value)[0] == 1


is_sig = is_bin(64)


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**53 - 1


def is_id(value):
    return matches(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", value)


def is_word(value):
    return matches(r"[\x21-\x2a\x2c-\x7e]{1,255}", value)


def is_text(value):
    if not isinstance(value, str) or value == "":
        return False
    if any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F or 0xD800 <= ord(c) <= 0xDFFF for c in value):
        return False
    return len(string_text(value).encode("utf-8")) - 2 <= 255


def is_time(value):
    if not matches(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
        return False
    year, month, day = int(value[0:4]), int(value[5:7]), int(value[8:10])
    hour, minute, second = int(value[11:13]), int(value[14:16]), int(value[17:19])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return 1 <= month <= 12 and 1 <= day <= days[month - 1] and hour < 24 and minute < 60 and second < 60


# --- Sections 1, 2, 4: record types -----------------------------------------------------------------------------------
# A check takes a value and says whether it is in its format. An object's members are (check, required).

def one_of(*words):
    return lambda value: isinstance(value, str) and value in words


def flag(value):
    return value is True


def obj(**members):
    def check(value):
        if not isinstance(value, dict) or not value:
            return False
        for name, (member, required) in members.items():
            if name in value:
                if not member(value[name]):
                    return False
            elif required:
                return False
        return True

    return check


def must(check):
    return (check, True)


def may(check):
    return (check, False)


def list_of(most, check, ascending=None):
    def whole(value):
        if not isinstance(value, list) or not 1 <= len(value) <= most or not all(check(item) for item in value):
            return False
        if ascending is None:
            return True
        keys = [utf16(ascending(item)) for item in value]
        return all(a < b for a, b in zip(keys, keys[1:]))

    return whole


def refs(value):
    return isinstance(value, dict) and 1 <= len(value) <= 8 and all(is_word(n) and is_text(v) for n, v in value.items())


commitment = obj(root=must(is_hash), scheme=must(one_of("f1")), size=must(is_int))
software = obj(name=must(is_text), version=must(is_text))
after = obj(origin=must(is_word), size=must(is_int), root=must(is_hash), note=must(is_hash))
VERSION = lambda value: is_int(value) and value == 1
COMMON = dict(
    v=must(VERSION), type=must(is_word), time=must(is_time), after=may(after),
    crit=may(list_of(64, lambda value: isinstance(value, str), lambda value: value)),
)
CHAINED = dict(
    COMMON, stream=must(is_hash), seq=must(lambda value: is_int(value) and value > 0), prev=must(is_hash), sig=may(is_sig),
)


def chained(**members):
    return dict(CHAINED, **members)


TYPES = {
    "log": dict(
        COMMON, origin=must(is_word), nonce=must(is_bin(32)), operators=must(list_of(8, is_key)),
        retention=may(obj(days=must(is_int))), sig=must(is_sig),
    ),
    "stream.start": dict(
        COMMON,
        seq=must(lambda value: is_int(value) and value == 0),
        logs=must(list_of(8, obj(id=must(is_hash), origin=must(is_word)), lambda item: item["id"])),
        role=must(one_of("agent", "operator")),
        observer=may(one_of("host", "client", "proxy", "server")),
        agent=must(obj(id=must(is_word), name=may(is_text), version=may(is_text))),
        host=may(obj(framework=must(is_text), version=must(is_text))),
        recorder=must(software),
        config=may(is_hash),
        custody=may(one_of("process", "daemon", "kms")),
        identity=must(is_key),
        key=must(is_key),
        sig=must(is_sig),
    ),
    "rules": chained(
        engine=must(software),
        files=must(list_of(32, obj(digest=must(is_hash), name=must(is_text)), lambda item: item["name"])),
        part=may(is_hash),
    ),
    "intent": chained(
        call=must(is_id),
        session=may(obj(id=must(is_id), n=must(is_int))),
        tool=must(obj(name=must(is_text), kind=may(is_word), server=may(is_text), digest=may(is_hash))),
        toolName=may(commitment),
        args=must(commitment),
        decision=must(obj(
            verdict=must(one_of("allow", "deny", "review", "not_evaluated")), rules=may(is_hash), policy=may(is_text),
            rule=may(is_text), reason=may(commitment),
        )),
        principal=may(commitment),
        refs=may(refs),
        parent=may(is_hash),
        same=may(is_hash),
        attempt=may(lambda value: is_int(value) and value >= 2),
        tier=may(one_of("degraded", "lossy")),
        unmediated=may(flag),
        belated=may(flag),
    ),
    "review": chained(
        call=must(is_id), intent=must(is_hash), verdict=must(one_of("approved", "rejected")),
        approver=must(obj(id=must(is_word), channel=must(is_word))), args=may(commitment),
        approval=may(obj(key=must(is_key), sig=must(is_sig))),
    ),
    "outcome": chained(
        call=must(is_id),
        intent=must(is_hash),
        status=must(one_of(
            "succeeded", "failed", "reported_error", "not_executed", "short_circuited", "pending", "cancelled",
            "timed_out", "unknown",
        )),
        executed=must(one_of("yes", "no", "unknown")),
        args=may(commitment),
        output=may(commitment),
        visible=may(commitment),
        error=may(obj(name=may(is_text), message=may(commitment))),
        startedAt=may(is_time),
        durationUs=may(is_int),
        late=may(flag),
    ),
    "settlement": chained(
        intent=must(is_hash), result=must(one_of("succeeded", "failed", "not_executed")), basis=must(is_word),
        evidence=may(commitment),
    ),
    "session.end": chained(session=must(is_id), calls=must(is_int)),
    "coverage": chained(
        tools=may(list_of(64, obj(name=must(is_text), digest=may(is_hash), wrapped=must(one_of("yes", "no"))))),
        unseen=may(list_of(64, is_word, lambda item: item)),
        detail=may(commitment),
    ),
    "loss": chained(reason=must(is_word), count=may(is_int), detail=may(commitment)),
    "recovery": chained(of=must(is_hash), last=must(is_hash), lastSeq=must(is_int)),
    "continuation": chained(
        of=must(is_hash), note=must(is_hash), size=must(is_int), reason=must(is_word), detail=may(commitment),
    ),
    "key": chained(
        event=must(one_of("add", "retire", "compromised")), key=must(is_key), agent=may(is_word), since=may(is_int),
    ),
    "erasure": chained(intents=must(list_of(128, is_hash)), basis=must(is_word)),
    "stream.end": chained(calls=must(is_int), pending=must(is_int)),
}

EXECUTED = {
    "succeeded": ("yes",), "failed": ("yes", "unknown"), "reported_error": ("yes", "unknown"),
    "not_executed": ("no",), "short_circuited": ("no",), "pending": ("yes", "no", "unknown"),
    "cancelled": ("yes", "unknown"), "timed_out": ("yes", "unknown"), "unknown": ("unknown",),
}
FINAL = ("succeeded", "failed", "reported_error", "not_executed", "short_circuited")
OPERATOR_ONLY = ("settlement", "continuation", "key", "erasure")


def understood(record):
    """Whether version 1 understands a record."""
    if not VERSION(record.get("v")):
        return False
    kind = record.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        return False
    members = TYPES[kind]
    if not obj(**members)(record):
        return False
    if any(name not in members for name in record.get("crit", [])):
        return False
    links = {"log": ("stream", "seq", "prev"), "stream.start": ("stream", "prev")}.get(kind, ())
    if any(name in record for name in links):
        return False
    if "after" in record and "sig" not in record:
        return False
    return kind != "outcome" or record["executed"] in EXECUTED[record["status"]]


# --- Section 3: the one rule for Ed25519 ------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = (-121665 * pow(121666, P - 2, P)) % P
SMALL_ORDER = (
    0, 1, P - 1,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
)


def add(p, q):
    """Extended coordinates (X, Y, Z, T), RFC 8032 section 5.1.4."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decode_point(data):
    """RFC 8032 section 5.1.3; None when y is on no point."""
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= 2**255 - 1
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P != 0:
        return None
    if x == 0 and sign == 1:
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def encode_point(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decode_point(bytes.fromhex("58" + "66" * 31))


def verify_ed25519(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    y = int.from_bytes(key, "little") & (2**255 - 1)
    if y >= P or y in SMALL_ORDER:
        return False
    point = decode_point(key)
    s = int.from_bytes(signature[32:], "little")
    if point is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    minus = (P - point[0], point[1], 1, P - point[3])
    return encode_point(add(multiply(s, BASE), multiply(k, minus))) == signature[:32]


def record_message(record):
    body = {name: value for name, value in record.items() if name != "sig"}
    return b"deedlog/v1 record\n" + sha256(C(body))


def signed_by(record, key):
    if not is_sig(record.get("sig")) or not is_key(key):
        return False
    return verify_ed25519(bin_bytes(key)[1:], record_message(record), bin_bytes(record["sig"]))


# --- Section 3: attribution -------------------------------------------------------------------------------------------

class Entry:
    def __init__(self, index, text):
        data = text.encode("utf-8")
        self.index, self.record, self.leaf = index, parse_record(data), leaf(data)
        self.understood = understood(self.record)
        self.type = self.record.get("type")
        seq, stream, prev = self.record.get("seq"), self.record.get("stream"), self.record.get("prev")
        self.stream = self.seq = self.prev = None
        if self.type == "stream.start":
            if is_int(seq) and seq == 0 and stream is None and prev is None:
                self.stream, self.seq = self.leaf, 0
        elif self.type != "log" and is_int(seq) and seq > 0 and is_hash(stream) and is_hash(prev):
            self.stream, self.seq, self.prev = stream, seq, prev


def attribute(entries, stream):
    """What section 3 says of one stream of a log."""
    first, copies = {}, []
    for entry in entries:
        if entry.stream != stream:
            continue
        if entry.leaf in first:
            copies.append(entry.index)
        else:
            first[entry.leaf] = entry
    records = list(first.values())
    start = first.get(stream)
    good = {}
    if start is not None and start.understood and signed_by(start.record, start.record["identity"]):
        good[start.leaf] = start
        # From the highest seq down: whatever can name a record is settled before it.
        for entry in sorted(records, key=lambda one: -one.seq):
            named = any(one.prev == entry.leaf and one.seq == entry.seq + 1 for one in good.values())
            if named or (entry is not start and signed_by(entry.record, start.record["key"])):
                good[entry.leaf] = entry
    places = {}
    for entry in sorted(good.values(), key=lambda one: one.index):
        places.setdefault(entry.seq, []).append(entry.index)
    forks = [{"seq": seq, "indexes": here} for seq, here in sorted(places.items()) if len(here) > 1]
    missing, below = [], -1
    for seq in sorted(places):
        if seq > below + 1:
            missing.append([below + 1, seq - 1])
        else:
            for entry in good.values():
                named = good.get(entry.prev)
                if entry.seq == seq and seq > 0 and (named is None or named.seq != seq - 1):
                    missing.append([seq - 1, seq - 1])
        below = seq
    ordered = sorted(good.values(), key=lambda one: one.index)
    out = any(a.seq > b.seq for i, a in enumerate(ordered) for b in ordered[i + 1:])
    return {
        "attributed": sorted(entry.index for entry in good.values()),
        "strays": sorted(entry.index for entry in records if entry.leaf not in good),
        "copies": copies,
        "forks": forks,
        "broken": missing,
        "outOfOrder": out,
    }


# --- Section 4: calls -------------------------------------------------------------------------------------------------

def operator_counts(log, starts, attributed):
    """Streams that count as the operator's: their identity is in the log record, or a `key` record added it."""
    keys = set(log.record["operators"])
    counting = set()
    for entry in attributed:
        record = entry.record
        if entry.type == "stream.start" and record["role"] == "operator" and record["identity"] in keys:
            counting.add(entry.leaf)
        if entry.type == "key" and entry.stream in counting and "agent" not in record:
            if record["event"] == "add":
                keys.add(record["key"])
            else:
                keys.discard(record["key"])
    return counting


class Call:
    def __init__(self, entry):
        self.entry, self.record = entry, entry.record
        self.verdict = entry.record["decision"]["verdict"]
        self.review = self.settled = None
        self.outcomes, self.current = 0, None
        self.exceptions = set()


def judge_calls(entries):
    log = entries[0]
    streams = {entry.stream for entry in entries if entry.stream is not None}
    counted = set()
    for stream in streams:
        counted.update(attribute(entries, stream)["attributed"])
    kept = [entry for entry in entries if entry.index in counted and entry.understood]
    starts = {entry.leaf: entry.record for entry in kept if entry.type == "stream.start"}
    # A stream counts only in the logs that it names.
    kept = [e for e in kept if e.stream in starts and any(one["id"] == log.leaf for one in starts[e.stream]["logs"])]
    operators = operator_counts(log, starts, kept)
    kept = [e for e in kept if starts[e.stream]["role"] == "agent" or e.stream in operators]
    kept = [e for e in kept if e.type not in OPERATOR_ONLY or e.stream in operators]
    calls, over, recovered = {}, set(), {}

    def same_recorder(a, b):
        return a == b or all(
            starts[a][name] == starts[b][name] if name == "identity" else starts[a][name]["id"] == starts[b][name]["id"]
            for name in ("identity", "agent")
        )

    for entry in kept:
        record = entry.record
        if entry.type == "intent":
            call = calls[entry.leaf] = Call(entry)
            for name in ("unmediated", "belated"):
                if record.get(name):
                    call.exceptions.add("call." + name)
            if "tier" in record:
                call.exceptions.add("call." + record["tier"])
        elif entry.type == "stream.end":
            over.add(entry.stream)
        elif entry.type == "recovery":
            over.add(record["of"])
            recovered.setdefault(record["of"], entry.index)
        elif entry.type in ("review", "outcome") and record["intent"] in calls:
            call = calls[record["intent"]]
            elsewhere = entry.stream != call.entry.stream
            if record["call"] != call.record["call"] or (not elsewhere and entry.seq <= call.entry.seq):
                call.exceptions.add("outcome.not-counted")
            elif entry.type == "review":
                judge_review(call, entry, same_recorder)
            else:
                revived = recovered.get(call.entry.stream, entry.index) < entry.index
                counts = not elsewhere or (
                    same_recorder(entry.stream, call.entry.stream)
                    and (record.get("late") or (record["status"] == "unknown" and revived))
                )
                if counts:
                    judge_outcome(call, record, elsewhere)
                else:
                    call.exceptions.add("outcome.not-counted")
        elif entry.type == "settlement" and record["intent"] in calls:
            call = calls[record["intent"]]
            settles = call.current["status"] not in FINAL if call.current else call.entry.stream in over
            if settles:
                call.settled = record["result"]
            else:
                call.exceptions.add("settlement.disputed")
    return [
        {"intent": call.entry.index, "status": status_of(call, over), "exceptions": sorted(call.exceptions)}
        for call in calls.values()
    ]


def judge_review(call, entry, same_recorder):
    if call.verdict != "review" or call.review or not same_recorder(entry.stream, call.entry.stream):
        call.exceptions.add("review.misplaced")
    else:
        call.review = entry.record["verdict"]


def judge_outcome(call, record, elsewhere):
    call.outcomes += 1
    allowed = True
    if call.outcomes == 1:
        if record.get("late") and not elsewhere:
            call.exceptions.add("outcome.misfit")
    else:
        provisional = call.current["status"] not in FINAL
        allowed = call.outcomes == 2 and provisional and record.get("late") and record["status"] != "pending"
        if not allowed:
            call.exceptions.add("call.second-outcome")
    if record["executed"] != "no":
        if call.verdict == "deny":
            call.exceptions.add("call.executed-though-denied")
        elif call.verdict == "review" and call.review != "approved":
            call.exceptions.add("call.declined-yet-executed" if call.review else "call.executed-without-approval")
        if "args" in record:
            call.exceptions.add("call.other-arguments")
    if allowed:
        call.current = record


def status_of(call, over):
    refused = "denied" if call.verdict == "deny" else "declined" if call.review == "rejected" else None
    current = call.current
    if call.settled and not (current and current["status"] in FINAL):
        return call.settled
    if refused and (current is None or current["executed"] == "no"):
        return refused
    if current:
        if current["status"] == "unknown":
            call.exceptions.add("call.unknown")
        return current["status"]
    if call.entry.stream in over:
        call.exceptions.add("outcome.missing")
        return "missing"
    return "undecided" if call.verdict == "review" and call.review is None else "pending"


# --- Section 6: commitments and disclosures ---------------------------------------------------------------------------

def is_tag_name(name):
    return name.startswith("$") and not name.startswith("$$") and not name.startswith("$utf16:")


def splittable(value):
    if isinstance(value, list):
        return len(value) > 0
    return isinstance(value, dict) and len(value) > 0 and not any(is_tag_name(name) for name in value)


def members_of(value):
    if isinstance(value, list):
        return list(enumerate(value))
    return [(name, value[name]) for name in sorted(value, key=utf16)]


def fields_of(e):
    fields = [([], e)]
    while any(splittable(value) for _, value in fields):
        following = []
        for path, value in fields:
            if splittable(value):
                following += [(path + [step], inner) for step, inner in members_of(value)]
            else:
                following.append((path, value))
        if len(following) > 64:
            break
        fields = following
    return fields


def commit(e, key):
    def salt(i):
        return sha256(key + i.to_bytes(4, "big"))

    size = 256
    while size < len(C(e)):
        size *= 2
    fields = fields_of(e)
    paths = [path for path, _ in fields]
    if paths == [[]]:
        root = sha256(b"deedlog/v1 value\n" + sha256(salt(0) + C(e)))
    else:
        digests = sha256(salt(0) + C(paths))
        for i, (_, value) in enumerate(fields, 1):
            digests += sha256(salt(i) + C(value))
        root = sha256(b"deedlog/v1 fields\n" + digests)
    return {"root": root.hex(), "scheme": "f1", "size": size}, paths


def check_paths(paths):
    """Rebuilds containers from the paths, lists them again, and wants the same list."""
    if not isinstance(paths, list) or not 1 <= len(paths) <= 64:
        raise Malformed("paths")
    root = {}
    for path in paths:
        if not isinstance(path, list):
            raise Malformed("a path is no list")
        here = root
        for step in path:
            if isinstance(step, bool) or not isinstance(step, (int, str)):
                raise Malformed("a step is neither index nor name")
            if isinstance(step, str) and is_tag_name(step):
                raise Malformed("a tag's name")
            if here.get("leaf"):
                raise Malformed("a prefix")
            inner = here.setdefault("in", {})
            if any(isinstance(step, str) != isinstance(other, str) for other in inner):
                raise Malformed("an index and a name")
            here = inner.setdefault(step, {})
        if here.get("leaf") or "in" in here:
            raise Malformed("a prefix")
        here["leaf"] = True

    listed = []

    def list_again(here, path):
        if here.get("leaf"):
            listed.append(path)
            return
        steps = list(here["in"])
        if isinstance(steps[0], int):
            steps.sort()
            if steps != list(range(len(steps))):
                raise Malformed("a gap")
        else:
            steps.sort(key=utf16)
        for step in steps:
            list_again(here["in"][step], path + [step])

    list_again(root, [])
    if listed != paths:
        raise Malformed("order")


def salt_bytes(value):
    if not is_bin(32)(value):
        raise Malformed("not 32 bytes")
    return bin_bytes(value)


def depth_of(value):
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else None
    return 0 if inner is None else 1 + max([depth_of(item) for item in inner], default=0)


def value_of(value):
    if depth_of(value) > 194:
        raise Malformed("too deep")
    return value


def verify_disclosure(text, expected):
    d = parse(text.encode("utf-8"), False, 300)
    if not isinstance(d, dict):
        raise Malformed("no object")
    if set(d) == {"key", "value"}:
        found, _ = commit(value_of(d["value"]), salt_bytes(d["key"]))
        if found != expected:
            raise Mismatch()
        return d["value"], None, None
    if set(d) != {"salt", "paths", "fields"}:
        raise Malformed("members")
    digests = sha256(salt_bytes(d["salt"]) + C(d["paths"]))
    check_paths(d["paths"])
    if d["paths"] == [[]] or not isinstance(d["fields"], list) or len(d["fields"]) != len(d["paths"]):
        raise Malformed("fields")
    greatest = max(len(path) for path in d["paths"])
    shown, withheld, unsplit, after_split, withheld_there = [], [], False, 0, False
    for path, field in zip(d["paths"], d["fields"]):
        if isinstance(field, dict) and set(field) == {"digest"}:
            digests += salt_bytes(field["digest"])
            withheld.append(path)
            withheld_there |= len(path) == greatest
            after_split += 1
        elif isinstance(field, dict) and set(field) == {"salt", "value"}:
            value = value_of(field["value"])
            digests += sha256(salt_bytes(field["salt"]) + C(value))
            shown.append(path)
            if splittable(value):
                unsplit = True
                if len(path) < greatest:
                    raise Malformed("not split")
                after_split += len(value)
            else:
                after_split += 1
        else:
            raise Malformed("a field's members")
    if unsplit and not withheld_there and after_split <= 64:
        raise Malformed("not split")
    if sha256(b"deedlog/v1 fields\n" + digests).hex() != expected["root"]:
        raise Mismatch()
    return None, shown, withheld


# --- The vectors ------------------------------------------------------------------------------------------------------

def same(found, expected):
    if canonical(found) != canonical(expected):
        raise AssertionError("found %s, expected %s" % (canonical(found)[:300], canonical(expected)[:300]))


def verdict(run, good):
    try:
        return run() or good
    except Malformed:
        return "malformed"
    except Mismatch:
        return "mismatch"


def check_json(row):
    data = bytes.fromhex(row["hex"]) if "hex" in row else row["text"].encode("utf-8", "surrogatepass")
    limits = (True, 8, 16384) if row["as"] == "record" else (False, 194)
    same(verdict(lambda: parse(data, *limits) and None, "ok"), row["expect"])


FORMATS = {
    "time": is_time, "id": is_id, "word": is_word, "text": is_text, "hash": is_hash, "sig": is_sig, "key": is_key,
}


def check_format(row):
    same(FORMATS[row["format"]](row["value"]), row["expect"])


def check_commitment(row):
    e = json.loads(row["e"])
    same(canonical(e), row["e"])
    found, paths = commit(e, bytes.fromhex(row["key"]))
    same([found["root"], found["size"], paths], [row["root"], row["size"], row["paths"]])


def check_disclosure(row):
    proved = []
    same(verdict(lambda: proved.append(verify_disclosure(row["disclosure"], row["commitment"])), "ok"), row["expect"])
    if proved and "value" in row:
        same(canonical(proved[0][0]), row["value"])
    elif proved:
        same(list(proved[0][1:]), [row["shown"], row["withheld"]])


def check_record(row):
    data = row["text"].encode("utf-8")
    same(verdict(lambda: "understood" if understood(parse_record(data)) else "not understood", ""), row["expect"])
    if "leaf" in row:
        same(leaf(data), row["leaf"])


def check_signature(row):
    key, message, signature = (bytes.fromhex(row[name]) for name in ("key", "message", "signature"))
    same("good" if verify_ed25519(key, message, signature) else "bad", row["expect"])


def read_entries(row):
    return [Entry(index, text) for index, text in enumerate(row["entries"])]


def check_stream(row):
    same(attribute(read_entries(row), row["stream"]), row["expect"])


def check_call(row):
    same(judge_calls(read_entries(row)), row["calls"])


CHECKS = {
    "json": check_json, "format": check_format, "commitment": check_commitment, "disclosure": check_disclosure,
    "record": check_record, "signature": check_signature, "stream": check_stream, "call": check_call,
}


def main(root):
    passed = failed = skipped = 0
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            if not name.endswith(".json"):
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as handle:
                vectors = json.load(handle)
            if vectors["kind"] == "capture":
                skipped += len(vectors["cases"])
                continue
            for row in vectors["cases"]:
                try:
                    CHECKS[vectors["kind"]](row)
                    passed += 1
                except Exception as error:  # whatever it is, the vector does not hold
                    failed += 1
                    print("%s: %s: %s: %s" % (os.path.relpath(path, root), row["name"], type(error).__name__, error))
    print("%d cases of E not checked: they are JavaScript" % skipped)
    print("%d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "vectors", "record")))
