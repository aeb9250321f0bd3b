// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What a validator did, proven by two of its signatures.
enum OffenceKind {
    LaneEquivocation,
    DoublePrevote,
    DoublePrecommit,
    DoubleProposal,
    DoubleCheckpoint
}

/// @notice A proven offence.
struct Offence {
    OffenceKind kind;
    /// The ed25519 key of who signed twice.
    bytes32 validator;
    /// Which offence it is, independent of the bytes that prove it: Keccak-256 of the evidence's kind (1 to 4) and the
    /// slot's fields in their encoding, which are lane ‖ sequence, validator ‖ kind ‖ height ‖ round,
    /// validator ‖ height ‖ round, or validator ‖ height. One slot is punished once.
    bytes32 slot;
    /// Keccak-256 of the BLS key, as in EIP-2537, that signed both checkpoints: the offence is the validator's only if
    /// the key is. Zero where the ed25519 key itself signed.
    bytes32 checkpointKeyHash;
}

/// @title Judge of evidence
/// @notice Says whether two signed statements prove an offence (docs/protocol.md, "Evidence"). It keeps no state and asks
/// nobody: whose stake the key has, and whether it is too late, are others' questions.
interface IEvidenceVerifier {
    /// The first byte is not 1 (lane), 2 (vote), 3 (proposal) or 4 (checkpoint).
    error UnknownEvidenceKind(uint8 kind);
    /// Evidence of one kind has one length.
    error WrongEvidenceLength(uint256 length, uint256 expected);
    /// Statement `side` (0 or 1) is about another network.
    error WrongNetwork(uint256 side, bytes32 network, bytes32 expected);
    /// No validator signs such a statement: `field` has a value that the encoding does not have.
    error NotCanonical(uint256 side, string field);
    /// The statements are about different places, or by different validators.
    error DifferentSlots(bytes32 first, bytes32 second);
    /// Both statements say the same.
    error SameStatement(bytes32 digest);
    /// Statement `side` is not signed by the validator that it names, or not by the BLS key that the evidence names.
    error InvalidSignature(uint256 side, bytes32 validator);

    /// @notice Checks evidence in its canonical encoding, the same bytes that nodes keep and gossip.
    /// @param network The network id that both signatures must bind.
    /// @return offence What is proven. Reverts with one of the errors above where nothing is.
    function verify(bytes32 network, bytes calldata evidence) external view returns (Offence memory offence);
}
