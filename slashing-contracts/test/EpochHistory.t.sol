// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EpochHistory} from "../src/libraries/EpochHistory.sol";
import {TestBase} from "./TestBase.sol";

contract EpochHistoryTest is TestBase {
    using EpochHistory for EpochHistory.Entry[];

    EpochHistory.Entry[] private history;
    /// What each epoch should see, written out epoch by epoch.
    mapping(uint32 epoch => uint64) private expected;

    function test_emptyHistory() public view {
        vm.assertEq(history.inEpoch(7).power, 0);
        vm.assertEq(history.latest().power, 0);
    }

    function testFuzz_everyEpochSeesTheLastEntryBefore(uint8[12] calldata steps, uint64[12] calldata powers) public {
        uint32 epoch;
        for (uint256 i = 0; i < 12; i++) {
            epoch += steps[i] % 4; // 0: replaces the entry before
            history.write(EpochHistory.Entry(epoch, uint32(i), 1, powers[i]));
            for (uint32 e = epoch; e < 64; e++) {
                expected[e] = powers[i];
            }
        }
        for (uint32 e = 0; e < 64; e++) {
            vm.assertEq(history.inEpoch(e).power, expected[e]);
        }
        vm.assertEq(history.latest().power, powers[11]);
    }
}
