// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {HeadPath} from "../interfaces/ISequencerLightClient.sol";

/// @title The tree with each rollup's head (docs/protocol.md, "Batches and heads")
/// @notice A Merkle tree of RFC 6962 over leaves of 56 bytes. The root that blocks carry binds the number of leaves too.
library HeadsTree {
    bytes15 private constant DOMAIN = "FAIRLANE-HDS-v1";

    /// @notice The heads root that a path leads to; zero where its length does not fit its place.
    function root(HeadPath calldata path) internal pure returns (bytes32) {
        if (path.position >= path.size) return 0;
        bytes32 hash = sha256(abi.encodePacked(uint8(0), path.rollup, path.index, path.head, path.lastHeight));
        uint256 place = path.position;
        uint256 used;
        for (uint256 width = path.size; width > 1; width = (width + 1) / 2) {
            bool isRight = place & 1 == 1;
            // An odd last node has no sibling and moves up as it is.
            if (isRight || place + 1 < width) {
                if (used == path.siblings.length) return 0;
                bytes32 sibling = path.siblings[used++];
                hash = isRight ? _node(sibling, hash) : _node(hash, sibling);
            }
            place >>= 1;
        }
        if (used != path.siblings.length) return 0;
        return sha256(abi.encodePacked(DOMAIN, path.size, hash));
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(1), left, right));
    }
}
