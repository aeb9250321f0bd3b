// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title HashLock
/// @notice Holds value for whoever is named with it and knows a secret: the side of a crossing that is in a rollup with the EVM
/// (docs/rollups/crossing.md). Each lock is used once.
contract HashLock {
    /// @notice Value that waits for a secret.
    struct Lock {
        /// Who gets it back.
        address from;
        /// Who gets it with the secret.
        address to;
        uint256 value;
        /// Unix time in seconds, as this rollup counts it.
        uint64 deadline;
        /// The one who locked it has seen the other leg, and cannot take it back before the deadline.
        bool isConfirmed;
    }

    /// @notice By SHA-256 of the secret. What was paid or taken back has no value left, and its lock stays used.
    mapping(bytes32 lock => Lock) public locks;

    /// @notice Value waits.
    event Locked(bytes32 indexed lock, address indexed from, address indexed to, uint256 value, uint64 deadline);
    /// @notice The secret is enough from now on.
    event Confirmed(bytes32 indexed lock);
    /// @notice Somebody showed the secret, and the value went to whom it waited for.
    event Claimed(bytes32 indexed lock, bytes32 secret);
    /// @notice The value went back.
    event Refunded(bytes32 indexed lock);

    /// @notice The lock was used before.
    error LockIsUsed(bytes32 lock);
    /// @notice Nothing waits under this lock.
    error NothingLocked(bytes32 lock);
    /// @notice Only the one who locked the value may do this.
    error NotYours(bytes32 lock, address from);
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
        if (locks[hash].from != address(0)) revert LockIsUsed(hash);
        if (msg.value == 0) revert NothingLocked(hash);
        locks[hash] = Lock(msg.sender, to, msg.value, deadline, false);
        emit Locked(hash, msg.sender, to, msg.value, deadline);
    }

    /// @notice Says that the other leg took place.
    function confirm(bytes32 hash) external {
        _requireOwn(hash);
        locks[hash].isConfirmed = true;
        emit Confirmed(hash);
    }

    /// @notice Pays the one for whom the value waits. Anyone who knows the secret may ask for it.
    function claim(bytes32 secret) external {
        bytes32 hash = sha256(abi.encodePacked(secret));
        Lock memory found = locks[hash];
        if (!found.isConfirmed) revert NotConfirmed(hash);
        if (block.timestamp > found.deadline) revert TooLate(found.deadline, block.timestamp);
        emit Claimed(hash, secret);
        _pay(hash, found.to);
    }

    /// @notice Pays the value back: what is not confirmed at any time, everything after the deadline.
    function refund(bytes32 hash) external {
        _requireOwn(hash);
        Lock memory found = locks[hash];
        if (found.isConfirmed && block.timestamp <= found.deadline) revert TooEarly(found.deadline, block.timestamp);
        emit Refunded(hash);
        _pay(hash, found.from);
    }

    function _requireOwn(bytes32 hash) private view {
        if (locks[hash].from != msg.sender) revert NotYours(hash, locks[hash].from);
    }

    function _pay(bytes32 hash, address to) private {
        uint256 value = locks[hash].value;
        if (value == 0) revert NothingLocked(hash);
        locks[hash].value = 0;
        (bool paid,) = to.call{value: value}("");
        if (!paid) revert PaymentFailed(to, value);
    }
}
