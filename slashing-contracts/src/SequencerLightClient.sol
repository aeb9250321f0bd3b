// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bls12381} from "./crypto/Bls12381.sol";
import {Checkpoint, HeadPath, ISequencerLightClient} from "./interfaces/ISequencerLightClient.sol";
import {ISlashingManager} from "./interfaces/ISlashingManager.sol";
import {IStakeManager, Member, ValidatorSet} from "./interfaces/IStakeManager.sol";
import {CheckpointMessage} from "./libraries/CheckpointMessage.sol";
import {DataContract} from "./libraries/DataContract.sol";
import {HeadsTree} from "./libraries/HeadsTree.sol";

/// @title A light client of the network
/// @notice Implements `ISequencerLightClient`.
/// @dev A set is one data contract, its page: network id (32) ‖ set hash (32) ‖ quorum (8) ‖ for each member its BLS key
/// without padding (96) and its power (8). Everything that a checkpoint is checked against but its own fields is in there.
/// The slot that is written with each checkpoint also leads to the page of the set that signed the last one, so as long as
/// the set stays no other slot is read.
contract SequencerLightClient is ISequencerLightClient {
    bytes15 private constant SET_DOMAIN = "FAIRLANE-VST-v1";
    uint256 private constant PAGE_HEAD = 72;
    uint256 private constant MEMBER_BYTES = 104;
    /// @dev So many members fit a page.
    uint256 private constant MAX_MEMBERS = 235;
    /// @dev The set of an epoch is fixed so many epochs before it begins.
    uint32 private constant FIXED_AHEAD = 2;
    /// @dev In place of the tip's height: halted. No checkpoint is above it.
    uint40 private constant HALTED = type(uint40).max;

    /// @dev The newest checkpoint, in one slot.
    struct Tip {
        /// The page of the set that signed it.
        address page;
        /// The epoch that this was the set of.
        uint24 epoch;
        uint32 number;
        uint40 height;
    }

    /// @notice Says who the validators are.
    IStakeManager public immutable stakeManager;
    /// @notice Says which network this is.
    ISlashingManager public immutable slashingManager;
    /// @inheritdoc ISequencerLightClient
    uint32 public immutable history;
    /// @inheritdoc ISequencerLightClient
    uint32 public immutable trustEpochs;

    uint256 private immutable _startBlock;
    uint32 private immutable _epochLength;

    Tip private _tip;
    mapping(uint256 place => bytes32 digest) private _ring;
    mapping(uint32 epoch => address page) private _pages;
    mapping(bytes32 validatorsHash => address page) private _pageOf;

    /// @param history_ How many checkpoints are kept.
    constructor(IStakeManager stakeManager_, uint32 history_) {
        if (address(stakeManager_).code.length == 0) revert InvalidParameter("stakeManager");
        if (history_ == 0) revert InvalidParameter("history");
        if (stakeManager_.seats() > MAX_MEMBERS) revert InvalidParameter("seats");
        stakeManager = stakeManager_;
        slashingManager = ISlashingManager(stakeManager_.slashingManager());
        history = history_;
        trustEpochs = stakeManager_.evidenceEpochs() / 2;
        _startBlock = stakeManager_.startBlock();
        _epochLength = stakeManager_.epochLength();
    }

    /// @inheritdoc ISequencerLightClient
    function registerSet(uint32 epoch) external returns (bytes32 validatorsHash) {
        if (_pages[epoch] != address(0)) return setHash(epoch);
        uint32 current = _currentEpoch();
        if (epoch > current + FIXED_AHEAD) revert SetNotFixed(epoch, current);
        bytes32 network = slashingManager.networkId();
        if (network == 0) revert NetworkNotOpen();
        ValidatorSet memory set = stakeManager.validatorSet(epoch);
        if (set.members.length == 0) revert EmptySet(epoch);

        validatorsHash = _hash(set.members);
        address page = _pageOf[validatorsHash];
        if (page == address(0)) {
            page = DataContract.write(abi.encodePacked(network, validatorsHash, set.quorum, _pack(set.members)));
            _pageOf[validatorsHash] = page;
        }
        _pages[epoch] = page;
        emit SetRegistered(epoch, validatorsHash, set.members.length);
    }

    /// @inheritdoc ISequencerLightClient
    function submit(Checkpoint calldata checkpoint, uint32 epoch, uint256 signers, bytes32[6] calldata signature)
        external
        returns (bool)
    {
        Tip memory tip = _tip;
        if (tip.height == HALTED) revert IsHalted();
        bytes32 digest = _digest(checkpoint);
        if (checkpoint.height <= tip.height) {
            if (_ring[tip.number % history] == digest) return false;
            revert StaleCheckpoint(checkpoint.height, tip.height);
        }
        if (checkpoint.height >= HALTED) revert HeightTooLarge(checkpoint.height);
        if (epoch != tip.epoch || tip.page == address(0)) (tip.epoch, tip.page) = (uint24(epoch), _pages[epoch]);
        _requireSigned(checkpoint, _readTrusted(tip.page, epoch), signers, signature);

        tip.number++;
        tip.height = uint40(checkpoint.height);
        _tip = tip;
        _ring[tip.number % history] = digest;
        emit CheckpointAccepted(tip.number, checkpoint);
        return true;
    }

    /// @inheritdoc ISequencerLightClient
    function reportConflict(
        uint64 number,
        Checkpoint calldata accepted,
        Checkpoint calldata other,
        uint32 epoch,
        uint256 signers,
        bytes32[6] calldata signature
    ) external {
        _requireAccepted(number, accepted);
        if (accepted.height != other.height || _digest(accepted) == _digest(other)) {
            revert NoConflict(accepted.height, other.height);
        }
        _requireSigned(other, _readTrusted(_pages[epoch], epoch), signers, signature);
        _tip.height = HALTED;
        emit Halted(accepted, other);
    }

    /// @inheritdoc ISequencerLightClient
    function prove(uint64 number, Checkpoint calldata checkpoint, HeadPath calldata path) external view {
        _requireAccepted(number, checkpoint);
        bytes32 root = HeadsTree.root(path);
        if (root != checkpoint.headsRoot) revert WrongPath(root, checkpoint.headsRoot);
    }

    /// @inheritdoc ISequencerLightClient
    function latest() external view returns (uint64 number, uint64 height, bytes32 digest) {
        Tip memory tip = _tip;
        return (tip.number, tip.height, _ring[tip.number % history]);
    }

    /// @inheritdoc ISequencerLightClient
    function setHash(uint32 epoch) public view returns (bytes32) {
        address page = _pages[epoch];
        return page == address(0) ? bytes32(0) : _word(DataContract.read(page), 32);
    }

    // Checkpoints

    /// @dev A place of the ring that was not reached yet is zero, which is no digest.
    function _requireAccepted(uint64 number, Checkpoint calldata checkpoint) private view {
        if (_tip.height == HALTED) revert IsHalted();
        bytes32 digest = _digest(checkpoint);
        if (_ring[number % history] != digest) revert UnknownCheckpoint(number, digest);
    }

    function _digest(Checkpoint calldata checkpoint) private pure returns (bytes32) {
        return keccak256(abi.encode(checkpoint));
    }

    /// @dev The page of an epoch's set, if the epoch has begun, and not too long ago.
    function _readTrusted(address page, uint32 epoch) private view returns (bytes memory) {
        if (page == address(0)) revert UnknownSet(epoch);
        uint32 current = _currentEpoch();
        if (epoch > current) revert SetNotInUse(epoch, current);
        if (current - epoch > trustEpochs) revert SetTooOld(epoch, epoch + trustEpochs, current);
        return DataContract.read(page);
    }

    /// @dev A quorum of the set on the page must have signed.
    function _requireSigned(
        Checkpoint calldata checkpoint,
        bytes memory page,
        uint256 signers,
        bytes32[6] calldata signature
    ) private view {
        uint256 members = (page.length - PAGE_HEAD) / MEMBER_BYTES;
        if (signers >> members != 0) revert UnknownSigner(signers, members);
        (bytes memory key, uint256 power) = _sum(page, signers);
        uint256 quorum = uint256(_word(page, 64)) >> 192;
        if (power < quorum) revert NoQuorum(power, quorum);
        if (!CheckpointMessage.isSigned(_fields(page, checkpoint), key, _bytes(signature))) revert InvalidSignature();
    }

    /// @dev What is signed: the checkpoint's fields behind the network. It must be the set's.
    function _fields(bytes memory page, Checkpoint calldata checkpoint) private pure returns (bytes memory) {
        bytes32 validatorsHash = _word(page, 32);
        if (checkpoint.validatorsHash != validatorsHash) {
            revert WrongValidatorSet(checkpoint.validatorsHash, validatorsHash);
        }
        return abi.encodePacked(
            _word(page, 0),
            checkpoint.height,
            checkpoint.blockId,
            checkpoint.headsRoot,
            validatorsHash,
            checkpoint.nextValidatorsHash
        );
    }

    /// @dev The sum of the signers' keys, and their power. Keys are in the subgroup: their registration proved that.
    function _sum(bytes memory page, uint256 signers) private view returns (bytes memory key, uint256 power) {
        // The sum, first the neutral element, and behind it the key that is added next.
        key = new bytes(2 * Bls12381.G1_BYTES);
        bool ok = true;
        assembly ("memory-safe") {
            let sum := add(key, 0x20)
            let x := add(sum, 144)
            let y := add(sum, 208)
            for { let member := add(page, add(0x20, PAGE_HEAD)) } signers { member := add(member, MEMBER_BYTES) } {
                if and(signers, 1) {
                    mcopy(x, member, 48)
                    mcopy(y, add(member, 48), 48)
                    power := add(power, shr(192, mload(add(member, 96))))
                    ok := and(ok, staticcall(gas(), 0x0b, sum, 256, sum, 128))
                }
                signers := shr(1, signers)
            }
            mstore(key, 128)
        }
        if (!ok) revert Bls12381.PrecompileFailed();
    }

    function _bytes(bytes32[6] calldata words) private pure returns (bytes calldata data) {
        assembly ("memory-safe") {
            data.offset := words
            data.length := 192
        }
    }

    // Sets

    function _currentEpoch() private view returns (uint32) {
        return uint32((block.number - _startBlock) / _epochLength);
    }

    /// @dev The hash that headers carry (docs/protocol.md, "Validator sets").
    function _hash(Member[] memory members) private pure returns (bytes32) {
        bytes memory encoded = new bytes(members.length * 44);
        for (uint256 i = 0; i < members.length; i++) {
            (bytes32 key, uint64 power, uint32 incarnation) =
                (members[i].consensusKey, members[i].power, members[i].incarnation);
            assembly ("memory-safe") {
                let to := add(add(encoded, 0x20), mul(i, 44))
                mstore(add(to, 12), or(shl(32, power), incarnation))
                mstore(to, key)
            }
        }
        return sha256(abi.encodePacked(SET_DOMAIN, uint32(members.length), encoded));
    }

    function _pack(Member[] memory members) private view returns (bytes memory packed) {
        packed = new bytes(members.length * MEMBER_BYTES);
        for (uint256 i = 0; i < members.length; i++) {
            bytes memory key = stakeManager.checkpointKeyBeside(members[i].consensusKey);
            uint256 power = members[i].power;
            assembly ("memory-safe") {
                let to := add(add(packed, 0x20), mul(i, MEMBER_BYTES))
                mstore(add(to, 72), power)
                mcopy(to, add(key, 0x30), 48)
                mcopy(add(to, 48), add(key, 0x70), 48)
            }
        }
    }

    function _word(bytes memory data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }
}
