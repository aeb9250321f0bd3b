// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEvidenceVerifier, Offence} from "./interfaces/IEvidenceVerifier.sol";
import {Conviction, ISlashingManager, Offender} from "./interfaces/ISlashingManager.sol";
import {IStakeManager, KeyRecord} from "./interfaces/IStakeManager.sol";
import {NetworkId} from "./libraries/NetworkId.sol";

/// @title Penalties for who signs two histories
/// @notice Implements `ISlashingManager`. It holds no tokens: stake, penalties and rewards stay in the StakeManager.
contract SlashingManager is ISlashingManager {
    /// @notice What a deployment decides.
    struct Parameters {
        IStakeManager stakeManager;
        IEvidenceVerifier evidenceVerifier;
        /// Opens the network, and has no other power here.
        address guardian;
        /// The part of the exposure that each offence costs, in ten thousandths.
        uint16 baseBps;
        /// The part of the base penalty that the reporter gets, in ten thousandths, at most 500.
        uint16 rewardBps;
        /// How many epochs before and after count for the correlated penalty.
        uint32 correlationEpochs;
        /// For how many blocks an earlier commitment can be shown.
        uint32 contestBlocks;
    }

    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_REWARD_BPS = 500;
    uint256 private constant CORRELATION_FACTOR = 3;
    /// @dev Bounds the sum over the window.
    uint32 private constant MAX_CORRELATION_EPOCHS = 64;

    /// @notice Holds the stake.
    IStakeManager public immutable stakeManager;
    /// @notice Judges evidence.
    IEvidenceVerifier public immutable evidenceVerifier;
    /// @notice Opens the network.
    address public immutable guardian;
    /// @notice The part of the exposure that each offence costs, in ten thousandths.
    uint16 public immutable baseBps;
    /// @notice The part of the base penalty that the reporter gets, in ten thousandths.
    uint16 public immutable rewardBps;
    /// @notice How many epochs before and after count for the correlated penalty.
    uint32 public immutable correlationEpochs;
    /// @notice For how many blocks an earlier commitment can be shown.
    uint32 public immutable contestBlocks;

    /// @inheritdoc ISlashingManager
    bytes32 public networkId;

    /// @notice The block of a commitment; 0 without one.
    mapping(bytes32 commitment => uint64) public committedAt;
    /// @notice The stake of all validators that were first slashed in an epoch.
    mapping(uint32 epoch => uint256) public slashedIn;
    /// @notice What that is compared with: the stake behind the epoch's set, recorded with its first offender.
    mapping(uint32 epoch => uint256) public totalIn;

    mapping(bytes32 slot => Conviction) private _convictions;
    mapping(address operator => Offender) private _offenders;

    constructor(Parameters memory p) {
        if (p.stakeManager.slashingManager() != address(this)) revert InvalidParameter("stakeManager");
        if (address(p.evidenceVerifier).code.length == 0) revert InvalidParameter("evidenceVerifier");
        if (p.guardian == address(0)) revert InvalidParameter("guardian");
        if (p.baseBps == 0 || p.baseBps > BPS) revert InvalidParameter("baseBps");
        if (p.rewardBps > MAX_REWARD_BPS) revert InvalidParameter("rewardBps");
        if (p.correlationEpochs > MAX_CORRELATION_EPOCHS || p.correlationEpochs > p.stakeManager.evidenceEpochs()) {
            revert InvalidParameter("correlationEpochs");
        }
        stakeManager = p.stakeManager;
        evidenceVerifier = p.evidenceVerifier;
        guardian = p.guardian;
        baseBps = p.baseBps;
        rewardBps = p.rewardBps;
        correlationEpochs = p.correlationEpochs;
        contestBlocks = p.contestBlocks;
    }

    /// @inheritdoc ISlashingManager
    function openNetwork(bytes32 genesisHash) external {
        if (msg.sender != guardian) revert NotGuardian(msg.sender, guardian);
        if (networkId != 0) revert NetworkAlreadyOpen(networkId);
        networkId = NetworkId.compute(genesisHash, uint64(block.chainid), address(stakeManager));
        emit NetworkOpened(genesisHash, networkId);
    }

    /// @inheritdoc ISlashingManager
    function commit(bytes32 commitment) external {
        if (committedAt[commitment] != 0) revert AlreadyCommitted(commitment);
        committedAt[commitment] = uint64(block.number);
        emit Committed(commitment, msg.sender);
    }

    /// @inheritdoc ISlashingManager
    function submitEvidence(bytes calldata evidence, address reporter) external returns (bytes32 slot) {
        if (networkId == 0) revert NetworkNotOpen();
        if (reporter == address(0)) revert ZeroReporter();
        Offence memory offence = evidenceVerifier.verify(networkId, evidence);
        slot = offence.slot;
        if (_convictions[slot].operator != address(0)) revert AlreadySlashed(slot);
        address operator = _slashable(offence.validator);
        if (offence.checkpointKeyHash != 0) _requireOwnKey(offence.validator, offence.checkpointKeyHash);

        Conviction storage conviction = _convictions[slot];
        conviction.operator = operator;
        conviction.reporter = reporter;
        conviction.since = uint64(block.number);
        conviction.contestableUntil = uint64(block.number) + contestBlocks;

        uint256 exposure = _exposure(operator);
        (uint256 penalty, uint256 reward) = stakeManager.seize(operator, exposure * baseBps / BPS, rewardBps);
        conviction.reward = uint128(reward);
        emit Slashed(slot, operator, offence.validator, offence.kind, penalty, reward, reporter);
    }

    /// @inheritdoc ISlashingManager
    function claimPriority(bytes32 slot, bytes32 salt) external {
        Conviction storage conviction = _convictions[slot];
        if (conviction.reward == 0) revert NoReward(slot);
        if (block.number > conviction.contestableUntil) revert NotContestable(slot, conviction.contestableUntil);
        bytes32 commitment = keccak256(abi.encode(slot, msg.sender, salt));
        uint64 committed = committedAt[commitment];
        if (committed == 0 || committed >= conviction.since) {
            revert NoPriority(commitment, committed, conviction.since);
        }
        conviction.reporter = msg.sender;
        conviction.since = committed;
        emit PriorityClaimed(slot, msg.sender, committed);
    }

    /// @inheritdoc ISlashingManager
    function collectReward(bytes32 slot) external returns (uint256 reward) {
        Conviction storage conviction = _convictions[slot];
        reward = conviction.reward;
        if (reward == 0) revert NoReward(slot);
        if (block.number <= conviction.contestableUntil) revert StillContestable(slot, conviction.contestableUntil);
        conviction.reward = 0;
        emit RewardCollected(slot, conviction.reporter, reward);
        stakeManager.payReward(conviction.reporter, reward);
    }

    /// @inheritdoc ISlashingManager
    function settle(address operator) external returns (uint256 penalty) {
        Offender storage offender = _offenders[operator];
        if (offender.settleFrom == 0) revert NotAnOffender(operator);
        if (offender.settled) revert AlreadySettled(operator);
        if (stakeManager.currentEpoch() < offender.settleFrom) revert TooEarlyToSettle(operator, offender.settleFrom);
        offender.settled = true;
        uint256 slashed = _slashedAround(offender.epoch);
        uint256 total = totalIn[offender.epoch];
        // Zero only where there was no stake at all, the offender's included.
        uint256 correlated = total == 0 ? 0 : CORRELATION_FACTOR * offender.exposure * slashed / total;
        (penalty,) = stakeManager.seize(operator, correlated, 0);
        stakeManager.release(operator);
        emit Settled(operator, slashed, total, penalty);
    }

    /// @inheritdoc ISlashingManager
    function convictionOf(bytes32 slot) external view returns (Conviction memory) {
        return _convictions[slot];
    }

    /// @inheritdoc ISlashingManager
    function offenderOf(address operator) external view returns (Offender memory) {
        return _offenders[operator];
    }

    /// @dev The operator whose the key is, if evidence against it still counts.
    function _slashable(bytes32 consensusKey) private view returns (address) {
        KeyRecord memory record = stakeManager.keyRecord(consensusKey);
        if (record.operator == address(0)) revert UnknownValidator(consensusKey);
        if (record.retiredFrom != 0) {
            uint32 lastEpoch = record.retiredFrom + stakeManager.evidenceEpochs();
            uint32 epoch = stakeManager.currentEpoch();
            if (epoch > lastEpoch) revert EvidenceExpired(consensusKey, lastEpoch, epoch);
        }
        return record.operator;
    }

    /// @dev A consensus key has one BLS key beside it, for ever.
    function _requireOwnKey(bytes32 consensusKey, bytes32 keyHash) private view {
        bytes32 expected = keccak256(stakeManager.checkpointKeyBeside(consensusKey));
        if (keyHash != expected) revert WrongCheckpointKey(consensusKey, keyHash, expected);
    }

    /// @dev What the operator had at its first offence. With the first it is put out of the set, and counted.
    function _exposure(address operator) private returns (uint256 exposure) {
        Offender storage offender = _offenders[operator];
        if (offender.settleFrom != 0) return offender.exposure;
        uint32 epoch = stakeManager.currentEpoch();
        if (totalIn[epoch] == 0) totalIn[epoch] = _stakeBehind(epoch);
        exposure = stakeManager.tombstone(operator);
        slashedIn[epoch] += exposure;
        offender.exposure = uint128(exposure);
        offender.epoch = epoch;
        offender.settleFrom = _settleFrom(operator, epoch);
    }

    /// @dev When no evidence against the operator counts any more, and no other offence falls into its window.
    function _settleFrom(address operator, uint32 epoch) private view returns (uint32) {
        KeyRecord memory record = stakeManager.keyRecord(stakeManager.consensusKeyOf(operator));
        uint32 lastEvidence = record.retiredFrom + stakeManager.evidenceEpochs();
        uint32 lastCorrelated = epoch + correlationEpochs;
        return (lastEvidence > lastCorrelated ? lastEvidence : lastCorrelated) + 1;
    }

    /// @dev The stake behind the set of an epoch, which nobody can change any more; without a set, as in the first epochs,
    /// all stake that is here.
    function _stakeBehind(uint32 epoch) private view returns (uint256) {
        uint256 behind = uint256(stakeManager.totalPower(epoch)) * stakeManager.powerUnit();
        return behind != 0 ? behind : stakeManager.totalBonded() + stakeManager.totalUnbonding();
    }

    function _slashedAround(uint32 epoch) private view returns (uint256 slashed) {
        uint32 first = epoch > correlationEpochs ? epoch - correlationEpochs : 0;
        for (uint32 e = first; e <= epoch + correlationEpochs; e++) {
            slashed += slashedIn[e];
        }
    }
}
