#!/usr/bin/env python3
"""Writes bls12381.json and possession.json, with another implementation of BLS12-381, py_ecc (`pip install py_ecc`).

bls12381.json has hashes to the curve, of which the first two are examples of RFC 9380, J.10.1, and signatures.
possession.json has a registration: keys that follow from seeds, what both sign, and the proofs. Points are encoded as
EIP-2537 does.
"""

import json
from hashlib import sha256
from pathlib import Path

from generate import sign
from py_ecc.bls.hash_to_curve import hash_to_G2
from py_ecc.optimized_bls12_381 import G1, multiply, normalize

RFC_TAG = b"QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_"
POSSESSION_TAG = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
RFC_X0_OF_EMPTY = 0x0141EBFBDCA40EB85B87142E130AB689C673CF60F1A3E98D69335266F30D9B8D4AC44C1038E9DCDD5393FAF5C41FB78A


def coordinates(point):
    for coordinate in normalize(point):
        yield from map(int, getattr(coordinate, "coeffs", [coordinate]))


def encode(point):
    return "0x" + b"".join(value.to_bytes(64, "big") for value in coordinates(point)).hex()


def possession():
    seed, secret = sha256(b"consensus seed").digest(), int.from_bytes(sha256(b"checkpoint secret").digest(), "big") >> 2
    chain_id, registry, operator = 11155111, b"\x5a" * 20, b"\x0e" * 20
    consensus_key, _ = sign(seed, b"")
    checkpoint_key = encode(multiply(G1, secret))
    fields = chain_id.to_bytes(8, "big") + registry + operator + consensus_key + bytes.fromhex(checkpoint_key[2:])
    message = b"FAIRLANE-KEY-v1" + sha256(fields).digest()
    return {
        "chain_id": str(chain_id),
        "registry": "0x" + registry.hex(),
        "operator": "0x" + operator.hex(),
        "consensus_seed": "0x" + seed.hex(),
        "checkpoint_secret": "0x" + secret.to_bytes(32, "big").hex(),
        "consensus_key": "0x" + consensus_key.hex(),
        "checkpoint_key": checkpoint_key,
        "message": "0x" + message.hex(),
        "consensus_proof": "0x" + sign(seed, message)[1].hex(),
        "checkpoint_proof": encode(multiply(hash_to_G2(message, POSSESSION_TAG, sha256), secret)),
    }


def write(name, vectors):
    (Path(__file__).parent / name).write_text(json.dumps(vectors, indent=1) + "\n")


def signatures():
    hashes = [(RFC_TAG, b""), (RFC_TAG, b"abc"), (POSSESSION_TAG, b"FAIRLANE-KEY-v1" + sha256(b"fields").digest())]
    assert next(coordinates(hash_to_G2(b"", RFC_TAG, sha256))) == RFC_X0_OF_EMPTY
    secrets = [3, 2**200 + 1, int.from_bytes(sha256(b"fairlane bls").digest(), "big") >> 2]
    messages = [b"FAIRLANE-KEY-v1" + sha256(str(secret).encode()).digest() for secret in secrets]
    signed = [multiply(hash_to_G2(message, POSSESSION_TAG, sha256), secret) for secret, message in zip(secrets, messages)]
    return {
        "hash_tags": ["0x" + tag.hex() for tag, _ in hashes],
        "hash_messages": ["0x" + message.hex() for _, message in hashes],
        "hash_points": [encode(hash_to_G2(message, tag, sha256)) for tag, message in hashes],
        "tag": "0x" + POSSESSION_TAG.hex(),
        "keys": [encode(multiply(G1, secret)) for secret in secrets],
        "messages": ["0x" + message.hex() for message in messages],
        "signatures": [encode(point) for point in signed],
    }


def main():
    write("bls12381.json", signatures())
    write("possession.json", possession())


if __name__ == "__main__":
    main()
