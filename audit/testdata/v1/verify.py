#!/usr/bin/env python3
"""Second verifier of audit bundles v1, independent of the Go code: standard library only.

usage: verify.py VKEY BUNDLE     exit 0: intact, 1: not intact
"""
import base64, hashlib, json, sys

P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
B64, SHA = (lambda s: base64.b64decode(s, validate=True)), (lambda b: hashlib.sha256(b).digest())

def add(p, q):  # RFC 8032 section 5.1.4, extended coordinates
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def mul(s, p):
    q = (0, 1, 1, 0)
    while s:
        if s & 1: q = add(q, p)
        p, s = add(p, p), s >> 1
    return q

def point(b):
    y = int.from_bytes(b, "little"); sign, y = y >> 255, y & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P: x = x * pow(2, (P - 1) // 4, P) % P
    assert y < P and (x * x - x2) % P == 0 and (x or not sign), "not a point"
    if x & 1 != sign: x = P - x
    return x, y, 1, x * y % P

def ed25519(key, msg, sig):  # RFC 8032 section 5.1.7
    s = int.from_bytes(sig[32:], "little")
    assert len(sig) == 64 and s < Q, "signature malformed"
    k = int.from_bytes(hashlib.sha512(sig[:32] + key + msg).digest(), "little") % Q
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    p, q = mul(s, base), add(point(sig[:32]), mul(k, point(key)))
    assert (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0, "signature wrong"

def note(vkey, msg):  # c2sp.org/signed-note and tlog-checkpoint: origin, size, root, further lines
    name, _, key = vkey.split("+", 2); key = B64(key)
    assert key[0] == 1, "key kind"
    text, sigs = msg.rsplit("\n\n", 1); text += "\n"; ok = False
    for line in sigs.rstrip("\n").split("\n"):
        dash, who, sig = line.split(" "); sig = B64(sig); assert dash == "\u2014"
        if who == name and sig[:4] == SHA(name.encode() + b"\n" + key)[:4]:
            ed25519(key[1:], text.encode(), sig[4:]); ok = True
    assert ok, "no signature by the key"
    origin, size, root, *extra = text.rstrip("\n").split("\n")
    return origin, int(size), B64(root), extra

def raw(s): return base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))

def node(l, r): return SHA(b"\x01" + l + r)

def push(stack, level, h):  # stack: (level, hash) of complete subtrees
    while stack and stack[-1][0] == level:
        h, level = node(stack.pop()[1], h), level + 1
    stack.append((level, h))

def fold(stack):
    h = stack[-1][1]
    for _, l in reversed(stack[:-1]): h = node(l, h)
    return h

def implied(i, n, h, path):  # RFC 9162 section 2.1.3.2
    n -= 1
    for p in path:
        assert n > 0, "path too long"
        if i & 1 or i == n:
            h = node(p, h)
            while not i & 1 and i: i, n = i >> 1, n >> 1
        else: h = node(h, p)
        i, n = i >> 1, n >> 1
    assert n == 0, "path too short"
    return h

def verify(vkey, data):
    assert data.endswith(b"\n"), "cut off"
    lines = data.decode().split("\n")[:-1]
    assert lines[0] == "gdprkit.dev/audit-bundle/v1", "unknown version"
    z = "Z %d %s" % (len(lines) - 3, hashlib.sha256(data[:data.rindex(b"Z ")]).hexdigest())
    assert lines[-1] == z, "last line"
    head, stack, roots, last, count, notes = json.loads(lines[1]), [], set(), None, 0, []
    whole, gone, below = head["kind"] in ("log", "range"), {}, head["kind"] == "log" and head["first"] > 0
    for line in lines[2:-1]:
        kind, *f = line.split(" ", 2)
        if kind == "N": push(stack, int(f[0]), B64(f[2 - 1].split(" ")[1]))
        elif kind in "EX":
            assert count == 0 and int(f[0]) == head["first"] or int(f[0]) > last[0], "index"
            if count == 0 and whole and stack: base = fold(stack)
            if kind == "E":
                e = json.loads(f[1]); a = {x[0]: x[2] for x in e["attr"] if x[1] in "ir"}
                assert e["log"] == head["origin"].rsplit("/", 1)[1], "other log"
                if e["act"] == "log.redacted" and a.get("seq") in gone:
                    assert raw(a["leafHash"]) == gone.pop(a["seq"]), "redaction names another hash"
                if e["act"] == "log.pruned" and below and int(a.get("upTo", 0)) == head["first"]:
                    below = raw(a["root"]) != base
            else: gone[f[0]] = bytes.fromhex(f[1])
            h = SHA(b"\x00" + f[1].encode()) if kind == "E" else bytes.fromhex(f[1])
            last, count = (int(f[0]), h), count + 1
            if whole: push(stack, 0, h)
        elif kind == "P":
            assert int(f[0]) == last[0], "path out of place"
            roots.add(implied(last[0], head["size"], last[1], [B64(x) for x in f[1].split(",") if x]))
        elif kind == "C": notes.append(B64(f[0]).decode())
        else: assert kind == "K", "unknown line"
    origin, size, root, _ = note(vkey, notes[-1])
    assert origin == vkey.split("+")[0] == head["origin"] and size == head["size"] and count == head["count"], "header"
    if whole: roots = {fold(stack)}
    if whole and count and head["first"] + count == size: assert not gone and not below, "dropped without a word"
    assert roots <= {root}, "the entries lead to another root"
    for n in notes[:-1]: note(vkey, n)

if __name__ == "__main__":
    try: verify(sys.argv[1], open(sys.argv[2], "rb").read())
    except (AssertionError, ValueError, KeyError, IndexError, TypeError) as e: print("NOT INTACT:", e); sys.exit(1)
    print("INTACT")
