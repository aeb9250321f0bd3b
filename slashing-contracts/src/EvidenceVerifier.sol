// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ed25519} from "./crypto/Ed25519.sol";
import {IEvidenceVerifier, Offence, OffenceKind} from "./interfaces/IEvidenceVerifier.sol";
import {CheckpointMessage} from "./libraries/CheckpointMessage.sol";

/// @title Judge of evidence
/// @notice Implements `IEvidenceVerifier` for the encodings of version 1.
/// @dev Evidence is a kind and two records of a fixed width (docs/protocol.md, "Evidence"):
///
///     1  segment header (184) ‖ signature (64)                                              lane equivocation
///     2  validator (32) ‖ kind 1 ‖ height 8 ‖ round 4 ‖ has block 1 ‖ block 32 ‖ signature   double vote
///     3  validator (32) ‖ height 8 ‖ round 4 ‖ has pol round 1 ‖ pol round 4 ‖ block 32 ‖ signature   double proposal
///
/// and for checkpoints, which are signed with the BLS key, that key and two records without it:
///
///     4  validator (32) ‖ BLS key (96) ‖ twice height 8 ‖ block 32 ‖ heads root 32 ‖ set 32 ‖ next set 32 ‖ signature 192
///
/// What a record says is signed as domain ‖ SHA-256 of the network id and of the fields between validator and
/// signature; a segment header has both inside.
contract EvidenceVerifier is IEvidenceVerifier {
    uint8 private constant LANE = 1;
    uint8 private constant VOTE = 2;
    uint8 private constant PROPOSAL = 3;
    uint8 private constant CHECKPOINT = 4;

    uint256 private constant HEADER_BYTES = 184;
    uint256 private constant VOTE_BYTES = 78;
    uint256 private constant PROPOSAL_BYTES = 81;
    uint256 private constant SIGNATURE_BYTES = 64;
    uint256 private constant CHECKPOINT_HEAD = 129;
    uint256 private constant CHECKPOINT_BYTES = 136;
    uint256 private constant CHECKPOINT_RECORD = CHECKPOINT_BYTES + CheckpointMessage.SIGNATURE_BYTES;

    bytes15 private constant SEGMENT_DOMAIN = "FAIRLANE-SEG-v1";
    bytes15 private constant VOTE_DOMAIN = "FAIRLANE-VOT-v1";
    bytes15 private constant PROPOSAL_DOMAIN = "FAIRLANE-PRO-v1";

    /// @dev One of the two statements, reduced to what the rule looks at.
    struct Statement {
        bytes32 validator;
        bytes32 slot;
        bytes15 domain;
        bytes32 digest;
        bytes32 r;
        bytes32 s;
    }

    /// @inheritdoc IEvidenceVerifier
    function verify(bytes32 network, bytes calldata evidence) external view returns (Offence memory offence) {
        uint8 kind = evidence.length == 0 ? 0 : uint8(evidence[0]);
        if (kind == CHECKPOINT) return _checkpoints(network, evidence);
        uint256 width = _fieldBytes(kind) + SIGNATURE_BYTES;
        if (evidence.length != 1 + 2 * width) revert WrongEvidenceLength(evidence.length, 1 + 2 * width);
        Statement memory first = _statement(kind, network, 0, evidence[1:1 + width]);
        Statement memory second = _statement(kind, network, 1, evidence[1 + width:]);

        if (first.slot != second.slot) revert DifferentSlots(first.slot, second.slot);
        if (first.digest == second.digest) revert SameStatement(first.digest);
        _requireSigned(first, 0);
        _requireSigned(second, 1);

        return Offence(_offenceKind(kind, evidence), first.validator, first.slot, 0);
    }

    /// @dev Two checkpoints of one height. The slot is validator and height.
    function _checkpoints(bytes32 network, bytes calldata evidence) private view returns (Offence memory offence) {
        uint256 length = CHECKPOINT_HEAD + 2 * CHECKPOINT_RECORD;
        if (evidence.length != length) revert WrongEvidenceLength(evidence.length, length);
        bytes calldata first = evidence[CHECKPOINT_HEAD:CHECKPOINT_HEAD + CHECKPOINT_RECORD];
        bytes calldata second = evidence[CHECKPOINT_HEAD + CHECKPOINT_RECORD:];
        offence.kind = OffenceKind.DoubleCheckpoint;
        offence.validator = bytes32(evidence[1:]);
        offence.slot = keccak256(abi.encodePacked(CHECKPOINT, offence.validator, first[:8]));
        bytes32 otherSlot = keccak256(abi.encodePacked(CHECKPOINT, offence.validator, second[:8]));
        if (offence.slot != otherSlot) revert DifferentSlots(offence.slot, otherSlot);
        bytes32 digest = sha256(first[:CHECKPOINT_BYTES]);
        if (digest == sha256(second[:CHECKPOINT_BYTES])) revert SameStatement(digest);

        bytes memory key = _paddedKey(evidence[33:CHECKPOINT_HEAD]);
        offence.checkpointKeyHash = keccak256(key);
        _requireCheckpointSigned(network, offence.validator, key, first, 0);
        _requireCheckpointSigned(network, offence.validator, key, second, 1);
    }

    function _paddedKey(bytes calldata key) private pure returns (bytes memory) {
        return abi.encodePacked(bytes16(0), key[:48], bytes16(0), key[48:]);
    }

    function _requireCheckpointSigned(
        bytes32 network,
        bytes32 validator,
        bytes memory key,
        bytes calldata record,
        uint256 side
    ) private view {
        bytes memory fields = abi.encodePacked(network, record[:CHECKPOINT_BYTES]);
        if (!CheckpointMessage.isSigned(fields, key, record[CHECKPOINT_BYTES:])) {
            revert InvalidSignature(side, validator);
        }
    }

    function _fieldBytes(uint8 kind) private pure returns (uint256) {
        if (kind == LANE) return HEADER_BYTES;
        if (kind == VOTE) return VOTE_BYTES;
        if (kind == PROPOSAL) return PROPOSAL_BYTES;
        revert UnknownEvidenceKind(kind);
    }

    function _offenceKind(uint8 kind, bytes calldata evidence) private pure returns (OffenceKind) {
        if (kind == LANE) return OffenceKind.LaneEquivocation;
        if (kind == PROPOSAL) return OffenceKind.DoubleProposal;
        return uint8(evidence[33]) == 1 ? OffenceKind.DoublePrevote : OffenceKind.DoublePrecommit;
    }

    function _statement(uint8 kind, bytes32 network, uint256 side, bytes calldata record)
        private
        pure
        returns (Statement memory statement)
    {
        bytes calldata fields = record[:record.length - SIGNATURE_BYTES];
        if (kind == LANE) statement = _segment(network, side, fields);
        else if (kind == VOTE) statement = _vote(network, side, fields);
        else statement = _proposal(network, side, fields);
        statement.r = bytes32(record[fields.length:]);
        statement.s = bytes32(record[fields.length + 32:]);
    }

    /// @dev A header has its network in its first 32 bytes, then the slot: lane (36) and sequence (8).
    function _segment(bytes32 network, uint256 side, bytes calldata header)
        private
        pure
        returns (Statement memory statement)
    {
        bytes32 found = bytes32(header);
        if (found != network) revert WrongNetwork(side, found, network);
        uint64 seq = uint64(bytes8(header[68:76]));
        if (seq == 0) revert NotCanonical(side, "seq");
        if ((seq == 1) != (bytes32(header[76:108]) == 0)) revert NotCanonical(side, "parent");
        statement.validator = bytes32(header[32:64]);
        statement.slot = keccak256(abi.encodePacked(LANE, header[32:76]));
        statement.domain = SEGMENT_DOMAIN;
        statement.digest = sha256(header);
    }

    /// @dev The slot is validator, kind, height and round.
    function _vote(bytes32 network, uint256 side, bytes calldata vote)
        private
        pure
        returns (Statement memory statement)
    {
        uint8 voteKind = uint8(vote[32]);
        if (voteKind != 1 && voteKind != 2) revert NotCanonical(side, "kind");
        uint8 hasBlock = uint8(vote[45]);
        if (hasBlock > 1) revert NotCanonical(side, "has block");
        if (hasBlock == 0 && bytes32(vote[46:]) != 0) revert NotCanonical(side, "block");
        statement.validator = bytes32(vote);
        statement.slot = keccak256(abi.encodePacked(VOTE, vote[:45]));
        statement.domain = VOTE_DOMAIN;
        statement.digest = sha256(abi.encodePacked(network, vote[32:]));
    }

    /// @dev The slot is validator, height and round.
    function _proposal(bytes32 network, uint256 side, bytes calldata proposal)
        private
        pure
        returns (Statement memory statement)
    {
        uint8 hasPolRound = uint8(proposal[44]);
        if (hasPolRound > 1) revert NotCanonical(side, "has pol round");
        if (hasPolRound == 0 && bytes4(proposal[45:49]) != 0) revert NotCanonical(side, "pol round");
        statement.validator = bytes32(proposal);
        statement.slot = keccak256(abi.encodePacked(PROPOSAL, proposal[:44]));
        statement.domain = PROPOSAL_DOMAIN;
        statement.digest = sha256(abi.encodePacked(network, proposal[32:]));
    }

    function _requireSigned(Statement memory statement, uint256 side) private view {
        bytes memory message = abi.encodePacked(statement.domain, statement.digest);
        if (!Ed25519.verify(statement.validator, statement.r, statement.s, message)) {
            revert InvalidSignature(side, statement.validator);
        }
    }
}
