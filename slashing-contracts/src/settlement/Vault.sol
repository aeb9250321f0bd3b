// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A purse with an address of its own
/// @notice Holds value for the contract that created it, so that what comes for one purpose is not mixed with another's.
contract Vault {
    address private immutable OWNER = msg.sender;

    /// Only the contract that created the vault pays from it.
    error NotOwner(address caller);
    /// The receiver refuses the value.
    error PaymentFailed(address to, uint256 value);

    receive() external payable {}

    /// @notice Pays everything to an address.
    function pay(address to) external {
        if (msg.sender != OWNER) revert NotOwner(msg.sender);
        uint256 value = address(this).balance;
        (bool paid,) = to.call{value: value}("");
        if (!paid) revert PaymentFailed(to, value);
    }
}
