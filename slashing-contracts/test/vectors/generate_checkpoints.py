#!/usr/bin/env python3
"""Writes checkpoints.json, with another implementation of BLS12-381, py_ecc (`pip install py_ecc`).

Each case has the keys of a set, who of them are said to have signed, what was signed, the sum of the signatures, and
whether that is valid. The contracts and fairlane-checkpoint judge the same cases. Points have no padding: a coordinate is
48 bytes, G1 is x ‖ y, G2 is x.c0 ‖ x.c1 ‖ y.c0 ‖ y.c1.
"""

import json
from hashlib import sha256
from pathlib import Path

from py_ecc.bls.hash_to_curve import hash_to_G2
from py_ecc.fields import optimized_bls12_381_FQ2 as FQ2
from py_ecc.optimized_bls12_381 import G1, add, b2, curve_order, field_modulus, is_on_curve, multiply, neg, normalize

TAG = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
POSSESSION_TAG = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
NEUTRAL = bytes(192)


def numbers(point):
    for coordinate in normalize(point):
        yield from map(int, getattr(coordinate, "coeffs", [coordinate]))


def encode(point):
    return b"".join(number.to_bytes(48, "big") for number in numbers(point))


def secret(i):
    return int.from_bytes(sha256(b"checkpoint secret %d" % i).digest(), "big") >> 2


def fields(height, block=b"block"):
    hashes = [sha256(text).digest() for text in (b"network", block, b"heads", b"set", b"next set")]
    return hashes[0] + height.to_bytes(8, "big") + b"".join(hashes[1:])


def message(content):
    return b"FAIRLANE-CKP-v1" + sha256(content).digest()


def signature(secrets, content, tag=TAG):
    return multiply(hash_to_G2(message(content), tag, sha256), sum(secrets) % curve_order)


def sqrt(a):
    """A square root in Fp2, or None."""
    p = field_modulus
    root = a ** ((p * p + 7) // 16)
    eighth = FQ2([1, 1]) ** ((p * p - 1) // 8)
    for times in range(8):
        candidate = root * eighth**times
        if candidate * candidate == a:
            return candidate
    return None


def outside_the_subgroup():
    """The first point of the twist whose x is a small number."""
    x = 1
    while True:
        y = sqrt(FQ2([x, 0]) ** 3 + b2)
        if y is not None:
            point = (FQ2([x, 0]), y, FQ2([1, 0]))
            assert is_on_curve(point, b2)
            if not all(int(c) == 0 for c in multiply(point, curve_order)[2].coeffs):
                return point
        x += 1


class Cases:
    def __init__(self):
        self.all = []

    def put(self, name, secrets, signers, content, point, valid):
        self.all.append(
            {
                "name": name,
                "keys": ["0x" + encode(multiply(G1, one)).hex() for one in secrets],
                "signers": "0x" + signers.to_bytes(32, "big").hex(),
                "fields": "0x" + content.hex(),
                "signature": "0x" + (point if isinstance(point, bytes) else encode(point)).hex(),
                "valid": valid,
            }
        )


def honest(cases):
    for size, signers in ((1, 0b1), (4, 0b0111), (4, 0b1110), (4, 0b1111), (7, 0b1011011), (12, 0xDB7)):
        secrets = [secret(i) for i in range(size)]
        signing = [one for i, one in enumerate(secrets) if signers >> i & 1]
        content = fields(1000 + size)
        name = f"{len(signing)} of {size}, {signers:b}"
        cases.put(name, secrets, signers, content, signature(signing, content), True)


def dishonest(cases):
    secrets = [secret(i) for i in range(4)]
    content = fields(77)
    good = signature(secrets[:3], content)
    numbers_of = list(numbers(good))
    put = lambda name, point, signers=0b0111, content=content: cases.put(name, secrets, signers, content, point, False)
    put("somebody is said to have signed too", good, 0b1111)
    put("somebody is left out", good, 0b0011)
    put("somebody is said to have signed instead", good, 0b1011)
    put("nobody signed", good, 0)
    put("nobody signed nothing", NEUTRAL, 0)
    put("another height", good, content=fields(78))
    put("another block", good, content=fields(77, b"another"))
    put("another tag", signature(secrets[:3], content, POSSESSION_TAG))
    put("the negative", neg(good))
    put("twice", multiply(good, 2))
    put("the neutral element", NEUTRAL)
    put("parts of coordinates exchanged", b"".join(numbers_of[i].to_bytes(48, "big") for i in (1, 0, 3, 2)))
    put("on no point", (numbers_of[0] ^ 1).to_bytes(48, "big") + encode(good)[48:])
    put("a coordinate above the modulus", (numbers_of[0] + field_modulus).to_bytes(48, "big") + encode(good)[48:])
    put("flags in the first byte", bytes([0x80 | encode(good)[0]]) + encode(good)[1:])
    put("outside the subgroup", outside_the_subgroup())
    put("good, and a part outside the subgroup", add(good, multiply(outside_the_subgroup(), curve_order)))


def opposite(cases):
    """Somebody registered a key and its negative. Together they sign everything, and nothing."""
    secrets = [secret(0), curve_order - secret(0), secret(1)]
    content = fields(5)
    cases.put("opposite keys", secrets, 0b011, content, NEUTRAL, False)
    cases.put("opposite keys, and one who signed", secrets, 0b111, content, signature([secret(1)], content), True)


def main():
    cases = Cases()
    honest(cases)
    dishonest(cases)
    opposite(cases)
    (Path(__file__).parent / "checkpoints.json").write_text(json.dumps({"cases": cases.all}, indent=1) + "\n")


if __name__ == "__main__":
    main()
