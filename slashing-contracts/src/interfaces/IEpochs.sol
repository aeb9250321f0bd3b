// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The contracts' clock
/// @notice Epochs are stretches of blocks of this chain: epoch e begins with block startBlock + e * epochLength. All
/// durations are counted in epochs.
///
/// What holds when epoch e begins fixes the validator set and the rollups of epoch e + 2, so that nodes have an epoch and
/// more to learn of it from finalized blocks. A change made during epoch e is therefore first seen in epoch e + 3.
interface IEpochs {
    /// @notice The first block of epoch 0.
    function startBlock() external view returns (uint256);
    /// @notice Blocks in an epoch.
    function epochLength() external view returns (uint32);
    /// @notice The epoch of the current block.
    function currentEpoch() external view returns (uint32);
    /// @notice The first epoch in which a change made now is seen.
    function effectiveEpoch() external view returns (uint32);
}
