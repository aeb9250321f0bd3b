// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Values that change from some epoch on
/// @notice A history is a list of entries with ascending epochs; an entry holds until the next one begins. What an epoch
/// that has begun to be fixed sees never changes, because entries are only made for epochs still to come.
library EpochHistory {
    /// @notice Who votes with which power, in one storage slot. Nobody does if the power is zero.
    struct Entry {
        uint32 fromEpoch;
        uint32 keyIndex;
        uint32 incarnation;
        uint64 power;
    }

    /// @notice Lets `entry` hold from its epoch on; the last entry if it has that epoch is replaced.
    function write(Entry[] storage history, Entry memory entry) internal {
        uint256 count = history.length;
        if (count != 0 && history[count - 1].fromEpoch == entry.fromEpoch) history[count - 1] = entry;
        else history.push(entry);
    }

    /// @notice What holds in `epoch`; an empty entry before the first.
    /// @dev Binary search for the last entry that begins no later. Recent epochs are asked for most: try the end first.
    function inEpoch(Entry[] storage history, uint32 epoch) internal view returns (Entry memory entry) {
        uint256 low = 0;
        uint256 high = history.length;
        if (high != 0 && history[high - 1].fromEpoch <= epoch) return history[high - 1];
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (history[middle].fromEpoch <= epoch) low = middle + 1;
            else high = middle;
        }
        if (low != 0) entry = history[low - 1];
    }

    /// @notice What holds after the last change.
    function latest(Entry[] storage history) internal view returns (Entry memory entry) {
        uint256 count = history.length;
        if (count != 0) entry = history[count - 1];
    }
}
