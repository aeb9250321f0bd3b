// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Checkpoint, HeadPath} from "../src/interfaces/ISequencerLightClient.sol";
import {LightFixture} from "./LightFixture.sol";
import {Signer} from "./Signer.sol";

/// @notice What checkpoints cost, base and calldata included, once the ring is full; before that, a place in it is new
/// storage and costs 17,100 more.
/// forge-config: default.isolate = true
contract LightGasTest is LightFixture {
    function test_4() public {
        _measure(4, 4);
    }

    function test_32() public {
        _measure(32, 32);
    }

    function test_100() public {
        _measure(100, 100);
    }

    function test_registerSet() public {
        _setUpLight(99);
        _join(100, MINIMUM);
        uint32 epoch = stake.effectiveEpoch();
        _advance(3);
        client.registerSet(epoch);
        vm.snapshotGasLastCall("gas", "register a validator set of 100");
        client.registerSet(epoch + 1);
        vm.snapshotGasLastCall("gas", "register a validator set of 100, unchanged");
    }

    function test_doubleCheckpoint() public {
        _setUpLight(10);
        (, bytes32 seed) = _operator(1);
        bytes memory evidence =
            Signer.doubleCheckpoint(network, seed, _checkpoint(7, "block"), _checkpoint(7, "another"));
        slashing.submitEvidence(evidence, REPORTER);
        vm.snapshotGasLastCall("gas", "double checkpoint");
    }

    function _measure(uint256 validators, uint256 signing) private {
        _setUpLight(validators);
        uint256 signers = (1 << signing) - 1;
        for (uint64 height = 1; height <= HISTORY; height++) {
            _submit(_checkpoint(height, "block"), signers);
        }
        Checkpoint memory c = _checkpoint(1_000_000, "block");
        bytes32[6] memory signature = _sign(c, stake.currentEpoch(), signers);
        client.submit(c, stake.currentEpoch(), signers, signature);
        vm.snapshotGasLastCall("gas", string.concat("checkpoint, ", vm.toString(signing), " signers"));
    }
}

/// @notice What it costs a rollup's contract to ask, within its own transaction.
contract ProofGasTest is LightFixture {
    function test_prove() public {
        _setUpLight(4);
        bytes32[] memory siblings = new bytes32[](8);
        HeadPath memory path = HeadPath(9, 4, keccak256("head"), 1, 0, 256, siblings);
        bytes32 hash = sha256(abi.encodePacked(uint8(0), uint64(9), uint64(4), keccak256("head"), uint64(1)));
        for (uint256 i = 0; i < siblings.length; i++) {
            siblings[i] = keccak256(abi.encode(i));
            hash = sha256(abi.encodePacked(uint8(1), hash, siblings[i]));
        }
        Checkpoint memory c = _checkpoint(1, "block");
        c.headsRoot = sha256(abi.encodePacked("FAIRLANE-HDS-v1", uint64(256), hash));
        _submit(c, 15);
        vm.cool(address(client));
        uint256 before = gasleft();
        client.prove(1, c, path);
        vm.snapshotValue("gas", "prove a head among 256 rollups, call alone", before - gasleft());
    }
}
