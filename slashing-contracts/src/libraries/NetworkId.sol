// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The id that every signature of a network binds (docs/protocol.md, "Genesis and parameters")
library NetworkId {
    bytes15 private constant DOMAIN = "FAIRLANE-NET-v1";

    /// @notice SHA-256 of domain, genesis hash, chain id and StakeManager, so that what was signed for one deployment is
    /// no evidence in another.
    function compute(bytes32 genesisHash, uint64 chainId, address stakeManager) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(DOMAIN, genesisHash, chainId, stakeManager));
    }
}
