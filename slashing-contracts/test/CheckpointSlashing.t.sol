// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OffenceKind} from "../src/interfaces/IEvidenceVerifier.sol";
import {Checkpoint} from "../src/interfaces/ISequencerLightClient.sol";
import {ISlashingManager} from "../src/interfaces/ISlashingManager.sol";
import {Keys} from "../src/interfaces/IKeyVerifier.sol";
import {Fixture} from "./Fixture.sol";
import {Signer} from "./Signer.sol";

/// @notice Who signs two checkpoints of one height is punished as for any other offence.
contract CheckpointSlashingTest is Fixture {
    address private operator;
    bytes32 private seed;

    function setUp() public {
        _setUp(4);
        (operator, seed) = _register(1, MINIMUM);
        _register(2, MINIMUM);
        _advance(3);
    }

    function test_punishesBothCheckpoints() public {
        bytes memory evidence = _evidence(seed, 7);
        bytes32 slot = slashing.submitEvidence(evidence, REPORTER);
        vm.assertEq(slot, keccak256(abi.encodePacked(uint8(4), vm.publicKeyEd25519(seed), uint64(7))));
        vm.assertEq(slashing.convictionOf(slot).operator, operator);
        vm.assertTrue(stake.validatorOf(operator).tombstoned);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.AlreadySlashed.selector, slot));
        slashing.submitEvidence(evidence, REPORTER);
        vm.assertTrue(slashing.submitEvidence(_evidence(seed, 8), REPORTER) != slot);
    }

    function test_announcesTheOffence() public {
        bytes32 key = vm.publicKeyEd25519(seed);
        bytes32 slot = keccak256(abi.encodePacked(uint8(4), key, uint64(7)));
        uint256 penalty = MINIMUM * 5 / 100;
        bytes memory evidence = _evidence(seed, 7);
        vm.expectEmit(address(slashing));
        emit ISlashingManager.Slashed(
            slot, operator, key, OffenceKind.DoubleCheckpoint, penalty, penalty * 5 / 100, REPORTER
        );
        slashing.submitEvidence(evidence, REPORTER);
    }

    /// Somebody signs with a BLS key of its own and names another.
    function test_nobodyIsFramed() public {
        (, bytes32 other) = _operator(2);
        bytes memory evidence = _evidence(other, 7);
        bytes32 victim = vm.publicKeyEd25519(seed);
        for (uint256 i = 0; i < 32; i++) {
            evidence[1 + i] = victim[i];
        }
        bytes32 found = keccak256(Signer.checkpointKey(other));
        bytes32 expected = keccak256(Signer.checkpointKey(seed));
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.WrongCheckpointKey.selector, victim, found, expected));
        slashing.submitEvidence(evidence, REPORTER);
        bytes32 nobody = vm.publicKeyEd25519("nobody");
        evidence = _evidence("nobody", 7);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.UnknownValidator.selector, nobody));
        slashing.submitEvidence(evidence, REPORTER);
    }

    /// A key that was rotated out answers for as long as evidence against it counts, with the BLS key beside it.
    function test_rotatedKeysAnswer() public {
        bytes32 fresh = keccak256("fresh");
        Keys memory keys = _keys(operator, fresh);
        vm.prank(operator);
        stake.rotateKeys(keys);
        vm.assertEq(stake.checkpointKeyBeside(vm.publicKeyEd25519(seed)), Signer.checkpointKey(seed));
        vm.assertEq(stake.checkpointKeyBeside(vm.publicKeyEd25519(fresh)), Signer.checkpointKey(fresh));
        vm.assertEq(stake.checkpointKeyBeside(keccak256("nobody")), new bytes(128));
        uint256 id = vm.snapshotState();
        slashing.submitEvidence(_evidence(seed, 7), REPORTER);
        vm.revertToState(id);
        slashing.submitEvidence(_evidence(fresh, 7), REPORTER);
        vm.revertToState(id);
        _advance(3 + EVIDENCE + 1);
        bytes memory evidence = _evidence(seed, 7);
        vm.expectRevert();
        slashing.submitEvidence(evidence, REPORTER);
    }

    function _evidence(bytes32 by, uint64 height) private view returns (bytes memory) {
        Checkpoint memory first =
            Checkpoint(height, keccak256("a"), keccak256("heads"), keccak256("set"), keccak256("set"));
        Checkpoint memory second =
            Checkpoint(height, keccak256("b"), keccak256("heads"), keccak256("set"), keccak256("set"));
        return Signer.doubleCheckpoint(network, by, first, second);
    }
}
