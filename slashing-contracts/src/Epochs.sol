// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEpochs} from "./interfaces/IEpochs.sol";

/// @title The contracts' clock, which starts with its deployment
abstract contract Epochs is IEpochs {
    /// @dev From the epoch of a change to the first that sees it: to the next boundary, and two epochs further.
    uint32 private constant DELAY = 3;

    /// @inheritdoc IEpochs
    uint256 public immutable startBlock;
    /// @inheritdoc IEpochs
    uint32 public immutable epochLength;

    /// An epoch has at least one block.
    error ZeroEpochLength();

    constructor(uint32 epochLength_) {
        if (epochLength_ == 0) revert ZeroEpochLength();
        startBlock = block.number;
        epochLength = epochLength_;
    }

    /// @inheritdoc IEpochs
    function currentEpoch() public view returns (uint32) {
        return uint32((block.number - startBlock) / epochLength);
    }

    /// @inheritdoc IEpochs
    function effectiveEpoch() public view returns (uint32) {
        return currentEpoch() + DELAY;
    }
}
