// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What the head of a batch commits to, besides network, rollup, index and the head before.
struct BatchFields {
    /// The block that the batch comes from.
    uint64 height;
    /// That block's chain time, in nanoseconds.
    uint64 time;
    /// How many items the batch has.
    uint32 count;
    /// The root of the Merkle tree over the items.
    bytes32 txRoot;
    /// The hash of all items.
    bytes32 payloadHash;
}

/// @title Heads of batches, and items in them (docs/protocol.md, "Batches and heads")
library BatchHead {
    bytes15 private constant DOMAIN = "FAIRLANE-BAT-v1";

    /// @notice The head after a batch.
    /// @param previous The head before it.
    function next(bytes32 network, uint64 rollup, bytes32 previous, uint64 index, BatchFields calldata batch)
        internal
        pure
        returns (bytes32)
    {
        return sha256(
            abi.encodePacked(
                DOMAIN,
                network,
                rollup,
                previous,
                index,
                batch.height,
                batch.time,
                batch.count,
                batch.txRoot,
                batch.payloadHash
            )
        );
    }

    /// @notice The Merkle root that an item at a place leads to; zero where the path does not fit the place.
    /// @param count How many items there are.
    /// @param siblings From the item's leaf up.
    function root(bytes calldata item, uint256 place, uint256 count, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32 hash)
    {
        if (place >= count) return 0;
        hash = sha256(abi.encodePacked(uint8(0), item));
        uint256 used;
        for (uint256 width = count; width > 1; width = (width + 1) / 2) {
            bool isRight = place & 1 == 1;
            // An odd last node has no sibling and moves up as it is.
            if (isRight || place + 1 < width) {
                if (used == siblings.length) return 0;
                bytes32 sibling = siblings[used++];
                hash = isRight
                    ? sha256(abi.encodePacked(uint8(1), sibling, hash))
                    : sha256(abi.encodePacked(uint8(1), hash, sibling));
            }
            place >>= 1;
        }
        if (used != siblings.length) return 0;
    }
}
