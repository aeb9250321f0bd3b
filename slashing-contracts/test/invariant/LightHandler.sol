// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Checkpoint, HeadPath, ISequencerLightClient} from "../../src/interfaces/ISequencerLightClient.sol";
import {LightFixture} from "../LightFixture.sol";

/// @notice Relays checkpoints of two forks, signed by anybody, with sets of any age, in any order, and keeps books of its own
/// that share nothing with the contract.
contract LightHandler is LightFixture {
    uint256 public constant ALL = 15;

    /// What was accepted, by number.
    Checkpoint[] public accepted;
    bool public halted;
    mapping(bytes32 what => uint256) public done;

    constructor() {
        _setUpLight(4);
        accepted.push();
    }

    /// Whoever it is that signs: a quorum of a set that is trusted is enough, and nothing less.
    function submit(uint64 step, uint256 signers, uint8 fork, uint8 age) external {
        uint32 current = stake.currentEpoch();
        uint32 epoch = current - age % 4;
        if (client.setHash(epoch) == 0) return;
        signers &= ALL;
        uint64 height = accepted[accepted.length - 1].height + step % 5;
        Checkpoint memory c = _of(height, fork);
        bytes32[6] memory signature = _sign(c, epoch, signers);
        bool good = !halted && height > accepted[accepted.length - 1].height && age % 4 <= client.trustEpochs()
            && _count(signers) >= 3;
        try client.submit(c, epoch, signers, signature) returns (bool advanced) {
            vm.assertEq(advanced, good, "accepted");
            if (!advanced) done["again"]++;
            if (advanced) accepted.push(c);
            if (advanced) done["accepted"]++;
        } catch {
            vm.assertFalse(good, "a good checkpoint was refused");
            done["refused"]++;
        }
    }

    /// Somebody claims other signers than there are.
    function forge(uint256 claimed, uint256 signing) external {
        (claimed, signing) = (claimed & ALL, signing & ALL);
        if (claimed == signing || client.setHash(stake.currentEpoch()) == 0) return;
        Checkpoint memory c = _of(accepted[accepted.length - 1].height + 1, 0);
        bytes32[6] memory signature = _sign(c, stake.currentEpoch(), signing);
        uint32 epoch = stake.currentEpoch();
        (bool ok,) = address(client).call{gas: 1_000_000}(
            abi.encodeCall(ISequencerLightClient.submit, (c, epoch, claimed, signature))
        );
        vm.assertFalse(ok, "a forgery was accepted");
        done["forged"]++;
    }

    /// Another checkpoint of an accepted height. Rarely a quorum conspires.
    function contradict(uint256 which, uint256 signers, uint8 fork) external {
        if (accepted.length == 1 || client.setHash(stake.currentEpoch()) == 0) return;
        uint256 number = 1 + which % (accepted.length - 1);
        Checkpoint memory first = accepted[number];
        Checkpoint memory other = _of(first.height, fork);
        signers &= signers % 7 == 0 ? ALL : 3;
        bool kept = number + HISTORY > accepted.length - 1;
        bool differs = keccak256(abi.encode(first)) != keccak256(abi.encode(other));
        bool good = !halted && kept && differs && _count(signers) >= 3;
        uint32 epoch = stake.currentEpoch();
        bytes32[6] memory signature = _sign(other, epoch, signers);
        try client.reportConflict(uint64(number), first, other, epoch, signers, signature) {
            vm.assertTrue(good, "halted without a reason");
            halted = true;
            done["halted"]++;
        } catch {
            vm.assertFalse(good, "a contradiction was ignored");
        }
    }

    function advance(uint8 blocks) external {
        vm.roll(block.number + blocks % (2 * EPOCH));
        done["advance"]++;
    }

    function registerSet(uint8 ahead) external {
        client.registerSet(stake.currentEpoch() + ahead % 3);
        done["registerSet"]++;
    }

    /// Whether a checkpoint of the books is kept, by the contract's own word.
    function isKept(uint256 number) external view returns (bool) {
        Checkpoint memory c = accepted[number];
        HeadPath memory path = HeadPath(9, 4, keccak256("head"), 1, 0, 1, new bytes32[](0));
        try client.prove(uint64(number), c, path) {
            return true;
        } catch {
            return false;
        }
    }

    function count() external view returns (uint256) {
        return accepted.length - 1;
    }

    function latest() external view returns (uint64 number, uint64 height, bytes32 digest) {
        return client.latest();
    }

    function historySize() external pure returns (uint256) {
        return HISTORY;
    }

    /// A checkpoint whose heads tree has one leaf.
    function _of(uint64 height, uint8 fork) private view returns (Checkpoint memory c) {
        bytes32 leaf = sha256(abi.encodePacked(uint8(0), uint64(9), uint64(4), keccak256("head"), uint64(1)));
        c.height = height;
        c.blockId = keccak256(abi.encode(height, fork % 2));
        c.headsRoot = sha256(abi.encodePacked("FAIRLANE-HDS-v1", uint64(1), leaf));
        c.validatorsHash = client.setHash(3);
        c.nextValidatorsHash = c.validatorsHash;
    }

    function _count(uint256 bits) private pure returns (uint256 ones) {
        for (; bits != 0; bits >>= 1) {
            ones += bits & 1;
        }
    }
}
