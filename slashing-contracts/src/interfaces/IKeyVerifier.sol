// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice The keys that a validator registers, with proofs that it has their secret halves.
struct Keys {
    /// Votes, proposals and segments: an ed25519 key, compressed. It is the validator's id in the network.
    bytes32 consensusKey;
    /// The ed25519 signature, R ‖ S, of the message below.
    bytes consensusProof;
    /// Checkpoints: a BLS12-381 key in G1, 128 bytes as in EIP-2537.
    bytes checkpointKey;
    /// The BLS signature of the message below in G2, 256 bytes as in EIP-2537, under the tag
    /// `BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_`.
    bytes checkpointProof;
}

/// @title Judge of proofs of possession
/// @notice Both keys sign the same 47 bytes:
///
///     "FAIRLANE-KEY-v1" ‖ SHA-256(chain id u64 ‖ registry 20 ‖ operator 20 ‖ consensus key 32 ‖ checkpoint key 128)
///
/// so a proof is good for one operator, one registry and one chain, and keys are only registered together by who has both.
interface IKeyVerifier {
    /// The ed25519 key has no canonical encoding, is on no point or has small order.
    error UnusableConsensusKey(bytes32 consensusKey);
    /// The ed25519 key did not sign the message.
    error InvalidConsensusProof(bytes32 consensusKey, bytes message);
    /// The BLS key has another length than 128 bytes.
    error WrongCheckpointKeyLength(uint256 length);
    /// The BLS key is no point of the subgroup, is neutral, or did not sign the message.
    error InvalidCheckpointProof(bytes checkpointKey, bytes message);

    /// @notice The bytes that both keys sign.
    function possessionMessage(
        uint64 chainId,
        address registry,
        address operator,
        bytes32 consensusKey,
        bytes calldata checkpointKey
    ) external pure returns (bytes memory);

    /// @notice Reverts unless both proofs hold on this chain.
    function requirePossession(address registry, address operator, Keys calldata keys) external view;
}
