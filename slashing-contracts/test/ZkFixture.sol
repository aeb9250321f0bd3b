// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Checkpoint, HeadPath} from "../src/interfaces/ISequencerLightClient.sol";
import {
    Deposit,
    Finality,
    ItemProof,
    Progress,
    Transition,
    Withdrawals
} from "../src/interfaces/IZkRollupSettlement.sol";
import {BatchFields} from "../src/libraries/BatchHead.sol";
import {Groth16Verifier, VerificationKey} from "../src/settlement/Groth16Verifier.sol";
import {ZkRollupSettlement} from "../src/settlement/ZkRollupSettlement.sol";
import {LightFixture} from "./LightFixture.sol";

/// @notice A settlement contract, and the batches and proofs of test/vectors/zk_rollup.json, which the prover wrote.
///
/// Batch 1 has nothing of use. Batch 2 takes in two deposits and has a transfer, a forgery, a withdrawal and a repetition.
/// Batch 3 takes in one deposit and has a withdrawal, 700 bytes of nothing and another withdrawal, in two proofs.
/// Batch 4 has a leg of a bundle, which withdraws to a vault.
abstract contract ZkFixture is LightFixture {
    uint64 internal constant ROLLUP = 42;
    uint256 internal constant UNIT = 1 gwei;
    uint256 internal constant ALL = 15;
    /// Where withdrawals go.
    address internal constant RECEIVER =
        address(uint160(uint256(bytes32(hex"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1")) >> 96));

    /// Where the contract is, whatever is created before it: vaults' addresses follow from it.
    address private constant SETTLEMENT = address(uint160(uint256(keccak256("settlement"))));

    string internal json;
    ZkRollupSettlement internal rollup;

    function _setUpZk() internal {
        _setUpLight(4);
        json = vm.readFile("test/vectors/zk_rollup.json");
        bytes32[] memory words = vm.parseJsonBytes32Array(json, ".key");
        VerificationKey memory key = abi.decode(abi.encodePacked(words), (VerificationKey));
        bytes memory parameters = abi.encode(
            client,
            new Groth16Verifier(key),
            vm.parseJsonBytes32(json, ".network"),
            ROLLUP,
            vm.parseJsonBytes32(json, ".root"),
            UNIT,
            uint64(vm.parseJsonUint(json, ".depositsPerProof"))
        );
        rollup = ZkRollupSettlement(
            _createAt(SETTLEMENT, abi.encodePacked(type(ZkRollupSettlement).creationCode, parameters))
        );
    }

    /// Runs a constructor at an address.
    function _createAt(address where, bytes memory creation) internal returns (address) {
        vm.etch(where, creation);
        (bool created, bytes memory code) = where.call("");
        vm.assertTrue(created, "the constructor reverts");
        vm.etch(where, code);
        return where;
    }

    // Vectors

    function _at(uint256 batch, string memory field) internal pure returns (string memory) {
        return string.concat(".batches[", vm.toString(batch - 1), "].", field);
    }

    function _head(uint256 batch) internal view returns (bytes32) {
        return vm.parseJsonBytes32(json, _at(batch, "head"));
    }

    function _fields(uint256 batch) internal view returns (BatchFields memory) {
        return BatchFields({
            height: uint64(vm.parseJsonUint(json, _at(batch, "height"))),
            time: uint64(vm.parseJsonUint(json, _at(batch, "time"))),
            count: uint32(vm.parseJsonUint(json, _at(batch, "count"))),
            txRoot: vm.parseJsonBytes32(json, _at(batch, "txRoot")),
            payloadHash: vm.parseJsonBytes32(json, _at(batch, "payloadHash"))
        });
    }

    function _deposits(uint256 batch, uint256 count) internal view returns (Deposit[] memory list) {
        list = new Deposit[](count);
        for (uint256 i = 0; i < count; i++) {
            string memory at = string.concat(_at(batch, "deposits["), vm.toString(i), "].");
            list[i] = Deposit({
                account: uint16(vm.parseJsonUint(json, string.concat(at, "account"))),
                x: uint256(vm.parseJsonBytes32(json, string.concat(at, "x"))),
                y: uint256(vm.parseJsonBytes32(json, string.concat(at, "y"))),
                amount: uint64(vm.parseJsonUint(json, string.concat(at, "amount")))
            });
        }
    }

    /// A proof of a batch, with the deposits that come with the batch if it begins it.
    function _transition(uint256 batch, uint256 proof) internal view returns (Transition memory) {
        string memory at = string.concat(_at(batch, "proofs["), vm.toString(proof), "].");
        uint256 deposits = proof > 0 || batch == 1 ? 0 : 4 - batch;
        return Transition({
            root: vm.parseJsonBytes32(json, string.concat(at, "root")),
            position: vm.parseJsonBytes32(json, string.concat(at, "position")),
            first: uint32(vm.parseJsonUint(json, string.concat(at, "first"))),
            withdrawals: uint64(vm.parseJsonUint(json, string.concat(at, "withdrawals"))),
            deposits: _deposits(batch, deposits),
            proof: abi.decode(vm.parseJsonBytes(json, string.concat(at, "proof")), (uint256[8]))
        });
    }

    function _item(uint256 batch, uint32 place) internal view returns (ItemProof memory) {
        string memory at = string.concat(_at(batch, "items["), vm.toString(place), "].");
        return ItemProof({
            index: uint64(batch),
            previous: vm.parseJsonBytes32(json, _at(batch, "previous")),
            batch: _fields(batch),
            withdrawals: _withdrawals(batch),
            chunk: batch == 3 && place == 2 ? 1 : 0,
            place: place,
            item: vm.parseJsonBytes(json, string.concat(at, "bytes")),
            siblings: vm.parseJsonBytes32Array(json, string.concat(at, "siblings"))
        });
    }

    function _withdrawals(uint256 batch) internal view returns (Withdrawals[] memory list) {
        list = new Withdrawals[](batch == 3 ? 2 : 1);
        for (uint256 i = 0; i < list.length; i++) {
            Transition memory shown = _transition(batch, i);
            list[i] = Withdrawals(shown.first, shown.withdrawals);
        }
    }

    // Steps

    /// A checkpoint in which the rollup, alone in its network, stands behind a batch.
    function _final(uint256 batch, bytes32 head) internal returns (Finality memory finality) {
        uint64 height = uint64(10 * batch);
        finality.path = HeadPath(ROLLUP, uint64(batch), head, height, 0, 1, new bytes32[](0));
        bytes32 leaf = sha256(abi.encodePacked(uint8(0), ROLLUP, uint64(batch), head, height));
        finality.checkpoint = _checkpoint(height, "block");
        finality.checkpoint.headsRoot = sha256(abi.encodePacked("FAIRLANE-HDS-v1", uint64(1), leaf));
        _submit(finality.checkpoint, ALL);
        (finality.number,,) = client.latest();
        finality.later = new BatchFields[](0);
    }

    /// What is deposited for a batch has to be there when the one before is settled.
    function _fund(uint256 batch) internal {
        Deposit[] memory list = _deposits(batch, 4 - batch);
        for (uint256 i = 0; i < list.length; i++) {
            rollup.deposit{value: list[i].amount * UNIT}(list[i].x, list[i].y);
        }
    }

    function _nothing() internal pure returns (Progress memory none) {}

    /// Settles batch 1, with the deposits of batch 2 waiting.
    function _first() internal {
        _fund(2);
        rollup.settle(_nothing(), _transition(1, 0), _final(1, _head(1)));
    }

    /// And batch 2, with the deposit of batch 3 waiting.
    function _second() internal {
        _first();
        _fund(3);
        rollup.settle(_nothing(), _transition(2, 0), _final(2, _head(2)));
    }

    /// The place that the first piece of batch 3 leads to.
    function _piece() internal view returns (Progress memory) {
        Transition memory shown = _transition(3, 0);
        bytes32 withdrawals = keccak256(abi.encode(bytes32(0), shown.first, shown.withdrawals));
        return Progress(shown.root, shown.position, withdrawals);
    }

    /// And batch 3, in two pieces.
    function _third() internal {
        _second();
        rollup.advance(_nothing(), _transition(3, 0));
        rollup.settle(_piece(), _lastPiece(), _final(3, _head(3)));
    }

    /// And batch 4, with a finality of its own.
    function _fourth(Finality memory finality) internal {
        rollup.settle(_nothing(), _transition(4, 0), finality);
    }

    function _lastPiece() internal view returns (Transition memory) {
        return _transition(3, 1);
    }
}
