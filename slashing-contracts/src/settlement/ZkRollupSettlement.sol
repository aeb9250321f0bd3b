// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {IRollupSettlement} from "../interfaces/IRollupSettlement.sol";
import {ISequencerLightClient} from "../interfaces/ISequencerLightClient.sol";
import {
    Deposit,
    Finality,
    IZkRollupSettlement,
    ItemProof,
    Progress,
    Transition,
    Withdrawals
} from "../interfaces/IZkRollupSettlement.sol";
import {BatchHead} from "../libraries/BatchHead.sol";
import {FinalHead} from "../libraries/FinalHead.sol";
import {DepositQueue} from "./DepositQueue.sol";

/// @title Settles a rollup whose state is proven
/// @notice Implements `IZkRollupSettlement`. docs/rollups/zk.md says what the proofs show.
contract ZkRollupSettlement is IZkRollupSettlement, DepositQueue {
    bytes15 private constant DOMAIN = "FAIRLANE-ZKR-v1";
    /// @dev Flags of a statement: which of its places are inside a batch.
    uint8 private constant FROM_INSIDE = 1;
    uint8 private constant TO_INSIDE = 2;
    /// @dev Places of an item's bytes: where the destination begins, and the amount.
    uint256 private constant TO = 39 + 5;
    uint256 private constant AMOUNT = 39 + 25;

    /// @dev How far the rollup is, in one slot.
    struct Tip {
        uint64 index;
        /// Deposits that are in the rollup, that come with the next batch, and that there are.
        uint64 taken;
        uint64 due;
        uint64 queued;
    }

    /// @inheritdoc IZkRollupSettlement
    ISequencerLightClient public immutable lightClient;
    /// @notice Checks proofs.
    IProofVerifier public immutable verifier;
    /// @inheritdoc IZkRollupSettlement
    bytes32 public immutable network;
    /// @notice The rollup's id there.
    uint64 public immutable rollup;

    Tip private _tip;
    bytes32 private _root;
    bytes32 private _head;
    mapping(bytes32 piece => bool) private _pieces;
    mapping(uint64 index => bytes32) private _outcomes;
    mapping(uint64 index => mapping(uint256 word => uint256 bits)) private _claimed;

    /// @param root_ The root without accounts.
    constructor(
        ISequencerLightClient lightClient_,
        IProofVerifier verifier_,
        bytes32 network_,
        uint64 rollup_,
        bytes32 root_,
        uint256 unit_,
        uint64 depositsPerProof_
    ) DepositQueue(unit_, depositsPerProof_) {
        if (address(lightClient_).code.length == 0) revert InvalidParameter("lightClient");
        if (address(verifier_).code.length == 0) revert InvalidParameter("verifier");
        if (network_ == 0) revert InvalidParameter("network");
        _requireElement(root_);
        lightClient = lightClient_;
        verifier = verifier_;
        network = network_;
        rollup = rollup_;
        _root = root_;
    }

    /// @inheritdoc IZkRollupSettlement
    function deposit(uint256 x, uint256 y) external payable returns (uint64 number) {
        number = ++_tip.queued;
        _enqueue(number, x, y);
    }

    /// @inheritdoc IZkRollupSettlement
    function advance(Progress calldata from, Transition calldata transition) external {
        _requireElement(transition.position);
        Tip memory tip = _tip;
        _requireProven(tip, from, transition, TO_INSIDE);
        bytes32 withdrawals = _append(from.withdrawals, transition.first, transition.withdrawals);
        _pieces[_piece(tip.index, transition.root, transition.position, withdrawals)] = true;
        emit Advanced(tip.index + 1, transition.root, transition.position, withdrawals);
    }

    /// @inheritdoc IZkRollupSettlement
    function settle(Progress calldata from, Transition calldata transition, Finality calldata finality) external {
        Tip memory tip = _tip;
        _requireProven(tip, from, transition, 0);
        FinalHead.check(lightClient, network, rollup, tip.index + 1, transition.position, finality);

        tip.index++;
        tip.taken = tip.due;
        tip.due = tip.queued - tip.taken > depositsPerProof ? tip.taken + depositsPerProof : tip.queued;
        _tip = tip;
        _root = transition.root;
        _head = transition.position;
        bytes32 withdrawals = _append(from.withdrawals, transition.first, transition.withdrawals);
        if (withdrawals != 0) _outcomes[tip.index] = keccak256(abi.encode(transition.position, withdrawals));
        emit Settled(tip.index, transition.position, transition.root, tip.due);
    }

    /// @inheritdoc IZkRollupSettlement
    function claim(ItemProof calldata proof) external {
        (address to, uint64 amount) = withdrawal(proof);
        if (isClaimed(proof.index, proof.place)) revert AlreadyClaimed(proof.index, proof.place);
        _claimed[proof.index][proof.place >> 8] |= 1 << (proof.place & 0xff);

        _release(amount);
        emit Withdrawn(proof.index, proof.place, to, amount);
        (bool paid,) = to.call{value: amount * unit}("");
        if (!paid) revert PaymentFailed(to, amount * unit);
    }

    /// @inheritdoc IZkRollupSettlement
    function withdrawal(ItemProof calldata proof) public view returns (address to, uint64 amount) {
        _requireOutcome(proof);
        bytes32 root = BatchHead.root(proof.item, proof.place, proof.batch.count, proof.siblings);
        if (root != proof.batch.txRoot) revert WrongItem(root, proof.batch.txRoot);
        Withdrawals calldata shown = proof.withdrawals[proof.chunk];
        if (proof.place < shown.first || (uint256(shown.bits) >> (proof.place - shown.first)) & 1 == 0) {
            revert NoWithdrawal(proof.index, proof.place);
        }
        to = address(bytes20(proof.item[TO:TO + 20]));
        amount = uint64(bytes8(proof.item[AMOUNT:AMOUNT + 8]));
    }

    /// @inheritdoc IRollupSettlement
    function latest() external view returns (uint64 index, bytes32 head, bytes32 root) {
        return (_tip.index, _head, _root);
    }

    /// @inheritdoc IZkRollupSettlement
    function deposits() external view returns (uint64 taken, uint64 due, uint64 queued) {
        return (_tip.taken, _tip.due, _tip.queued);
    }

    /// @inheritdoc IZkRollupSettlement
    function outcome(uint64 index) external view returns (bytes32) {
        return _outcomes[index];
    }

    /// @inheritdoc IZkRollupSettlement
    function isClaimed(uint64 index, uint32 place) public view returns (bool) {
        return (_claimed[index][place >> 8] >> (place & 0xff)) & 1 == 1;
    }

    // Proofs

    /// @dev The proof must lead on from `from`: from the last settled batch where that is zero, else from a piece of the next.
    function _requireProven(Tip memory tip, Progress calldata from, Transition calldata transition, uint8 flags)
        private
        view
    {
        _requireElement(transition.root);
        (bytes32 root, bytes32 position, uint64 due) = (_root, _head, tip.due);
        if (from.root != 0 || from.position != 0 || from.withdrawals != 0) {
            if (!_pieces[_piece(tip.index, from.root, from.position, from.withdrawals)]) {
                revert UnknownProgress(tip.index, from.root, from.position);
            }
            // The piece that began the batch took the deposits.
            (root, position, due) = (from.root, from.position, tip.taken);
            flags |= FROM_INSIDE;
        }
        bytes memory encoded = _encode(tip.taken, due, transition.deposits);
        uint256 input = _input(abi.encodePacked(root, transition.root, position), transition, flags, encoded);
        if (!verifier.verify(input, transition.proof)) revert InvalidProof(input);
    }

    /// @dev The public input that stands for a statement: the first 253 bits of its hash.
    function _input(bytes memory places, Transition calldata transition, uint8 flags, bytes memory encoded)
        private
        view
        returns (uint256)
    {
        bytes memory statement = abi.encodePacked(
            DOMAIN,
            flags,
            network,
            rollup,
            transition.first,
            transition.withdrawals,
            places,
            transition.position,
            encoded
        );
        return uint256(sha256(statement)) >> 3;
    }

    function _requireElement(bytes32 value) private pure {
        if (uint256(value) >= FIELD) revert NotAnElement(value);
    }

    function _piece(uint64 index, bytes32 root, bytes32 position, bytes32 withdrawals) private pure returns (bytes32) {
        return keccak256(abi.encode(index, root, position, withdrawals));
    }

    // Withdrawals

    function _append(bytes32 chain, uint32 first, uint64 bits) private pure returns (bytes32) {
        return bits == 0 ? chain : keccak256(abi.encode(chain, first, bits));
    }

    /// @dev The batch and its withdrawals must be those that were settled.
    function _requireOutcome(ItemProof calldata proof) private view {
        bytes32 head = BatchHead.next(network, rollup, proof.previous, proof.index, proof.batch);
        bytes32 chain;
        for (uint256 i = 0; i < proof.withdrawals.length; i++) {
            chain = _append(chain, proof.withdrawals[i].first, proof.withdrawals[i].bits);
        }
        bytes32 given = keccak256(abi.encode(head, chain));
        if (given != _outcomes[proof.index]) revert WrongOutcome(proof.index, given, _outcomes[proof.index]);
    }
}
