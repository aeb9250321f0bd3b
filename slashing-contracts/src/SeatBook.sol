// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Epochs} from "./Epochs.sol";
import {IStakeManager, KeyRecord, Member, ValidatorSet} from "./interfaces/IStakeManager.sol";
import {EpochHistory} from "./libraries/EpochHistory.sol";

/// @title Keys and seats
/// @notice Keeps whose every key is, and for every seat who votes with which power from which epoch on. The number of seats
/// bounds what it costs to read a set. A change is written for `effectiveEpoch`, so sets that are fixed never change.
abstract contract SeatBook is Epochs {
    using EpochHistory for EpochHistory.Entry[];

    /// @dev The protocol's limit for a set.
    uint32 private constant MAX_SEATS = 1024;

    /// @dev The most members of a set.
    uint32 internal immutable _seats;

    /// @dev All consensus keys that ever were registered; index 0 is nobody's.
    bytes32[] internal _keys;
    mapping(bytes32 consensusKey => KeyRecord) internal _keyRecords;

    /// @dev Owners of BLS keys, by the key's hash.
    mapping(bytes32 keyHash => address operator) private _checkpointKeyOwners;
    /// @dev The 96 bytes of a BLS key that are not always zero, by the place of the consensus key beside it.
    mapping(uint32 keyIndex => bytes32[3]) private _checkpointKeys;

    /// @dev Seats that were never taken begin after this one.
    uint32 private _usedSeats;
    uint32[] private _freedSeats;
    mapping(uint32 seat => EpochHistory.Entry[]) private _seatHistory;
    EpochHistory.Entry[] private _totalHistory;

    constructor(uint32 seats_) {
        if (seats_ == 0 || seats_ > MAX_SEATS) revert IStakeManager.InvalidParameter("seats");
        _seats = seats_;
        _keys.push(0);
    }

    /// @dev Makes two new keys the operator's for ever.
    function _assignKeys(address operator, bytes32 consensusKey, bytes calldata checkpointKey)
        internal
        returns (uint32 keyIndex)
    {
        KeyRecord storage record = _keyRecords[consensusKey];
        if (record.operator != address(0)) revert IStakeManager.KeyTaken(consensusKey, record.operator);
        record.operator = operator;
        bytes32 keyHash = keccak256(checkpointKey);
        address owner = _checkpointKeyOwners[keyHash];
        if (owner != address(0)) revert IStakeManager.KeyTaken(keyHash, owner);
        _checkpointKeyOwners[keyHash] = operator;
        keyIndex = uint32(_keys.length);
        _keys.push(consensusKey);
        record.keyIndex = keyIndex;
        // x and y have 48 bytes each, behind 16 zeros.
        _checkpointKeys[keyIndex] = [
            bytes32(checkpointKey[16:48]),
            bytes32(bytes.concat(checkpointKey[48:64], checkpointKey[80:96])),
            bytes32(checkpointKey[96:128])
        ];
    }

    function _checkpointKey(uint32 keyIndex) internal view returns (bytes memory) {
        bytes32[3] storage words = _checkpointKeys[keyIndex];
        bytes16 zeros;
        return abi.encodePacked(zeros, words[0], bytes16(words[1]), zeros, bytes16(words[1] << 128), words[2]);
    }

    /// @dev From `effectiveEpoch` on no set has the key. A key that is retired already stays so since then.
    function _retireKey(bytes32 key) internal {
        KeyRecord storage record = _keyRecords[key];
        if (record.retiredFrom == 0) record.retiredFrom = effectiveEpoch();
    }

    function _reviveKey(bytes32 key) internal {
        _keyRecords[key].retiredFrom = 0;
    }

    /// @return seat Counted from 1; 0 if all are taken.
    function _takeFreeSeat() internal returns (uint32 seat) {
        uint256 freed = _freedSeats.length;
        if (freed != 0) {
            seat = _freedSeats[freed - 1];
            _freedSeats.pop();
        } else if (_usedSeats < _seats) {
            seat = ++_usedSeats;
        }
    }

    function _freeSeat(uint32 seat) internal {
        EpochHistory.Entry memory last = _seatHistory[seat].latest();
        _setSeat(seat, last.keyIndex, last.incarnation, 0);
        _freedSeats.push(seat);
    }

    function _setSeat(uint32 seat, uint32 keyIndex, uint32 incarnation, uint64 power) internal {
        uint32 fromEpoch = effectiveEpoch();
        uint64 total = _totalHistory.latest().power - _seatHistory[seat].latest().power + power;
        _seatHistory[seat].write(EpochHistory.Entry(fromEpoch, keyIndex, incarnation, power));
        _totalHistory.write(EpochHistory.Entry(fromEpoch, 0, 0, total));
        emit IStakeManager.SeatChanged(seat, _keys[keyIndex], power, incarnation, fromEpoch);
    }

    function _totalPower(uint32 epoch) internal view returns (uint64) {
        return _totalHistory.inEpoch(epoch).power;
    }

    function _validatorSet(uint32 epoch) internal view returns (ValidatorSet memory set) {
        uint32 used = _usedSeats;
        Member[] memory members = new Member[](used);
        uint256 count;
        for (uint32 seat = 1; seat <= used; seat++) {
            EpochHistory.Entry memory entry = _seatHistory[seat].inEpoch(epoch);
            if (entry.power == 0) continue;
            _insertSorted(members, count++, Member(_keys[entry.keyIndex], entry.power, entry.incarnation));
        }
        assembly ("memory-safe") {
            mstore(members, count)
        }
        set.members = members;
        set.totalPower = _totalPower(epoch);
        // Without the power that may be faulty, ceil(total / 3) - 1.
        if (count != 0) set.quorum = set.totalPower - ((set.totalPower + 2) / 3 - 1);
    }

    function _insertSorted(Member[] memory members, uint256 place, Member memory member) private pure {
        for (; place > 0 && members[place - 1].consensusKey > member.consensusKey; place--) {
            members[place] = members[place - 1];
        }
        members[place] = member;
    }
}
