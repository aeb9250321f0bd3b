// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FinalItem, Terms} from "../src/interfaces/IBundleEscrow.sol";
import {Deposit, Finality, ItemProof, Transition} from "../src/interfaces/IZkRollupSettlement.sol";
import {EscrowFixture} from "./EscrowFixture.sol";

/// @notice What settling a rollup costs, base and calldata included, with the light client asked.
/// forge-config: default.isolate = true
contract ZkGasTest is EscrowFixture {
    function setUp() public {
        _setUpEscrow();
    }

    function test_deposit() public {
        _fund(2);
        Deposit memory made = _deposits(2, 1)[0];
        rollup.deposit{value: UNIT}(made.x, made.y);
        vm.snapshotGasLastCall("gas", "rollup: deposit into an open account");
    }

    function test_settle() public {
        _first();
        _fund(3);
        Transition memory transition = _transition(2, 0);
        Finality memory finality = _final(2, _head(2));
        rollup.settle(_nothing(), transition, finality);
        vm.snapshotGasLastCall("gas", "rollup: settle a batch with two deposits and a withdrawal");
        ItemProof memory proof = _item(2, 2);
        rollup.claim(proof);
        vm.snapshotGasLastCall("gas", "rollup: claim a withdrawal");
    }

    function test_pieces() public {
        _second();
        Transition memory transition = _transition(3, 0);
        rollup.advance(_nothing(), transition);
        vm.snapshotGasLastCall("gas", "rollup: prove a piece of a batch");
    }

    function test_escrow() public {
        FinalItem memory other = _ordered();
        Terms memory terms = _terms();
        ItemProof memory own = _item(4, 0);
        escrow.release(terms, SECRET, own, other);
        vm.snapshotGasLastCall("gas", "rollup: release what one leg of a bundle withdrew, the other shown to be final");
    }
}
