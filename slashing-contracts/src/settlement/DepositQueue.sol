// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Deposit, IZkRollupSettlement} from "../interfaces/IZkRollupSettlement.sol";

/// @title Deposits that wait to come into a rollup
/// @notice Assigns accounts to keys and keeps the order of deposits as a hash chain, of which each link is kept: whoever
/// settles brings the deposits along.
abstract contract DepositQueue is IZkRollupSettlement {
    /// @dev Order of the field of the curve's coordinates, which is that of BN254's groups.
    uint256 internal constant FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @dev The curve is x^2 + y^2 = 1 + d x^2 y^2.
    uint256 private constant CURVE_D = 9706598848417545097372247223557719406784115219466060233080913168975159366771;
    uint256 private constant ACCOUNTS = 16_384;
    /// @dev Bytes of a deposit in a statement.
    uint256 private constant DEPOSIT_BYTES = 74;

    /// @notice Wei of a unit, in which the rollup counts.
    uint256 public immutable unit;
    /// @notice How many deposits a proof takes in.
    uint64 public immutable depositsPerProof;

    /// @dev Balances together never overflow the 64 bits that one may have: this is what they are, and what waits.
    uint64 private _held;
    uint32 private _accounts;
    /// @dev The chain after each deposit.
    mapping(uint64 number => bytes32 chain) private _chain;
    /// @dev Accounts of keys, counted from 1.
    mapping(bytes32 key => uint32) private _accountOf;

    constructor(uint256 unit_, uint64 depositsPerProof_) {
        if (unit_ == 0) revert InvalidParameter("unit");
        if (depositsPerProof_ == 0) revert InvalidParameter("depositsPerProof");
        unit = unit_;
        depositsPerProof = depositsPerProof_;
    }

    /// @dev Adds a deposit to the queue.
    /// @param number Its number.
    function _enqueue(uint64 number, uint256 x, uint256 y) internal {
        if (!_isOnCurve(x, y)) revert InvalidKey(x, y);
        uint256 amount = msg.value / unit;
        if (amount == 0 || amount > type(uint64).max || amount * unit != msg.value) {
            revert InvalidAmount(msg.value, unit);
        }
        _held += uint64(amount);
        Deposit memory made = Deposit(_account(x, y), x, y, uint64(amount));
        _chain[number] = _link(_chain[number - 1], made);
        emit Deposited(number, made.account, x, y, made.amount);
    }

    /// @dev Value left the rollup.
    function _release(uint64 amount) internal {
        _held -= amount;
    }

    /// @dev Deposits as they stand in a statement, if they are those with the numbers from `taken + 1` to `due`.
    function _encode(uint64 taken, uint64 due, Deposit[] calldata list) internal view returns (bytes memory encoded) {
        bytes32 chain = taken == due ? bytes32(0) : _chain[taken];
        encoded = new bytes(DEPOSIT_BYTES * depositsPerProof);
        for (uint256 i = 0; i < list.length; i++) {
            chain = _link(chain, list[i]);
            if (i < depositsPerProof) _put(encoded, DEPOSIT_BYTES * i, list[i]);
        }
        bytes32 expected = taken == due ? bytes32(0) : _chain[due];
        if (chain != expected) revert WrongDeposits(chain, expected);
    }

    function _put(bytes memory encoded, uint256 offset, Deposit calldata made) private pure {
        (uint256 account, uint256 x, uint256 y, uint256 amount) = (made.account, made.x, made.y, made.amount);
        assembly ("memory-safe") {
            let to := add(add(encoded, 0x20), offset)
            // Each overwrites what is too much of the one before.
            mstore(to, shl(240, account))
            mstore(add(to, 2), x)
            mstore(add(to, 34), y)
            let last := add(to, 42)
            mstore(last, or(shl(64, shr(64, mload(last))), amount))
        }
    }

    function _link(bytes32 chain, Deposit memory made) private pure returns (bytes32) {
        return keccak256(abi.encode(chain, made.account, made.x, made.y, made.amount));
    }

    function _account(uint256 x, uint256 y) private returns (uint16) {
        bytes32 key = keccak256(abi.encode(x, y));
        uint32 place = _accountOf[key];
        if (place == 0) {
            if (_accounts == ACCOUNTS) revert NoAccountLeft();
            place = ++_accounts;
            _accountOf[key] = place;
        }
        return uint16(place - 1);
    }

    function _isOnCurve(uint256 x, uint256 y) private pure returns (bool) {
        if (x >= FIELD || y >= FIELD) return false;
        (x, y) = (mulmod(x, x, FIELD), mulmod(y, y, FIELD));
        return addmod(x, y, FIELD) == addmod(1, mulmod(CURVE_D, mulmod(x, y, FIELD), FIELD), FIELD);
    }
}
