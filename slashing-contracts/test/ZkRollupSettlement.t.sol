// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IProofVerifier} from "../src/interfaces/IProofVerifier.sol";
import {ISequencerLightClient} from "../src/interfaces/ISequencerLightClient.sol";
import {
    Deposit,
    Finality,
    IZkRollupSettlement,
    ItemProof,
    Progress,
    Transition
} from "../src/interfaces/IZkRollupSettlement.sol";
import {BatchFields} from "../src/libraries/BatchHead.sol";
import {ZkRollupSettlement} from "../src/settlement/ZkRollupSettlement.sol";
import {ZkFixture} from "./ZkFixture.sol";

contract ZkRollupSettlementTest is ZkFixture {
    function setUp() public {
        _setUpZk();
    }

    // The whole way

    function test_settlesBatchAfterBatch() public {
        _first();
        _expectLatest(1);
        _expectQueue(0, 2, 2);
        _fund(3);
        rollup.settle(_nothing(), _transition(2, 0), _final(2, _head(2)));
        _expectLatest(2);
        _expectQueue(2, 3, 3);
        vm.assertTrue(rollup.outcome(1) == 0);
        vm.assertTrue(rollup.outcome(2) != 0);
    }

    function test_settlesALargeBatchInPieces() public {
        _third();
        _expectLatest(3);
        _expectQueue(3, 3, 3);
    }

    function test_paysWithdrawalsOnce() public {
        _third();
        _claims(2, 2, 300);
        _claims(3, 0, 60);
        _claims(3, 2, 200);
        vm.assertEq(address(rollup).balance, (1_000 + 10 + 5 - 300 - 60 - 200) * UNIT);
    }

    /// A head between two checkpoints is final as well: the batches behind it lead to the one that is shown.
    function test_settlesBelowTheCheckpoint() public {
        _fund(2);
        Finality memory finality = _final(3, _head(3));
        finality.later = new BatchFields[](2);
        (finality.later[0], finality.later[1]) = (_fields(2), _fields(3));
        rollup.settle(_nothing(), _transition(1, 0), finality);
        _expectLatest(1);

        finality.later[1].count++;
        _refuses(1, IZkRollupSettlement.WrongHead.selector, _transition(2, 0), finality);
        finality.later = new BatchFields[](1);
        finality.later[0] = _fields(3);
        rollup.settle(_nothing(), _transition(2, 0), finality);
        _expectLatest(2);
    }

    // Refusals

    function test_refusesWhatIsTampered() public {
        _first();
        _fund(3);
        Finality memory finality = _final(2, _head(2));
        for (uint256 i = 0; i < 8; i++) {
            Transition memory tampered = _transition(2, 0);
            tampered.proof[i] ^= 1;
            _refuses(1, IZkRollupSettlement.InvalidProof.selector, tampered, finality);
        }
        Transition memory wrong = _transition(2, 0);
        wrong.root = keccak256("state") >> 4;
        _refuses(1, IZkRollupSettlement.InvalidProof.selector, wrong, finality);
        wrong = _transition(2, 0);
        wrong.position = keccak256("head");
        _refuses(1, IZkRollupSettlement.InvalidProof.selector, wrong, finality);
        wrong = _transition(2, 0);
        wrong.withdrawals = 15;
        _refuses(1, IZkRollupSettlement.InvalidProof.selector, wrong, finality);
        wrong = _transition(2, 0);
        wrong.first = 1;
        _refuses(1, IZkRollupSettlement.InvalidProof.selector, wrong, finality);
        wrong = _transition(2, 0);
        wrong.root = bytes32(type(uint256).max);
        _refuses(1, IZkRollupSettlement.NotAnElement.selector, wrong, finality);
        rollup.settle(_nothing(), _transition(2, 0), finality);
    }

    function test_refusesReplays() public {
        _second();
        Finality memory finality = _final(3, _head(3));
        // The proof is for another old state and another old head.
        Transition memory again = _transition(1, 0);
        again.deposits = _deposits(3, 1);
        _refuses(2, IZkRollupSettlement.InvalidProof.selector, again, finality);
        again = _transition(2, 0);
        again.deposits = _deposits(3, 1);
        _refuses(2, IZkRollupSettlement.InvalidProof.selector, again, finality);
    }

    /// Leaving a batch out: the proof of the next one does not continue this head.
    function test_refusesToPassOverABatch() public {
        Finality memory finality = _final(2, _head(2));
        Transition memory next = _transition(2, 0);
        next.deposits = new Deposit[](0);
        _refuses(0, IZkRollupSettlement.InvalidProof.selector, next, finality);
    }

    function test_refusesHeadsThatAreNotFinal() public {
        _fund(2);
        Finality memory finality = _final(1, keccak256("another history"));
        _refuses(0, IZkRollupSettlement.WrongHead.selector, _transition(1, 0), finality);
        finality.path.head = _head(1);
        _refuses(0, ISequencerLightClient.WrongPath.selector, _transition(1, 0), finality);
        finality.path.index = 2;
        _refuses(0, IZkRollupSettlement.WrongHead.selector, _transition(1, 0), finality);
        finality.path.index = 1;
        finality.path.rollup = ROLLUP + 1;
        _refuses(0, IZkRollupSettlement.WrongRollup.selector, _transition(1, 0), finality);
        finality = _final(2, _head(1));
        finality.number++;
        finality.path.index = 1;
        _refuses(0, ISequencerLightClient.UnknownCheckpoint.selector, _transition(1, 0), finality);
    }

    function test_refusesOtherDeposits() public {
        _first();
        Finality memory finality = _final(2, _head(2));
        Transition memory wrong = _transition(2, 0);
        wrong.deposits[0].amount++;
        _refuses(1, IZkRollupSettlement.WrongDeposits.selector, wrong, finality);
        wrong = _transition(2, 0);
        (wrong.deposits[0], wrong.deposits[1]) = (wrong.deposits[1], wrong.deposits[0]);
        _refuses(1, IZkRollupSettlement.WrongDeposits.selector, wrong, finality);
        wrong = _transition(2, 0);
        wrong.deposits = _deposits(2, 1);
        _refuses(1, IZkRollupSettlement.WrongDeposits.selector, wrong, finality);
        wrong.deposits = new Deposit[](0);
        _refuses(1, IZkRollupSettlement.WrongDeposits.selector, wrong, finality);
    }

    function test_refusesPiecesThatAreUnknownOrWhole() public {
        _second();
        Finality memory finality = _final(3, _head(3));
        Progress memory piece = _piece();
        Transition memory last = _lastPiece();
        vm.expectRevert(
            abi.encodeWithSelector(IZkRollupSettlement.UnknownProgress.selector, 2, piece.root, piece.position)
        );
        rollup.settle(piece, last, finality);
        // A piece is no whole batch, and the last piece is none on its own.
        _refuses(2, IZkRollupSettlement.InvalidProof.selector, _transition(3, 0), finality);
        rollup.advance(_nothing(), _transition(3, 0));
        _expectLatest(2);
        piece.withdrawals = 0;
        vm.expectRevert();
        rollup.settle(piece, last, finality);
        vm.expectRevert();
        rollup.advance(_piece(), last);
    }

    function test_refusesWhatIsNoWithdrawal() public {
        _second();
        ItemProof memory proof = _item(2, 0);
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.NoWithdrawal.selector, 2, 0));
        rollup.claim(proof);
        // Another item's bytes at the place of the withdrawal.
        proof = _item(2, 2);
        proof.item = _item(2, 1).item;
        vm.expectRevert();
        rollup.claim(proof);
        proof = _item(2, 2);
        proof.place = 1;
        vm.expectRevert();
        rollup.claim(proof);
        proof = _item(2, 2);
        proof.withdrawals[0].bits = 15;
        vm.expectRevert();
        rollup.claim(proof);
        proof = _item(2, 2);
        proof.batch.txRoot = keccak256("items");
        vm.expectRevert();
        rollup.claim(proof);
        proof = _item(2, 2);
        proof.index = 1;
        vm.expectRevert();
        rollup.claim(proof);
        // Batch 3 is not settled.
        proof = _item(3, 0);
        vm.expectRevert();
        rollup.claim(proof);
    }

    // Deposits

    function test_refusesKeysThatAreNoPoints() public {
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidKey.selector, 1, 2));
        rollup.deposit{value: UNIT}(1, 2);
        Deposit memory made = _deposits(2, 1)[0];
        uint256 field = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidKey.selector, made.x + field, made.y));
        rollup.deposit{value: UNIT}(made.x + field, made.y);
    }

    function test_refusesFractionsOfUnits() public {
        Deposit memory made = _deposits(2, 1)[0];
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidAmount.selector, 0, UNIT));
        rollup.deposit(made.x, made.y);
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidAmount.selector, UNIT + 1, UNIT));
        rollup.deposit{value: UNIT + 1}(made.x, made.y);
    }

    function test_keysKeepTheirAccounts() public {
        Deposit[] memory made = _deposits(2, 2);
        for (uint64 i = 0; i < 4; i++) {
            Deposit memory next = made[i % 2];
            vm.expectEmit(address(rollup));
            emit IZkRollupSettlement.Deposited(i + 1, next.account, next.x, next.y, 1);
            rollup.deposit{value: UNIT}(next.x, next.y);
        }
        _expectQueue(0, 0, 4);
    }

    function test_refusesParametersThatMakeNoSense() public {
        ISequencerLightClient light = rollup.lightClient();
        IProofVerifier verifier = rollup.verifier();
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidParameter.selector, "lightClient"));
        new ZkRollupSettlement(ISequencerLightClient(address(1)), verifier, network, ROLLUP, 0, UNIT, 2);
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidParameter.selector, "verifier"));
        new ZkRollupSettlement(light, IProofVerifier(address(1)), network, ROLLUP, 0, UNIT, 2);
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidParameter.selector, "network"));
        new ZkRollupSettlement(light, verifier, 0, ROLLUP, 0, UNIT, 2);
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidParameter.selector, "unit"));
        new ZkRollupSettlement(light, verifier, network, ROLLUP, 0, 0, 2);
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.InvalidParameter.selector, "depositsPerProof"));
        new ZkRollupSettlement(light, verifier, network, ROLLUP, 0, UNIT, 0);
    }

    // What tests say often

    function _expectLatest(uint256 batch) private view {
        (uint64 index, bytes32 head, bytes32 root) = rollup.latest();
        vm.assertEq(index, batch);
        vm.assertEq(head, _head(batch));
        vm.assertEq(root, (batch == 3 ? _lastPiece() : _transition(batch, 0)).root);
    }

    function _expectQueue(uint64 taken, uint64 due, uint64 queued) private view {
        (uint64 isTaken, uint64 isDue, uint64 isQueued) = rollup.deposits();
        vm.assertEq(isTaken, taken);
        vm.assertEq(isDue, due);
        vm.assertEq(isQueued, queued);
    }

    function _claims(uint256 batch, uint32 place, uint256 amount) private {
        uint256 before = RECEIVER.balance;
        ItemProof memory proof = _item(batch, place);
        rollup.claim(proof);
        vm.assertEq(RECEIVER.balance - before, amount * UNIT);
        vm.assertTrue(rollup.isClaimed(uint64(batch), place));
        vm.expectRevert(abi.encodeWithSelector(IZkRollupSettlement.AlreadyClaimed.selector, batch, place));
        rollup.claim(proof);
    }

    /// Settling fails with an error, and nothing has changed. Points that are none cost the precompile's caller all its gas.
    function _refuses(uint64 index, bytes4 selector, Transition memory transition, Finality memory finality) private {
        try rollup.settle{gas: 5_000_000}(_nothing(), transition, finality) {
            vm.assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(selector));
        }
        (uint64 now_,,) = rollup.latest();
        vm.assertEq(now_, index);
    }
}
