#!/usr/bin/env python3
"""Writes the ed25519 vectors of this folder, from an implementation of its own.

The reference below shares nothing with the contracts: affine points, plain double-and-add, Python integers. It also
prints the constants of the Solidity libraries (`generate.py --constants`).

Written files, each with the parallel arrays names, keys, signatures, messages, valid:
  ed25519_rfc8032.json    the RFC's examples, whose signatures are computed here and compared with the RFC's
  ed25519_edge.json       torsion, mixed order, S + L, encodings that are not canonical, altered bits; random honest ones
  ed25519_wycheproof.json wycheproof_ed25519.json (C2SP/wycheproof, Apache 2.0, unmodified), flattened
`--check` compares instead of writing.
"""

import hashlib
import json
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1)


def add(p, q):
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def neg(p):
    return -p[0] % P, p[1]


def mul(n, p):
    result = NEUTRAL
    while n:
        if n & 1:
            result = add(result, p)
        p, n = add(p, p), n >> 1
    return result


def root(y, sign):
    """The point with this y and the sign of x, or None."""
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * SQRT_MINUS_ONE % P
    if v * x * x % P != u:
        return None
    if x & 1 != sign:
        x = -x % P
    return (x, y) if x & 1 == sign else None


BASE = root(4 * pow(5, -1, P) % P, 0)


def encode(p):
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


def decode(data):
    """Strict: None unless the encoding is the one that `encode` gives."""
    number = int.from_bytes(data, "little")
    y = number & (2**255 - 1)
    return root(y, number >> 255) if y < P else None


def challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def verify(key, signature, message):
    if len(signature) != 64:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    a_point, r_point = decode(key), decode(r)
    if s >= L or a_point is None or r_point is None:
        return False
    if mul(8, a_point) == NEUTRAL or mul(8, r_point) == NEUTRAL:
        return False
    return mul(s, BASE) == add(r_point, mul(challenge(r, key, message), a_point))


