// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What any rollup's contract says of itself
/// @notice The contract that a rollup names in the RollupRegistry offers this one view, however it settles. Nodes then tell
/// the rollup's subscribers how far they are settled, after comparing the head with the network's.
interface IRollupSettlement {
    /// @notice Where the rollup stands.
    /// @return index How many batches are settled.
    /// @return head The head after the last of them; zero where the contract keeps none.
    /// @return root The rollup's own commitment to its state after it; zero where there is none.
    function latest() external view returns (uint64 index, bytes32 head, bytes32 root);
}
