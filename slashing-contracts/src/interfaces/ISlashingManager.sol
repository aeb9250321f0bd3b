// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OffenceKind} from "./IEvidenceVerifier.sol";

/// @notice An offence that was proven.
struct Conviction {
    address operator;
    /// Whose the reward is, as things stand.
    address reporter;
    /// The block in which the reporter committed to it, or else submitted it. The earlier one has the reward.
    uint64 since;
    /// The last block in which an earlier commitment can be shown.
    uint64 contestableUntil;
    /// What the reporter gets; 0 once paid.
    uint128 reward;
}

/// @notice A validator that was slashed.
struct Offender {
    /// All stake that it had at its first offence's proof.
    uint128 exposure;
    /// The epoch of that proof.
    uint32 epoch;
    /// The first epoch in which its penalty can be made final.
    uint32 settleFrom;
    bool settled;
}

/// @title Penalties for who signs two histories
/// @notice Anyone submits evidence; the offender loses stake in the same transaction and is out for ever. In all, a validator
/// with stake E loses
///
///     min(E, E * (base * number of its offences + 3 * slashed in the window / total))
///
/// The first part at once, for each offence slot once. The second part, which grows with how many were slashed within
/// `correlationEpochs` before and after (counting all stake that each had), once that is known: `settle`. Neither part
/// depends on the order in which offences are proven. Until then the offender's stake stays where it is.
///
/// A reporter who fears that its evidence is copied on its way commits to it first, in an earlier block: `commit`. The reward
/// is paid some blocks after the submission, to who committed first.
interface ISlashingManager {
    /// The network's id is known from now on, and with it what evidence must bind.
    event NetworkOpened(bytes32 genesisHash, bytes32 networkId);
    /// Somebody committed to evidence.
    event Committed(bytes32 indexed commitment, address indexed sender);
    /// An offence was proven.
    event Slashed(
        bytes32 indexed slot,
        address indexed operator,
        bytes32 indexed consensusKey,
        OffenceKind kind,
        uint256 penalty,
        uint256 reward,
        address reporter
    );
    /// A reporter showed an earlier commitment.
    event PriorityClaimed(bytes32 indexed slot, address indexed reporter, uint64 since);
    /// A reward was paid.
    event RewardCollected(bytes32 indexed slot, address indexed reporter, uint256 reward);
    /// A penalty is final. `slashedStake` of `totalStake` was slashed in the window.
    event Settled(address indexed operator, uint256 slashedStake, uint256 totalStake, uint256 penalty);

    /// The deployment's parameters contradict each other.
    error InvalidParameter(string name);
    /// Only the guardian may do this.
    error NotGuardian(address caller, address guardian);
    /// The network's id is set already.
    error NetworkAlreadyOpen(bytes32 networkId);
    /// The network's id is not known yet.
    error NetworkNotOpen();
    /// The reward needs a receiver.
    error ZeroReporter();
    /// This offence is punished already.
    error AlreadySlashed(bytes32 slot);
    /// Nobody registered this key.
    error UnknownValidator(bytes32 consensusKey);
    /// The checkpoints in evidence are signed by another BLS key than the validator's.
    error WrongCheckpointKey(bytes32 consensusKey, bytes32 keyHash, bytes32 expected);
    /// The key left the set too long ago.
    error EvidenceExpired(bytes32 consensusKey, uint32 lastEpoch, uint32 currentEpoch);
    /// Nothing was proven under this slot, or its reward is paid.
    error NoReward(bytes32 slot);
    /// The reward's owner may still change.
    error StillContestable(bytes32 slot, uint64 until);
    /// It is too late to show a commitment.
    error NotContestable(bytes32 slot, uint64 until);
    /// The commitment is unknown, or not older than the claim of the present reporter.
    error NoPriority(bytes32 commitment, uint64 committed, uint64 since);
    /// The commitment was made before.
    error AlreadyCommitted(bytes32 commitment);
    /// The validator was not slashed.
    error NotAnOffender(address operator);
    /// The penalty is final.
    error AlreadySettled(address operator);
    /// More offences may still come to count.
    error TooEarlyToSettle(address operator, uint32 fromEpoch);

    /// @notice Sets the network's id, once: it follows from the genesis hash, this chain and the StakeManager.
    /// @dev A genesis contains the StakeManager's address, so its hash is known only afterwards. Nodes refuse to run with
    /// contracts whose network id is not their own.
    function openNetwork(bytes32 genesisHash) external;

    /// @notice Commits to evidence: keccak256(abi.encode(slot, reporter, salt)).
    function commit(bytes32 commitment) external;

    /// @notice Proves an offence. Never paused.
    /// @param evidence Canonical encoding (docs/protocol.md, "Evidence").
    /// @param reporter Who gets the reward.
    /// @return slot The offence's name.
    function submitEvidence(bytes calldata evidence, address reporter) external returns (bytes32 slot);

    /// @notice Takes the reward over, for the caller's commitment to the slot that is older than the reporter's claim.
    function claimPriority(bytes32 slot, bytes32 salt) external;

    /// @notice Pays a reward that nobody can contest any more to its reporter.
    function collectReward(bytes32 slot) external returns (uint256 reward);

    /// @notice Makes an offender's penalty final, so that it can claim what is left.
    function settle(address operator) external returns (uint256 penalty);

    /// @notice The network's id; zero before it is open.
    function networkId() external view returns (bytes32);

    /// @notice What was proven under a slot.
    function convictionOf(bytes32 slot) external view returns (Conviction memory);

    /// @notice What is known of an offender.
    function offenderOf(address operator) external view returns (Offender memory);
}
