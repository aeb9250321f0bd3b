// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Checkpoint} from "../../src/interfaces/ISequencerLightClient.sol";
import {TestBase} from "../TestBase.sol";
import {LightHandler} from "./LightHandler.sol";

/// @notice What holds of the light client, whatever relayers and liars do.
contract LightInvariantsTest is TestBase {
    LightHandler private handler;

    function setUp() public {
        handler = new LightHandler();
    }

    /// forge calls this contract, and no others.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_theTipIsTheNewestAccepted() public view {
        (uint64 number, uint64 height, bytes32 digest) = handler.latest();
        uint256 count = handler.count();
        vm.assertEq(number, count);
        if (handler.halted()) {
            vm.assertEq(height, 2 ** 40 - 1);
        } else if (count != 0) {
            Checkpoint memory newest = _accepted(count);
            vm.assertEq(height, newest.height);
            vm.assertEq(digest, keccak256(abi.encode(newest)));
        }
    }

    function invariant_theRingKeepsTheNewest() public view {
        uint256 count = handler.count();
        for (uint256 number = 1; number <= count; number++) {
            bool young = number + handler.historySize() > count;
            vm.assertEq(handler.isKept(number), young && !handler.halted(), "kept");
        }
    }

    /// A run that does nothing shows nothing.
    function test_theHandlerReachesEverything() public {
        for (uint256 i = 0; i < 400; i++) {
            uint256 dice = uint256(keccak256(abi.encode(i)));
            handler.submit(uint64(dice), dice >> 64, uint8(dice >> 8), uint8(dice >> 16) % 8 == 0 ? 1 : 0);
            if (i % 5 == 0) handler.forge(dice >> 70, dice >> 80);
            if (i % 9 == 0) handler.advance(uint8(dice >> 90));
            if (i % 3 == 0) handler.registerSet(uint8(dice >> 100));
            if (i % 20 == 19) handler.contradict(dice >> 30, dice >> 120 | 1, 0);
        }
        // A quorum signs both forks.
        handler.contradict(handler.count() - 1, 14, 0);
        handler.contradict(handler.count() - 1, 14, 1);
        bytes32[6] memory all = [bytes32("accepted"), "refused", "again", "forged", "halted", "registerSet"];
        for (uint256 i = 0; i < all.length; i++) {
            vm.assertGt(handler.done(all[i]), 0, string(abi.encodePacked(all[i])));
        }
    }

    function _accepted(uint256 number) private view returns (Checkpoint memory c) {
        (c.height, c.blockId, c.headsRoot, c.validatorsHash, c.nextValidatorsHash) = handler.accepted(number);
    }
}