def expand(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    return scalar, digest[32:]


def sign(seed, message):
    scalar, prefix = expand(seed)
    key = encode(mul(scalar, BASE))
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    r = encode(mul(nonce, BASE))
    return key, r + ((nonce + challenge(r, key, message) * scalar) % L).to_bytes(32, "little")


def torsion():
    """The eight points whose order divides 8."""
    y = 2
    while True:
        point = root(y, 0)
        if point is not None and mul(4 * L, point) != NEUTRAL:
            generator = mul(L, point)
            return [mul(i, generator) for i in range(8)]
        y += 1


class Vectors:
    def __init__(self):
        self.cases = []

    def put(self, name, key, signature, message, expected=None):
        valid = verify(key, signature, message)
        assert expected is None or valid == expected, name
        self.cases.append((name, key, signature, message, valid))

    def dump(self):
        names, keys, signatures, messages, valid = zip(*self.cases)
        hexes = lambda items: ["0x" + item.hex() for item in items]
        return {
            "names": list(names),
            "keys": hexes(keys),
            "signatures": hexes(signatures),
            "messages": hexes(messages),
            "valid": list(valid),
        }


RFC = [  # RFC 8032, 7.1: seed, key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


def rfc8032():
    vectors = Vectors()
    for number, (seed, key, message, signature) in enumerate(RFC):
        key, message, signature = map(bytes.fromhex, (key, message, signature))
        assert sign(bytes.fromhex(seed), message) == (key, signature), number
        vectors.put(f"example {number}", key, signature, message, True)
        vectors.put(f"example {number}, another message", key, signature, message + b"\0", False)
    return vectors.dump()


def honest(vectors, rng):
    for i in range(64):
        message = b"FAIRLANE-VOT-v1" + rng.randbytes(32)
        key, signature = sign(rng.randbytes(32), message)
        vectors.put(f"honest {i}", key, signature, message, True)
        s = int.from_bytes(signature[32:], "little")
        for times in (1, 2, 7, 15):
            if s + times * L < 2**256:
                shifted = signature[:32] + (s + times * L).to_bytes(32, "little")
                vectors.put(f"honest {i}, S + {times} L", key, shifted, message, False)
    for length in (0, 1, 46, 48, 63, 64, 65, 127, 128, 129, 191, 192, 193, 300):
        message = rng.randbytes(length)
        key, signature = sign(rng.randbytes(32), message)
        vectors.put(f"message of {length} bytes", key, signature, message, True)


def altered(vectors, rng):
    message = b"FAIRLANE-PRO-v1" + rng.randbytes(32)
    key, signature = sign(rng.randbytes(32), message)
    for part, data in (("key", key), ("signature", signature), ("message", message)):
        for bit in range(0, 8 * len(data), 3):
            changed = (int.from_bytes(data, "little") ^ 1 << bit).to_bytes(len(data), "little")
            case = {"key": key, "signature": signature, "message": message, part: changed}
            vectors.put(f"{part}, bit {bit}", case["key"], case["signature"], case["message"], False)


def mixed(vectors, rng, points):
    """A and R with components of small order. The strict equation then holds for the right k modulo 8 only."""
    for i, j in ((i, j) for i in range(8) for j in range(8)):
        scalar, nonce = rng.randrange(1, L), rng.randrange(1, L)
        a_point, r_point = add(mul(scalar, BASE), points[i]), add(mul(nonce, BASE), points[j])
        key, r = encode(a_point), encode(r_point)
        for wanted in (True, False):
            # Whether the small components cancel depends on the hash: search a message with each outcome.
            for attempt in range(64):
                message = b"FAIRLANE-SEG-v1" + rng.randbytes(32)
                k = challenge(r, key, message)
                if (mul(k % 8, points[i]) == neg(points[j])) == wanted:
                    s = (nonce + k * scalar) % L
                    name = f"mixed order {i}, {j}, small components {'cancel' if wanted else 'remain'}"
                    vectors.put(name, key, r + s.to_bytes(32, "little"), message, wanted)
                    break


def small(vectors, rng, points):
    """Keys or R of small order, with equations that hold."""
    for i, point in enumerate(points):
        for number in {point[1], point[1] + P} if point[1] + P < 2**255 else {point[1]}:
            for sign_bit in (0, 1):
                data = (number | sign_bit << 255).to_bytes(32, "little")
                message = b"FAIRLANE-SEG-v1" + rng.randbytes(32)
                zero = (0).to_bytes(32, "little")
                vectors.put(f"small-order key {i}, {number >= P}, {sign_bit}", data, data + zero, message, False)
                nonce = rng.randrange(1, L)
                honest_r = encode(mul(nonce, BASE)) + nonce.to_bytes(32, "little")
                vectors.put(f"small-order key {i}, honest R, {number >= P}, {sign_bit}", data, honest_r, message, False)
                scalar = rng.randrange(1, L)
                key = encode(mul(scalar, BASE))
                s = challenge(data, key, message) * scalar % L
                vectors.put(f"small-order R {i}, {number >= P}, {sign_bit}", key, data + s.to_bytes(32, "little"), message, False)


def encodings(vectors, rng):
    """All y from p to 2^255 - 1, with both signs; and y on no point of the curve."""
    message = b"FAIRLANE-VOT-v1" + rng.randbytes(32)
    key, signature = sign(rng.randbytes(32), message)
    scalar = rng.randrange(1, L)
    for number in range(P, 2**255):
        for sign_bit in (0, 1):
            data = (number | sign_bit << 255).to_bytes(32, "little")
            vectors.put(f"key p + {number - P}, {sign_bit}", data, signature, message, False)
            vectors.put(f"R p + {number - P}, {sign_bit}", key, data + signature[32:], message, False)
            own = encode(mul(scalar, BASE))
            s = challenge(data, own, message) * scalar % L
            vectors.put(f"R p + {number - P}, {sign_bit}, fitting S", own, data + s.to_bytes(32, "little"), message, False)
    for y in range(2, 40):
        if root(y, 0) is None:
            data = y.to_bytes(32, "little")
            vectors.put(f"key on no point, y = {y}", data, signature, message, False)
            vectors.put(f"R on no point, y = {y}", key, data + signature[32:], message, False)


def scalars(vectors, rng):
    message = b"FAIRLANE-VOT-v1" + rng.randbytes(32)
    key, signature = sign(rng.randbytes(32), message)
    for s in (0, 1, L - 1, L, L + 1, 2**252, 2**253 - 1, 2**255 - 1, 2**256 - 1):
        vectors.put(f"S = {s:#x}", key, signature[:32] + s.to_bytes(32, "little"), message)
    # S of any chosen value is valid for the fitting R = [S]B - [k]A only if found beforehand: S = nonce + k * 0 with a
    # neutral key is the only shortcut, and that key is of small order.
    neutral = encode(NEUTRAL)
    vectors.put("neutral key and R", neutral, neutral + bytes(32), message, False)


def edge():
    rng, points, vectors = random.Random("fairlane ed25519"), torsion(), Vectors()
    honest(vectors, rng)
    altered(vectors, rng)
    mixed(vectors, rng, points)
    small(vectors, rng, points)
    encodings(vectors, rng)
    scalars(vectors, rng)
    return vectors.dump()


def wycheproof():
    vectors = Vectors()
    for group in json.loads((HERE / "wycheproof_ed25519.json").read_text())["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            name = f"{test['tcId']}: {test['comment']}"
            signature, message = bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"])
            # "acceptable" is where rules differ: keys of small or mixed order.
            expected = {"valid": True, "invalid": False, "acceptable": None}[test["result"]]
            vectors.put(name, key, signature, message, expected)
    return vectors.dump()


def print_constants():
    print(f"p {P:#x}\nL {L:#x}\n8L {8 * L:#x}\n2^256 mod L {2**256 % L:#x}")
    print(f"d {D:#x}\n2d {2 * D % P:#x}\nsqrt(-1) {SQRT_MINUS_ONE:#x}")
    print("y of order 8", *sorted({hex(point[1]) for point in torsion() if mul(4, point) != NEUTRAL}))
    high = mul(2**128, BASE)
    for index in range(1, 16):
        x, y = add(mul(index & 3, BASE), mul(index >> 2, high))
        print(f"{index:2} {(y + x) % P:#066x} {(y - x) % P:#066x} {2 * D * x * y % P:#066x}")


def main():
    if "--constants" in sys.argv:
        return print_constants()
    for name, make in (("rfc8032", rfc8032), ("edge", edge), ("wycheproof", wycheproof)):
        path, text = HERE / f"ed25519_{name}.json", json.dumps(make(), indent=1) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path.name} is not what generate.py makes")


if __name__ == "__main__":
    main()
