"""Verifies what a Fairlane node hands to a rollup, from the validator set alone.

Written from docs/protocol.md; the section numbers here are that page's. Nothing here talks to a network, and nothing
that a server says is believed. Whatever does not verify raises `Refused` with a reason that a program can test for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Reason(Enum):
    """Why something was refused."""

    MALFORMED = "the bytes are not a canonical encoding"
    NETWORK = "it belongs to another network"
    UNKNOWN_VALIDATORS = "the header names a validator set that is not trusted yet"
    NEXT_VALIDATORS = "the next validator set is not the one that the header announces"
    CERTIFICATE = "the certificate is for another block"
    SIGNER = "a signer is unknown or stands there twice"
    SIGNATURE = "a signature is not valid"
    QUORUM = "the signers' power is less than a quorum"
    PATH = "the path does not lead to the header"
    BATCH = "the batch is not the one that the head commits to"
    BODY = "the body is not the one that the batch header commits to"
    GAP = "the batch does not continue the chain of batches"


class Refused(Exception):
    """Something does not verify."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}{': ' if detail else ''}{detail}")
        self.reason = reason


def demand(condition: bool, reason: Reason, detail: str = "") -> None:
    if not condition:
        raise Refused(reason, detail)


# Encodings (section 3) and hashes (section 4)


class Reader:
    """Takes fields from canonical bytes: integers have their full width, most significant byte first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def bytes(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        demand(len(taken) == size, Reason.MALFORMED, "it ends early")
        self._at += size
        return taken

    def uint(self, bits: int) -> int:
        return int.from_bytes(self.bytes(bits // 8), "big")

    def end(self) -> None:
        demand(self._at == len(self._data), Reason.MALFORMED, "bytes are left over")


def uint(value: int, bits: int) -> bytes:
    return value.to_bytes(bits // 8, "big")


def tagged(domain: str, *parts: bytes) -> bytes:
    """D(domain, parts)."""
    return sha256(f"FAIRLANE-{domain}-v1".encode() + b"".join(parts)).digest()


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def merkle_root(leaves: list[bytes]) -> bytes:
    """The root of a tree as in RFC 6962."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(merkle_root(leaves[:split]), merkle_root(leaves[split:]))


def root_of_path(leaf: bytes, index: int, size: int, siblings: list[bytes]) -> bytes:
    """The root to which a path leads; its length must be exactly what index and size need (RFC 9162, 2.1.3.2)."""
    demand(index < size, Reason.PATH, "the position is outside of the tree")
    node, last = leaf_hash(leaf), size - 1
    for sibling in siblings:
        demand(last > 0, Reason.PATH, "it is too long")
        if index % 2 == 1 or index == last:
            node = node_hash(sibling, node)
            while index % 2 == 0 and index > 0:
                index, last = index // 2, last // 2
        else:
            node = node_hash(node, sibling)
        index, last = index // 2, last // 2
    demand(last == 0, Reason.PATH, "it is too short")
    return node


# Signatures (section 4): ed25519 by the strict rule

FIELD = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
_ORDER_EIGHT = int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16)
SMALL_ORDER = {0, 1, FIELD - 1, _ORDER_EIGHT, FIELD - _ORDER_EIGHT}


def is_usable_point(encoding: bytes) -> bool:
    """Whether the encoding is canonical and the point not of small order."""
    y = int.from_bytes(encoding, "little") & (2**255 - 1)
    return y < FIELD and y not in SMALL_ORDER


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    scalar = int.from_bytes(signature[32:], "little")
    if not (is_usable_point(key) and is_usable_point(signature[:32]) and scalar < GROUP_ORDER):
        return False
    try:
        # The equation without the cofactor.
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# Validators, headers, certificates (sections 9 and 10)


