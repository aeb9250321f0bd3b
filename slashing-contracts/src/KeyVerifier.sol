// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bls12381} from "./crypto/Bls12381.sol";
import {Ed25519} from "./crypto/Ed25519.sol";
import {IKeyVerifier, Keys} from "./interfaces/IKeyVerifier.sol";

/// @title Judge of proofs of possession
/// @notice Implements `IKeyVerifier` with ed25519 in Solidity and the precompiles of EIP-2537.
contract KeyVerifier is IKeyVerifier {
    bytes15 private constant DOMAIN = "FAIRLANE-KEY-v1";
    bytes private constant TAG = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    /// @inheritdoc IKeyVerifier
    function requirePossession(address registry, address operator, Keys calldata keys) external view {
        if (!Ed25519.isUsable(keys.consensusKey)) revert UnusableConsensusKey(keys.consensusKey);
        bytes memory message =
            possessionMessage(uint64(block.chainid), registry, operator, keys.consensusKey, keys.checkpointKey);
        if (!_isSigned(keys, message)) revert InvalidConsensusProof(keys.consensusKey, message);
        if (!Bls12381.verify(keys.checkpointKey, keys.checkpointProof, message, TAG)) {
            revert InvalidCheckpointProof(keys.checkpointKey, message);
        }
    }

    /// @inheritdoc IKeyVerifier
    function possessionMessage(
        uint64 chainId,
        address registry,
        address operator,
        bytes32 consensusKey,
        bytes calldata checkpointKey
    ) public pure returns (bytes memory) {
        if (checkpointKey.length != Bls12381.G1_BYTES) {
            revert WrongCheckpointKeyLength(checkpointKey.length);
        }
        bytes memory fields = abi.encodePacked(chainId, registry, operator, consensusKey, checkpointKey);
        return abi.encodePacked(DOMAIN, sha256(fields));
    }

    function _isSigned(Keys calldata keys, bytes memory message) private view returns (bool) {
        bytes calldata proof = keys.consensusProof;
        if (proof.length != 64) return false;
        return Ed25519.verify(keys.consensusKey, bytes32(proof), bytes32(proof[32:]), message);
    }
}
