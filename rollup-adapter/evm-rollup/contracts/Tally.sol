// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Tally
/// @notice Adds up what accounts say, for demonstrations, and knows which batch of the sequencer it is executed in.
contract Tally {
    /// @dev Keeps the batch's head of each block, where a beacon block's root is on Ethereum (EIP-4788).
    address private constant HEADS = 0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02;

    /// @notice What an account added.
    mapping(address account => uint256 amount) public addedBy;

    /// @notice What all accounts added.
    uint256 public total;

    /// @notice An account added something.
    event Added(address indexed account, uint256 amount, uint256 total);

    /// @notice No block has this time, or it is too long ago.
    error UnknownTime(uint256 timestamp);

    /// @notice Adds an amount.
    function add(uint256 amount) external {
        addedBy[msg.sender] += amount;
        total += amount;
        emit Added(msg.sender, amount, total);
    }

    /// @notice The head of the batch that the block of a time was made of. One of the last 8,191 blocks.
    function headAt(uint256 timestamp) external view returns (bytes32 head) {
        (bool found, bytes memory answer) = HEADS.staticcall(abi.encode(timestamp));
        if (!found) revert UnknownTime(timestamp);
        return abi.decode(answer, (bytes32));
    }
}
