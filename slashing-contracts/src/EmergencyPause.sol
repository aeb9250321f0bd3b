// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Epochs} from "./Epochs.sol";

/// @title A short stop of what lets stake in and out
/// @notice The guardian can stop deposits and withdrawals for one epoch, and again only after an epoch without a stop: time
/// to react to a flaw, not enough to hold stake hostage. Evidence, penalties and the clocks of unbonding and evidence go
/// on meanwhile, so a stop shields no offender.
abstract contract EmergencyPause is Epochs {
    /// @notice Who may pause.
    address public immutable guardian;
    /// @notice The first block that is not paused any more.
    uint256 public pausedUntil;

    /// Deposits and withdrawals stand still until block `until`.
    event Paused(uint256 until);

    /// Only the guardian may do this.
    error NotGuardian(address caller, address guardian);
    /// The contract is paused until block `until`.
    error IsPaused(uint256 until);
    /// The last pause is too recent; the next may begin at block `from`.
    error PausedRecently(uint256 from);
    /// A guardian must be named.
    error ZeroGuardian();

    constructor(address guardian_) {
        if (guardian_ == address(0)) revert ZeroGuardian();
        guardian = guardian_;
    }

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian(msg.sender, guardian);
        _;
    }

    modifier whenNotPaused() {
        if (block.number < pausedUntil) revert IsPaused(pausedUntil);
        _;
    }

    /// @notice Stops deposits and withdrawals for one epoch's number of blocks.
    function pause() external onlyGuardian {
        uint256 from = pausedUntil == 0 ? 0 : pausedUntil + epochLength;
        if (block.number < from) revert PausedRecently(from);
        pausedUntil = block.number + epochLength;
        emit Paused(pausedUntil);
    }
}
