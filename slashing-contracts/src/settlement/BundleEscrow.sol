// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {FinalItem, IBundleEscrow, Terms} from "../interfaces/IBundleEscrow.sol";
import {ItemProof} from "../interfaces/IZkRollupSettlement.sol";
import {BatchHead} from "../libraries/BatchHead.sol";
import {FinalHead} from "../libraries/FinalHead.sol";
import {Vault} from "./Vault.sol";

/// @title Holds what one leg of a bundle brought to Ethereum, until the other leg is final, too
/// @notice Implements `IBundleEscrow`. Keeps nothing itself: terms come with each call, and value is in the terms' vault, whose
/// code is created with the first payment.
contract BundleEscrow is IBundleEscrow {
    /// @dev Places of an item's bytes: the kind of a leg, the bundle's id, and the payload.
    uint8 private constant LEG = 1;
    uint256 private constant BUNDLE = 1;
    uint256 private constant PAYLOAD = 39;

    /// @inheritdoc IBundleEscrow
    function release(Terms calldata terms, bytes32 secret, ItemProof calldata own, FinalItem calldata other) external {
        if (block.timestamp > terms.deadline) revert TooLate(terms.deadline, block.timestamp);
        bytes32 lock = sha256(abi.encodePacked(secret));
        if (lock != terms.lock) revert WrongSecret(lock, terms.lock);
        (address to,) = terms.settlement.withdrawal(own);
        if (to != vault(terms)) revert WrongVault(to, vault(terms));
        _requireFinal(terms, other);
        bytes32 bundle = _requireOneBundle(own, other);

        if (!terms.settlement.isClaimed(own.index, own.place)) terms.settlement.claim(own);
        emit Released(_key(terms), bundle, secret, to.balance);
        _pay(terms, terms.receiver);
    }

    /// @inheritdoc IBundleEscrow
    function refund(Terms calldata terms) external {
        if (block.timestamp <= terms.deadline) revert TooEarly(terms.deadline, block.timestamp);
        emit Refunded(_key(terms), vault(terms).balance);
        _pay(terms, terms.sender);
    }

    /// @inheritdoc IBundleEscrow
    function vault(Terms calldata terms) public view returns (address) {
        return Create2.computeAddress(_key(terms), keccak256(type(Vault).creationCode));
    }

    /// @dev The other leg must be the one that was agreed on, and its batch final.
    function _requireFinal(Terms calldata terms, FinalItem calldata other) private view {
        bytes32 leg = sha256(other.item.length < PAYLOAD ? other.item : other.item[PAYLOAD:]);
        if (leg != terms.leg) revert WrongLeg(leg, terms.leg);
        bytes32 root = BatchHead.root(other.item, other.place, other.batch.count, other.siblings);
        if (root != other.batch.txRoot) revert WrongPlace(root, other.batch.txRoot);
        bytes32 network = terms.settlement.network();
        bytes32 head = BatchHead.next(network, terms.rollup, other.previous, other.index, other.batch);
        FinalHead.check(terms.settlement.lightClient(), network, terms.rollup, other.index, head, other.finality);
    }

    /// @dev Both are items of final batches, so that their bytes are those that the network wrote.
    function _requireOneBundle(ItemProof calldata own, FinalItem calldata other) private pure returns (bytes32 bundle) {
        bundle = bytes32(own.item[BUNDLE:BUNDLE + 32]);
        bytes32 otherBundle = bytes32(other.item[BUNDLE:BUNDLE + 32]);
        if (uint8(own.item[0]) != LEG || bundle != otherBundle) revert NotOneBundle(bundle, otherBundle);
    }

    function _pay(Terms calldata terms, address to) private {
        address held = vault(terms);
        if (held.balance == 0) revert NothingHeld(held);
        if (held.code.length == 0) new Vault{salt: _key(terms)}();
        Vault(payable(held)).pay(to);
    }

    function _key(Terms calldata terms) private pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }
}
