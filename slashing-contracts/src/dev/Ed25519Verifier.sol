// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ed25519} from "../crypto/Ed25519.sol";

/// @title The ed25519 library as a contract
/// @notice For tests that compare it with other implementations, and to measure it. No part of a deployment.
contract Ed25519Verifier {
    /// @notice Whether (r, s) is `key`'s signature of `message`, by the strict rule.
    function verify(bytes32 key, bytes32 r, bytes32 s, bytes memory message) external view returns (bool) {
        return Ed25519.verify(key, r, s, message);
    }

    /// @notice Whether `key` is one that signatures are verified against.
    function isUsable(bytes32 key) external view returns (bool) {
        return Ed25519.isUsable(key);
    }
}
