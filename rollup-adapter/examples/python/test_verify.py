"""The golden vectors of the repository, and lies about batches of a running network.

The second part needs FAIRLANE_ENDPOINT and FAIRLANE_GENESIS; check.sh sets them.
"""

from __future__ import annotations

import copy
import json
import os
import unittest
from pathlib import Path

import fairlane_verify as fairlane
from fairlane_verify import Chain, Header, Reason, Refused, Trust, ValidatorSet
from subscribe import Verifier, connect, messages

VECTORS = Path(__file__).parents[3] / "consensus/types/vectors"
# Places in a certificate (docs/protocol.md, section 10).
CERTIFICATE_COUNT, CERTIFICATE_ENTRIES, ENTRY = 44, 48, 96


def vectors(name: str):
    return json.loads((VECTORS / f"{name}.json").read_text())


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def flipped(data: bytes, at: int) -> bytes:
    """The same with one bit of this byte changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


class GoldenVectors(unittest.TestCase):
    def test_signatures_follow_the_strict_rule(self):
        cases = vectors("ed25519-speccheck")
        fields = [[unhex(case[name]) for name in ("pub_key", "message", "signature")] for case in cases]
        accepted = [number for number, case in enumerate(fields) if fairlane.is_signed(*case)]
        self.assertEqual((len(cases), accepted), (12, [3]))

    def test_merkle_paths(self):
        for case in vectors("merkle")["cases"]:
            index, size = int(case["index"]), int(case["size"])
            path = [unhex(sibling) for sibling in case["path"]]
            with self.subTest(case["name"]):
                root = fairlane.root_of_path(unhex(case["leaf"]), index, size, path)
                self.assertEqual(root, unhex(case["root"]))
                for wrong in (path + [bytes(32)], path[:-1] if path else [bytes(32)]):
                    with self.assertRaises(Refused):
                        fairlane.root_of_path(unhex(case["leaf"]), index, size, wrong)

    def test_heads_roots(self):
        for case in vectors("heads")["cases"]:
            leaves = [unhex(leaf) for leaf in case["leaves"]]
            root = fairlane.tagged("HDS", fairlane.uint(len(leaves), 64), fairlane.merkle_root(leaves))
            self.assertEqual(root, unhex(case["root"]), case["name"])

    def test_validator_sets(self):
        for case in vectors("validators")["cases"]:
            validators = ValidatorSet.decode(unhex(case["encoding"]))
            self.assertEqual((validators.hash, validators.quorum), (unhex(case["hash"]), int(case["quorum"])))

    def test_headers(self):
        for case in vectors("headers")["cases"]:
            header = Header.decode(unhex(case["encoding"]))
            self.assertEqual((header.id, header.height), (unhex(case["id"]), int(case["height"])))


@unittest.skipUnless("FAIRLANE_ENDPOINT" in os.environ, "no network to ask")
class Lies(unittest.TestCase):
    """A thousand batches of a real network verify, and none of them does once it is tampered with."""

    BATCHES = 1_000

    @classmethod
    def setUpClass(cls):
        cls.trust, chain = Trust.from_genesis(os.environ["FAIRLANE_GENESIS"]), Chain(rollup=1)
        cls.channel = connect(os.environ["FAIRLANE_ENDPOINT"])
        verifier = Verifier(cls.channel, cls.trust, chain)
        cls.messages, cls.heads = [], []
        for message in messages(cls.channel, cls.trust, chain):
            cls.heads.append(verifier.batch(message).head)
            cls.messages.append(message)
            if chain.index == cls.BATCHES:
                break

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()

    def refused(self, reason: Reason, change, trust: Trust | None = None):
        """The second batch is refused for this reason once it is changed."""
        verifier = Verifier(self.channel, trust or self.trust, Chain(rollup=1, index=1, head=self.heads[0]))
        message = copy.deepcopy(self.messages[1])
        change(message)
        with self.assertRaises(Refused) as caught:
            verifier.batch(message)
        self.assertIs(caught.exception.reason, reason, caught.exception)

    def certificate(self, change):
        """Applies a change to the list of a certificate's entries."""

        def apply(message):
            old = message.block.certificate
            entries = [old[at : at + ENTRY] for at in range(CERTIFICATE_ENTRIES, len(old), ENTRY)]
            entries = change(entries)
            message.block.certificate = old[:CERTIFICATE_COUNT] + fairlane.uint(len(entries), 32) + b"".join(entries)

        return apply

    def test_unchanged_it_is_accepted(self):
        verifier = Verifier(self.channel, self.trust, Chain(rollup=1))
        self.assertEqual([verifier.batch(message).index for message in self.messages[:2]], [1, 2])

    def test_a_flipped_payload_byte(self):
        def flip(message):
            message.body = flipped(message.body, -1)

        self.refused(Reason.BODY, flip)

    def test_a_wrong_path(self):
        def flip(message):
            message.head_path = flipped(message.head_path, -1)

        self.refused(Reason.PATH, flip)

    def test_another_head(self):
        def flip(message):
            message.batch_header = flipped(message.batch_header, -1)

        self.refused(Reason.BATCH, flip)

    def test_a_certificate_below_quorum(self):
        self.refused(Reason.QUORUM, self.certificate(lambda entries: entries[:2]))

    def test_a_certificate_with_a_duplicate_signer(self):
        self.refused(Reason.SIGNER, self.certificate(lambda entries: entries[:2] + entries[:1]))

    def test_a_certificate_with_a_bad_signature(self):
        self.refused(Reason.SIGNATURE, self.certificate(lambda entries: [flipped(entries[0], ENTRY - 32), *entries[1:]]))

    def test_a_certificate_of_another_block(self):
        other = self.messages[2].block.certificate

        def exchange(message):
            message.block.certificate = other

        self.refused(Reason.CERTIFICATE, exchange)

    def test_another_networks_block(self):
        other = Trust(bytes(32), self.trust.sets)
        self.refused(Reason.NETWORK, lambda message: None, trust=other)

    def test_a_missing_batch(self):
        def skip(message):
            message.CopyFrom(self.messages[2])

        self.refused(Reason.GAP, skip)


if __name__ == "__main__":
    unittest.main()
