// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title HashLock
/// @notice Holds value for whoever is named with it and knows a secret: the side of a crossing that is in a rollup with the EVM
/// (docs/rollups/crossing.md). Each lock is used once by each account, so nobody can use up another's.
contract HashLock {
    /// @notice Value that waits for a secret.
    struct Lock {
        /// Who gets it with the secret.
        address to;
        uint256 value;
        /// Unix time in seconds, as this rollup counts it.
        uint64 deadline;
        /// The one who locked it has seen the other leg, and cannot take it back before the deadline.
        bool isConfirmed;
    }

    /// @notice By who locked the value, and gets it back, and SHA-256 of the secret. What was paid or taken back has no value left,
    /// and its lock stays used.
    mapping(address from => mapping(bytes32 lock => Lock)) public locks;

    /// @notice Value waits.
    event Locked(bytes32 indexed lock, address indexed from, address indexed to, uint256 value, uint64 deadline);
    /// @notice The secret is enough from now on.
    event Confirmed(bytes32 indexed lock, address indexed from);
    /// @notice Somebody showed the secret, and the value went to whom it waited for.
    event Claimed(bytes32 indexed lock, address indexed from, bytes32 secret);
    /// @notice The value went back.
    event Refunded(bytes32 indexed lock, address indexed from);

    /// @notice The account used the lock before.
    error LockIsUsed(bytes32 lock);
    /// @notice Nothing waits under this lock of the account.
    error NothingLocked(bytes32 lock, address from);
    /// @notice The one who locked the value has not confirmed it.
    error NotConfirmed(bytes32 lock);
    /// @notice The deadline is over.
    error TooLate(uint64 deadline, uint256 time);
    /// @notice The deadline is not over.
    error TooEarly(uint64 deadline, uint256 time);
    /// @notice The receiver refuses the value.
    error PaymentFailed(address to, uint256 value);

    /// @notice Locks the value that comes with the call.
    function lock(bytes32 hash, address to, uint64 deadline) external payable {
        Lock storage made = locks[msg.sender][hash];
        if (made.to != address(0)) revert LockIsUsed(hash);
        if (msg.value == 0 || to == address(0)) revert NothingLocked(hash, msg.sender);
        (made.to, made.value, made.deadline) = (to, msg.value, deadline);
        emit Locked(hash, msg.sender, to, msg.value, deadline);
    }

    /// @notice Says that the other leg took place.
    function confirm(bytes32 hash) external {
        Lock storage own = _locked(msg.sender, hash);
        own.isConfirmed = true;
        emit Confirmed(hash, msg.sender);
    }

    /// @notice Pays the one for whom the value waits. Anyone who knows the secret may ask for it.
    /// @param from Who locked it.
    function claim(address from, bytes32 secret) external {
        bytes32 hash = sha256(abi.encodePacked(secret));
        Lock storage found = _locked(from, hash);
        if (!found.isConfirmed) revert NotConfirmed(hash);
        if (block.timestamp > found.deadline) revert TooLate(found.deadline, block.timestamp);
        emit Claimed(hash, from, secret);
        _pay(found, found.to);
    }

    /// @notice Pays the caller's value back: what is not confirmed at any time, everything after the deadline.
    function refund(bytes32 hash) external {
        Lock storage own = _locked(msg.sender, hash);
        if (own.isConfirmed && block.timestamp <= own.deadline) revert TooEarly(own.deadline, block.timestamp);
        emit Refunded(hash, msg.sender);
        _pay(own, msg.sender);
    }

    function _locked(address from, bytes32 hash) private view returns (Lock storage found) {
        found = locks[from][hash];
        if (found.value == 0) revert NothingLocked(hash, from);
    }

    function _pay(Lock storage found, address to) private {
        uint256 value = found.value;
        found.value = 0;
        (bool paid,) = to.call{value: value}("");
        if (!paid) revert PaymentFailed(to, value);
    }
}