@dataclass(frozen=True)
class ValidatorSet:
    """Who decides a block, and with how much power."""

    powers: dict[bytes, int]
    hash: bytes

    @classmethod
    def decode(cls, data: bytes) -> ValidatorSet:
        reader = Reader(data)
        powers: dict[bytes, int] = {}
        for _ in range(reader.uint(32)):
            key, power = reader.bytes(32), reader.uint(64)
            reader.uint(32)  # incarnation
            after = max(powers, default=b"")
            demand(key > after and power > 0 and is_usable_point(key), Reason.MALFORMED, "validator set")
            powers[key] = power
        reader.end()
        demand(bool(powers), Reason.MALFORMED, "empty validator set")
        return cls(powers, tagged("VST", data))

    @property
    def quorum(self) -> int:
        total = sum(self.powers.values())
        return total - ((total + 2) // 3 - 1)


@dataclass(frozen=True)
class Header:
    """The fields of a block header that a consumer of batches needs."""

    id: bytes
    network: bytes
    height: int
    time: int
    heads_root: bytes
    validators_hash: bytes
    next_validators_hash: bytes

    @classmethod
    def decode(cls, data: bytes) -> Header:
        reader = Reader(data)
        demand(reader.uint(16) == 1, Reason.MALFORMED, "header version")
        network, height, time = reader.bytes(32), reader.uint(64), reader.uint(64)
        reader.bytes(64)  # parent, cut_root
        heads_root = reader.bytes(32)
        reader.bytes(64)  # evidence_root, state_root
        reader.uint(32)  # ordered_count
        demand(reader.uint(8) <= 1, Reason.MALFORMED, "flag")
        validators_hash, next_validators_hash = reader.bytes(32), reader.bytes(32)
        reader.bytes(40 + 32)  # l1_anchor, rollups_root
        reader.end()
        return cls(tagged("BLK", data), network, height, time, heads_root, validators_hash, next_validators_hash)


def verify_certificate(header: Header, certificate: bytes, validators: ValidatorSet) -> None:
    """A quorum of the validators has precommitted this block. One bad signature refuses the whole."""
    reader = Reader(certificate)
    height, round_, block = reader.uint(64), reader.uint(32), reader.bytes(32)
    demand((height, block) == (header.height, header.id), Reason.CERTIFICATE)
    precommit = b"\2" + uint(height, 64) + uint(round_, 32) + b"\1" + block
    message = b"FAIRLANE-VOT-v1" + sha256(header.network + precommit).digest()
    signers: set[bytes] = set()
    for _ in range(reader.uint(32)):
        signer, signature = reader.bytes(32), reader.bytes(64)
        demand(signer in validators.powers and signer not in signers, Reason.SIGNER, signer.hex())
        demand(is_signed(signer, message, signature), Reason.SIGNATURE, signer.hex())
        signers.add(signer)
    reader.end()
    power = sum(validators.powers[signer] for signer in signers)
    demand(power >= validators.quorum, Reason.QUORUM, f"{power} of {validators.quorum}")


@dataclass
class Trust:
    """The validator sets that are trusted, each from the first height on that it decides."""

    network: bytes
    sets: list[tuple[int, ValidatorSet]]

    @classmethod
    def from_genesis(cls, path: str) -> Trust:
        """Trusts the network and the first validators of a genesis file."""
        with open(path, encoding="utf-8") as file:
            genesis = json.load(file)
        members = sorted((bytes.fromhex(v["id"]), v["power"], v["incarnation"]) for v in genesis["validators"])
        encoded = b"".join(key + uint(power, 64) + uint(times, 32) for key, power, times in members)
        return cls(bytes.fromhex(genesis["network"]), [(1, ValidatorSet.decode(uint(len(members), 32) + encoded))])

    def at(self, height: int) -> ValidatorSet:
        return [validators for first, validators in self.sets if first <= height][-1]

    def header(self, data: bytes, certificate: bytes, next_validators: bytes) -> Header:
        """Verifies a certified header, and follows it where it hands over to another set."""
        header = Header.decode(data)
        demand(header.network == self.network, Reason.NETWORK)
        demand(header.height > 0, Reason.MALFORMED, "height 0")
        validators = self.at(header.height)
        demand(validators.hash == header.validators_hash, Reason.UNKNOWN_VALIDATORS)
        verify_certificate(header, certificate, validators)
        if next_validators:
            following = ValidatorSet.decode(next_validators)
            demand(following.hash == header.next_validators_hash, Reason.NEXT_VALIDATORS)
            if header.height >= self.sets[-1][0]:
                self.sets.append((header.height + 1, following))
        return header


# Batches and heads (section 11)


@dataclass(frozen=True)
class Item:
    """One payload for the rollup. A leg of a bundle is void outside its bundle."""

    transaction: bytes
    leg_index: int
    leg_count: int
    payload: bytes

    @classmethod
    def decode(cls, data: bytes) -> Item:
        reader = Reader(data)
        kind, transaction, index, count = reader.uint(8), reader.bytes(32), reader.uint(8), reader.uint(8)
        payload = reader.bytes(reader.uint(32))
        reader.end()
        demand(index < count <= 8 and kind == (1 if count > 1 else 0), Reason.MALFORMED, "item")
        return cls(transaction, index, count, payload)


@dataclass(frozen=True)
class Batch:
    """A verified batch."""

    rollup: int
    index: int
    height: int
    time: int
    previous_head: bytes
    head: bytes
    items: list[Item] = field(repr=False)


def verify_batch(header: Header, head_path: bytes, batch_header: bytes, body: bytes) -> Batch:
    """The batch is what this certified block has for its rollup."""
    path = Reader(head_path)
    leaf, position, size = path.bytes(56), path.uint(64), path.uint(64)
    siblings = [path.bytes(32) for _ in range(path.uint(32))]
    path.end()
    root = root_of_path(leaf, position, size, siblings)
    demand(tagged("HDS", uint(size, 64), root) == header.heads_root, Reason.PATH)

    reader = Reader(batch_header)
    rollup, index, height, time = (reader.uint(64) for _ in range(4))
    count, tx_root, payload_hash, previous_head = reader.uint(32), *(reader.bytes(32) for _ in range(3))
    reader.end()
    # Head and network are hashed with the header's fields, previous head first.
    fields = batch_header[8:100]
    head = tagged("BAT", header.network, uint(rollup, 64), previous_head, fields)
    demand(leaf == uint(rollup, 64) + uint(index, 64) + head + uint(height, 64), Reason.BATCH)
    demand((height, time) == (header.height, header.time), Reason.BATCH)
    demand((index == 1) == (previous_head == bytes(32)), Reason.BATCH)

    demand(sha256(body).digest() == payload_hash, Reason.BODY)
    reader = Reader(body)
    demand(reader.uint(32) == count, Reason.BODY, "count")
    encoded = [reader.bytes(reader.uint(32)) for _ in range(count)]
    reader.end()
    demand(merkle_root(encoded) == tx_root, Reason.BODY, "tx_root")
    return Batch(rollup, index, height, time, previous_head, head, [Item.decode(item) for item in encoded])


@dataclass
class Chain:
    """A rollup's chain of batches: nothing is skipped, and nothing comes twice."""

    rollup: int
    index: int = 0
    head: bytes = bytes(32)

    def accept(self, batch: Batch) -> None:
        continues = (self.rollup, self.index + 1, self.head) == (batch.rollup, batch.index, batch.previous_head)
        demand(continues, Reason.GAP, f"batch {batch.index} after {self.index}")
        self.index, self.head = batch.index, batch.head
