// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DevToken} from "../../src/dev/DevToken.sol";
import {SlashingManager} from "../../src/SlashingManager.sol";
import {StakeManager} from "../../src/StakeManager.sol";
import {Member, UnbondRequest, Validator, ValidatorSet} from "../../src/interfaces/IStakeManager.sol";
import {TestBase} from "../TestBase.sol";
import {StakeHandler} from "./StakeHandler.sol";

/// @notice What holds whatever anybody does, in any order.
contract InvariantsTest is TestBase {
    StakeHandler private handler;
    DevToken private token;
    StakeManager private stake;
    SlashingManager private slashing;

    function setUp() public {
        handler = new StakeHandler();
        (address token_, address stake_, address slashing_) = handler.deployment();
        (token, stake, slashing) = (DevToken(token_), StakeManager(stake_), SlashingManager(slashing_));
    }

    /// forge calls these contracts, and no others.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_tokensCoverAllThatIsOwed() public view {
        uint256 owed = stake.totalBonded() + stake.totalUnbonding() + stake.pot() + stake.rewards();
        vm.assertGe(token.balanceOf(address(stake)), owed);
        vm.assertEq(owed, handler.deposited() - handler.paidOut());
    }

    function invariant_totalsAreSums() public view {
        uint256 bonded;
        uint256 unbonding;
        for (uint256 i = 0; i < handler.OPERATORS(); i++) {
            address operator = handler.operatorAt(i);
            Validator memory v = stake.validatorOf(operator);
            bonded += v.bonded;
            unbonding += v.unbonding;
            UnbondRequest[] memory requests = stake.unbondRequestsOf(operator);
            uint256 requested;
            for (uint256 j = 0; j < requests.length; j++) {
                requested += requests[j].amount;
            }
            vm.assertEq(v.unbonding, requested);
        }
        vm.assertEq(stake.totalBonded(), bonded);
        vm.assertEq(stake.totalUnbonding(), unbonding);
    }

    function invariant_theHonestAreNeverSlashed() public view {
        address honest = handler.operatorAt(0);
        vm.assertFalse(stake.validatorOf(honest).tombstoned);
        vm.assertEq(slashing.offenderOf(honest).settleFrom, 0);
    }

    function invariant_keysStayWithTheirFirstOwner() public view {
        for (uint256 i = 0; i < handler.keyCount(); i++) {
            bytes32 key = handler.allKeys(i);
            vm.assertEq(stake.keyRecord(key).operator, handler.firstOwner(key));
        }
    }

    function invariant_tombstonedStaysOut() public view {
        uint32 last = stake.effectiveEpoch();
        for (uint256 i = 0; i < handler.OPERATORS(); i++) {
            address operator = handler.operatorAt(i);
            uint32 since = handler.slashedSince(operator);
            Validator memory v = stake.validatorOf(operator);
            vm.assertEq(v.tombstoned, since != 0, "tombstoned");
            if (since == 0) continue;
            vm.assertEq(v.seat, 0);
            vm.assertEq(v.bonded, 0);
            for (uint32 epoch = since - 1 + 3; epoch <= last; epoch++) {
                _requireAbsent(operator, epoch);
            }
        }
    }

    function invariant_setsAreWellFormed() public view {
        for (uint32 epoch = stake.currentEpoch(); epoch <= stake.effectiveEpoch(); epoch++) {
            ValidatorSet memory set = stake.validatorSet(epoch);
            vm.assertLe(set.members.length, handler.SEATS());
            uint256 total;
            for (uint256 i = 0; i < set.members.length; i++) {
                vm.assertGt(set.members[i].power, 0);
                total += set.members[i].power;
                if (i == 0) continue;
                vm.assertLt(uint256(set.members[i - 1].consensusKey), uint256(set.members[i].consensusKey));
            }
            vm.assertEq(set.totalPower, total);
            vm.assertEq(stake.totalPower(epoch), total);
            vm.assertLe(3 * total, type(uint64).max);
            if (total == 0) continue;
            vm.assertGt(3 * uint256(set.quorum), 2 * total);
            vm.assertLe(set.quorum, total);
        }
    }

    function invariant_finalSetsNeverChange() public view {
        for (uint32 epoch = 0; epoch <= stake.currentEpoch() + 2; epoch++) {
            bytes32 noted = handler.finalSet(epoch);
            if (noted != 0) vm.assertEq(keccak256(abi.encode(stake.validatorSet(epoch))), noted);
        }
    }

    /// Members have at least the minimum, and seats are held by one each.
    function invariant_seatsAreHeldOnce() public view {
        uint256 taken;
        for (uint256 i = 0; i < handler.OPERATORS(); i++) {
            Validator memory v = stake.validatorOf(handler.operatorAt(i));
            if (v.seat == 0) continue;
            vm.assertLe(v.seat, handler.SEATS());
            vm.assertEq(taken & (1 << v.seat), 0);
            vm.assertGe(v.bonded, stake.minimumStake());
            vm.assertEq(v.jailedUntil, 0);
            taken |= 1 << v.seat;
        }
    }

    /// A long walk of the handler reaches every kind of success, so the invariants above judge states that matter.
    function test_theHandlerReachesEverything() public {
        for (uint256 i = 0; i < 600; i++) {
            _act(uint256(keccak256(abi.encode("walk", i))));
        }
        string[17] memory all = [
            "deposit",
            "requestUnbond",
            "claim",
            "takeSeat",
            "rotateKeys",
            "jail",
            "unjail",
            "slash",
            "expired",
            "slashAgain",
            "frame",
            "settle",
            "collectReward",
            "flushPot",
            "pause",
            "advance",
            "claimAfterSlash"
        ];
        for (uint256 i = 0; i < all.length; i++) {
            vm.assertGt(handler.done(bytes32(bytes(all[i]))), 0, all[i]);
        }
        invariant_tokensCoverAllThatIsOwed();
        invariant_totalsAreSums();
        invariant_tombstonedStaysOut();
        invariant_finalSetsNeverChange();
    }

    /// One action. Offences are rare, so that operators live long enough to do other things.
    function _act(uint256 r) private {
        uint256 who = r >> 8;
        uint256 x = r >> 128;
        uint256 what = r % 32;
        if (what < 3) handler.deposit(who, uint128(x));
        else if (what < 7) handler.requestUnbond(who, uint128(x));
        else if (what < 10) handler.claim(who);
        else if (what < 14) handler.takeSeat(who, x);
        else if (what < 15) handler.rotateKeys(who);
        else if (what < 16) handler.reuseKey(who, x);
        else if (what < 17) handler.jail(who, x & 1 == 1);
        else if (what < 20) handler.unjail(who);
        else if (what < 21) handler.slash(who, uint8(x), x >> 8);
        else if (what < 22) handler.slashAgain(who, x & 1 == 1);
        else if (what < 23) handler.frame(uint64(x), uint16(x >> 64), uint8(x >> 80));
        else if (what < 26) handler.settle(who);
        else if (what < 27) handler.collectReward(who);
        else if (what < 28) handler.flushPot();
        else if (what < 29) handler.pause();
        else handler.advance(uint16(x));
    }

    function _requireAbsent(address operator, uint32 epoch) private view {
        Member[] memory members = stake.validatorSet(epoch).members;
        for (uint256 i = 0; i < members.length; i++) {
            vm.assertTrue(handler.firstOwner(members[i].consensusKey) != operator, "a tombstoned member");
        }
    }
}
