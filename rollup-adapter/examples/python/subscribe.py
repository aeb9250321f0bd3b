"""Subscribes to a rollup's batches and prints each one that verifies.

    python subscribe.py --endpoint 127.0.0.1:26660 --genesis genesis.json --rollup 1

The gRPC code is generated from proto/ by generate.py, into a directory beside this file.
"""

from __future__ import annotations

import argparse
import queue
import sys
from collections.abc import Iterator

import grpc

from fairlane_verify import Batch, Chain, Header, Reason, Refused, Trust, verify_batch
from generate import generated

batch_pb2, batch_grpc, chain_pb2, chain_grpc = generated()

# How much the server may send ahead of what was verified.
CREDIT_BATCHES, CREDIT_BYTES = 256, 64 << 20
LARGEST_MESSAGE = 64 << 20


def connect(endpoint: str) -> grpc.Channel:
    return grpc.insecure_channel(endpoint, options=[("grpc.max_receive_message_length", LARGEST_MESSAGE)])


class Verifier:
    """Verifies batches as they come, and follows changes of the validator set."""

    def __init__(self, channel: grpc.Channel, trust: Trust, chain: Chain) -> None:
        self.trust, self.chain = trust, chain
        self._headers = chain_grpc.ChainServiceStub(channel)

    def batch(self, message: batch_pb2.VerifiableBatch) -> Batch:
        batch = verify_batch(self._header(message.block), message.head_path, message.batch_header, message.body)
        self.chain.accept(batch)
        return batch

    def _header(self, block) -> Header:
        try:
            return self.trust.header(block.header, block.certificate, block.next_validators)
        except Refused as refused:
            if refused.reason is not Reason.UNKNOWN_VALIDATORS:
                raise
        self._follow_changes(Header.decode(block.header))
        return self.trust.header(block.header, block.certificate, block.next_validators)

    def _follow_changes(self, target: Header) -> None:
        """Finds the blocks that hand over to other sets, one after another. Each is verified by the set before it."""
        while (known := self.trust.at(target.height)).hash != target.validators_hash:
            low, high = self.trust.sets[-1][0], target.height
            if low >= high:
                raise Refused(Reason.UNKNOWN_VALIDATORS, "no block hands over to them")
            while low + 1 < high:
                middle = (low + high) // 2
                decided_by_known = Header.decode(self._fetch(middle).header).validators_hash == known.hash
                low, high = (middle, high) if decided_by_known else (low, middle)
            block = self._fetch(low)
            self.trust.header(block.header, block.certificate, block.next_validators)
            if self.trust.at(target.height) is known:
                raise Refused(Reason.UNKNOWN_VALIDATORS, "no block hands over to them")

    def _fetch(self, height: int):
        return self._headers.GetHeader(chain_pb2.GetHeaderRequest(height=height), timeout=10).block


def messages(channel: grpc.Channel, trust: Trust, chain: Chain) -> Iterator[batch_pb2.VerifiableBatch]:
    """What the node sends after the chain's last batch. Each batch that is taken allows the node to send another."""
    outgoing: queue.SimpleQueue = queue.SimpleQueue()
    opening = batch_pb2.SubscribeRequest.Open(
        rollup_id=chain.rollup,
        from_index=chain.index + 1,
        known_head=chain.head if chain.index else b"",
        network=trust.network,
    )
    credit = batch_pb2.SubscribeRequest.Credit
    outgoing.put(batch_pb2.SubscribeRequest(open=opening))
    outgoing.put(batch_pb2.SubscribeRequest(credit=credit(batches=CREDIT_BATCHES, bytes=CREDIT_BYTES)))
    for response in batch_grpc.BatchServiceStub(channel).Subscribe(iter(outgoing.get, None)):
        if response.WhichOneof("event") == "batch":
            yield response.batch
            used = credit(batches=1, bytes=response.batch.ByteSize())
            outgoing.put(batch_pb2.SubscribeRequest(credit=used))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", default="127.0.0.1:26660", help="a node's gRPC address")
    parser.add_argument("--genesis", required=True, help="the network's genesis file: what is trusted")
    parser.add_argument("--rollup", type=int, required=True)
    parser.add_argument("--batches", type=int, help="stop after so many")
    options = parser.parse_args()

    trust, chain = Trust.from_genesis(options.genesis), Chain(options.rollup)
    channel = connect(options.endpoint)
    verifier = Verifier(channel, trust, chain)
    try:
        for message in messages(channel, trust, chain):
            batch = verifier.batch(message)
            print(f"batch {batch.index} at height {batch.height}: {len(batch.items)} items, head {batch.head.hex()}")
            if chain.index == options.batches:
                return 0
        print(f"error: {options.endpoint} has ended the subscription", file=sys.stderr)
    except Refused as refused:
        print(f"error: batch {chain.index + 1} is refused: {refused}", file=sys.stderr)
    except grpc.RpcError as error:
        print(f"error: {options.endpoint} says {error.code().name}: {error.details()}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
