// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SlashingManager} from "../src/SlashingManager.sol";
import {IEvidenceVerifier, OffenceKind} from "../src/interfaces/IEvidenceVerifier.sol";
import {Keys} from "../src/interfaces/IKeyVerifier.sol";
import {Conviction, ISlashingManager, Offender} from "../src/interfaces/ISlashingManager.sol";
import {IStakeManager, Validator} from "../src/interfaces/IStakeManager.sol";
import {NetworkId} from "../src/libraries/NetworkId.sol";
import {Fixture} from "./Fixture.sol";
import {Signer} from "./Signer.sol";

contract SlashingManagerTest is Fixture {
    uint128 private constant STAKE = 1000 ether;
    /// 5 % of the stake, and 5 % of that.
    uint256 private constant BASE = 50 ether;
    uint256 private constant REWARD = 2.5 ether;

    function setUp() public {
        _setUp(8);
    }

    // The network

    function test_networkIdIsTheOneOfGolden() public view {
        string memory json = vm.readFile("../consensus/types/vectors/genesis.json");
        for (uint256 i = 0; i < 2; i++) {
            string memory path = string.concat(".cases[", vm.toString(i), "]");
            bytes32 id = NetworkId.compute(
                vm.parseJsonBytes32(json, string.concat(path, ".hash")),
                uint64(vm.parseJsonUint(json, string.concat(path, ".l1_chain_id"))),
                vm.parseJsonAddress(json, string.concat(path, ".stake_manager"))
            );
            vm.assertEq(id, vm.parseJsonBytes32(json, string.concat(path, ".network")));
        }
    }

    function test_networkIsOpenedOnce() public {
        vm.assertEq(network, NetworkId.compute(GENESIS, uint64(block.chainid), address(stake)));
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.NotGuardian.selector, address(this), GUARDIAN));
        slashing.openNetwork(GENESIS);
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.NetworkAlreadyOpen.selector, network));
        slashing.openNetwork(GENESIS);
    }

    // Offences

    function test_doublePrevote() public {
        _expectSlash(OffenceKind.DoublePrevote, 1);
    }

    function test_doublePrecommit() public {
        _expectSlash(OffenceKind.DoublePrecommit, 2);
    }

    function test_doubleProposal() public {
        _expectSlash(OffenceKind.DoubleProposal, 3);
    }

    function test_laneEquivocation() public {
        _expectSlash(OffenceKind.LaneEquivocation, 0);
    }

    function test_offenderLeavesTheSet() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        _register(2, STAKE);
        _advance(5);
        vm.assertEq(stake.validatorSet(7).members.length, 2);
        _slash(seed, 1);
        vm.assertEq(stake.validatorSet(7).members.length, 2);
        vm.assertEq(stake.validatorSet(8).members.length, 1);
        vm.assertTrue(stake.validatorOf(operator).tombstoned);
        bytes memory reason = abi.encodeWithSelector(IStakeManager.IsTombstoned.selector, operator);
        Keys memory keys = _keys(operator, keccak256("new"));
        vm.startPrank(operator);
        vm.expectRevert(reason);
        stake.deposit(STAKE);
        vm.expectRevert(reason);
        stake.takeSeat(address(0));
        vm.expectRevert(reason);
        stake.rotateKeys(keys);
        vm.expectRevert(reason);
        stake.unjail();
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.AlreadyRegistered.selector, operator));
        stake.register(keys, STAKE, "");
        vm.stopPrank();
    }

    function test_oneSlotCountsOnce() public {
        (, bytes32 seed) = _register(1, STAKE);
        bytes memory a = Signer.vote(network, seed, Signer.Vote(2, 1, 0, keccak256("a")));
        bytes memory b = Signer.vote(network, seed, Signer.Vote(2, 1, 0, keccak256("b")));
        bytes memory c = Signer.vote(network, seed, Signer.Vote(2, 1, 0, 0));
        bytes32 slot = slashing.submitEvidence(abi.encodePacked(uint8(2), a, b), REPORTER);
        bytes[3] memory again =
            [abi.encodePacked(uint8(2), a, b), abi.encodePacked(uint8(2), b, a), abi.encodePacked(uint8(2), c, b)];
        for (uint256 i = 0; i < 3; i++) {
            vm.expectRevert(abi.encodeWithSelector(ISlashingManager.AlreadySlashed.selector, slot));
            slashing.submitEvidence(again[i], REPORTER);
        }
    }

    function test_eachOffenceCosts() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        for (uint64 height = 1; height <= 20; height++) {
            _slash(seed, height);
            vm.assertEq(stake.validatorOf(operator).unbonding, STAKE - height * BASE);
        }
        // Nothing is left to take, and the offence is still on record.
        bytes32 slot = _slash(seed, 21);
        vm.assertEq(slashing.convictionOf(slot).operator, operator);
        vm.assertEq(slashing.convictionOf(slot).reward, 0);
    }

    function test_unbondingStakeIsSlashed() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        vm.prank(operator);
        stake.requestUnbond(STAKE / 4);
        vm.prank(operator);
        stake.requestUnbond(STAKE / 4);
        _slash(seed, 1);
        Validator memory v = stake.validatorOf(operator);
        vm.assertEq(v.bonded, 0);
        vm.assertEq(v.unbonding, STAKE - BASE);
        vm.assertEq(stake.unbondRequestsOf(operator).length, 1);
    }

    function test_unknownKeysAreNobodys() public {
        bytes32 seed = keccak256("stranger");
        bytes memory evidence = Signer.doubleVote(network, seed, 1, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.UnknownValidator.selector, vm.publicKeyEd25519(seed)));
        slashing.submitEvidence(evidence, REPORTER);
    }

    function test_rotatedKeysAreAnsweredFor() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        Keys memory keys = _keys(operator, keccak256("new"));
        vm.prank(operator);
        stake.rotateKeys(keys);
        _slash(seed, 1);
        vm.assertTrue(stake.validatorOf(operator).tombstoned);
    }

    // Time

    function test_evidenceCountsUntilTheLastEpochAndNoLonger() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        _advance(4);
        vm.prank(operator);
        stake.requestUnbond(STAKE);
        uint32 lastEpoch = 4 + 3 + EVIDENCE;
        vm.roll(stake.startBlock() + uint256(lastEpoch + 1) * EPOCH - 1);
        uint256 before = vm.snapshotState();
        _slash(seed, 1);
        vm.assertEq(stake.validatorOf(operator).unbonding, STAKE - BASE);
        vm.revertToState(before);
        vm.roll(block.number + 1);
        bytes memory evidence = Signer.doubleVote(network, seed, 2, 1, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISlashingManager.EvidenceExpired.selector, vm.publicKeyEd25519(seed), lastEpoch, lastEpoch + 1
            )
        );
        slashing.submitEvidence(evidence, REPORTER);
        // The stake is still here then, and for an epoch more.
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToClaim.selector, operator));
        stake.claim();
    }

    function test_pauseShieldsNobody() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        _advance(4);
        vm.prank(operator);
        stake.requestUnbond(STAKE);
        _advance(3 + EVIDENCE);
        vm.prank(GUARDIAN);
        stake.pause();
        bytes32 slot = _slash(seed, 1);
        vm.assertEq(stake.validatorOf(operator).unbonding, STAKE - BASE);
        // The reporter is paid and penalties leave while deposits and claims stand still.
        vm.roll(block.number + CONTEST + 1);
        slashing.collectReward(slot);
        vm.assertEq(stake.flushPot(), BASE - REWARD);
    }

    // The second part of the penalty

    function test_settledAloneInALargeSet() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        for (uint256 i = 2; i <= 6; i++) {
            _register(i, 2 * STAKE);
        }
        _advance(5);
        _slash(seed, 1);
        Offender memory offender = slashing.offenderOf(operator);
        vm.assertEq(offender.exposure, STAKE);
        vm.assertEq(offender.settleFrom, 5 + 3 + EVIDENCE + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ISlashingManager.TooEarlyToSettle.selector, operator, offender.settleFrom)
        );
        slashing.settle(operator);
        _advance(3 + UNBONDING);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotSettled.selector, operator));
        stake.claim();
        // 3 * 1000 / 11000 of the stake.
        uint256 correlated = 3 * uint256(STAKE) * STAKE / (11 * STAKE);
        vm.assertEq(slashing.settle(operator), correlated);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.AlreadySettled.selector, operator));
        slashing.settle(operator);
        vm.prank(operator);
        vm.assertEq(stake.claim(), STAKE - BASE - correlated);
    }

    function test_settledWithAThirdLosesAll() public {
        (address operator, bytes32 seed) = _register(1, STAKE);
        _register(2, STAKE);
        _register(3, STAKE);
        _advance(5);
        _slash(seed, 1);
        _advance(3 + UNBONDING);
        vm.assertEq(slashing.settle(operator), STAKE - BASE);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToClaim.selector, operator));
        stake.claim();
    }

    /// The window reaches `CORRELATION` epochs to both sides: the first and the last offender of the three do not count
    /// for each other.
    function test_windowReachesBothWays() public {
        bytes32[] memory seeds = new bytes32[](4);
        address[] memory operators = new address[](4);
        for (uint256 i = 1; i <= 3; i++) {
            (operators[i], seeds[i]) = _register(i, STAKE);
        }
        _register(4, 77 * STAKE);
        _advance(5);
        for (uint256 i = 1; i <= 3; i++) {
            _slash(seeds[i], 1);
            _advance(CORRELATION);
        }
        _advance(3 + UNBONDING);
        // Each is measured by the set of its epoch, which those before have left.
        uint256[4] memory slashed = [0, 2 * uint256(STAKE), 3 * uint256(STAKE), 2 * uint256(STAKE)];
        for (uint256 i = 1; i <= 3; i++) {
            uint256 total = (81 - i) * STAKE;
            vm.assertEq(slashing.totalIn(slashing.offenderOf(operators[i]).epoch), total);
            vm.assertEq(slashing.settle(operators[i]), 3 * slashed[i] * STAKE / total);
        }
    }

    function test_noSettlementWithoutAnOffence() public {
        (address operator,) = _register(1, STAKE);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.NotAnOffender.selector, operator));
        slashing.settle(operator);
    }

    /// Whatever the order of several slashes, everybody ends with the same.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_orderDoesNotMatter(uint256 order, uint96[3] calldata stakes) public {
        address[] memory operators = new address[](3);
        bytes32[] memory seeds = new bytes32[](3);
        for (uint256 i = 0; i < 3; i++) {
            (operators[i], seeds[i]) = _register(i, MINIMUM + stakes[i] % 1e26);
        }
        _register(9, 5e26);
        _advance(order % 7 == 0 ? 0 : 4);
        uint256 before = vm.snapshotState();
        uint256[4] memory first = _punish(operators, seeds, [uint256(0), 1, 2, 3, 4, 5]);
        vm.revertToState(before);
        uint256[6] memory shuffled = [uint256(0), 1, 2, 3, 4, 5];
        for (uint256 i = 5; i > 0; i--) {
            uint256 j = order % (i + 1);
            order /= i + 1;
            (shuffled[i], shuffled[j]) = (shuffled[j], shuffled[i]);
        }
        uint256[4] memory second = _punish(operators, seeds, shuffled);
        for (uint256 i = 0; i < 4; i++) {
            vm.assertEq(first[i], second[i]);
        }
    }

    // Reporters

    function test_rewardIsPaidAfterTheContest() public {
        (, bytes32 seed) = _register(1, STAKE);
        bytes32 slot = _slash(seed, 1);
        vm.expectRevert(
            abi.encodeWithSelector(ISlashingManager.StillContestable.selector, slot, block.number + CONTEST)
        );
        slashing.collectReward(slot);
        vm.roll(block.number + CONTEST + 1);
        vm.assertEq(slashing.collectReward(slot), REWARD);
        vm.assertEq(token.balanceOf(REPORTER), REWARD);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.NoReward.selector, slot));
        slashing.collectReward(slot);
        vm.assertEq(stake.flushPot(), BASE - REWARD);
        vm.assertEq(token.balanceOf(SINK), BASE - REWARD);
        vm.expectRevert(IStakeManager.ZeroAmount.selector);
        stake.flushPot();
    }

    function test_earlierCommitmentHasTheReward() public {
        (, bytes32 seed) = _register(1, STAKE);
        bytes32 slot = contracts.evidenceVerifier.verify(network, Signer.doubleVote(network, seed, 2, 1, 0)).slot;
        (address first, address second) = (address(0xf1), address(0xf2));
        slashing.commit(keccak256(abi.encode(slot, first, bytes32("salt"))));
        vm.roll(block.number + 1);
        slashing.commit(keccak256(abi.encode(slot, second, bytes32("pepper"))));
        vm.roll(block.number + 1);
        _slash(seed, 1);
        // A commitment of the same block is too late, another's cannot be used.
        slashing.commit(keccak256(abi.encode(slot, address(this), bytes32("late"))));
        vm.expectRevert();
        slashing.claimPriority(slot, "late");
        vm.expectRevert();
        slashing.claimPriority(slot, "salt");
        vm.prank(second);
        slashing.claimPriority(slot, "pepper");
        vm.prank(first);
        slashing.claimPriority(slot, "salt");
        vm.prank(second);
        vm.expectRevert();
        slashing.claimPriority(slot, "pepper");
        Conviction memory conviction = slashing.convictionOf(slot);
        vm.assertEq(conviction.reporter, first);
        vm.roll(conviction.contestableUntil + 1);
        slashing.collectReward(slot);
        vm.assertEq(token.balanceOf(first), REWARD);
    }

    function test_contestEnds() public {
        (, bytes32 seed) = _register(1, STAKE);
        bytes32 slot = contracts.evidenceVerifier.verify(network, Signer.doubleVote(network, seed, 2, 1, 0)).slot;
        slashing.commit(keccak256(abi.encode(slot, address(this), bytes32("salt"))));
        vm.roll(block.number + 1);
        _slash(seed, 1);
        uint256 until = block.number + CONTEST;
        vm.roll(until + 1);
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.NotContestable.selector, slot, until));
        slashing.claimPriority(slot, "salt");
    }

    function test_commitmentsAreMadeOnce() public {
        slashing.commit("x");
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.AlreadyCommitted.selector, bytes32("x")));
        slashing.commit("x");
    }

    function test_reporterMustBeNamed() public {
        (, bytes32 seed) = _register(1, STAKE);
        bytes memory evidence = Signer.doubleVote(network, seed, 2, 1, 0);
        vm.expectRevert(ISlashingManager.ZeroReporter.selector);
        slashing.submitEvidence(evidence, address(0));
    }

    // Parameters

    function test_parametersMustFit() public {
        SlashingManager.Parameters memory p = SlashingManager.Parameters({
            stakeManager: stake,
            evidenceVerifier: contracts.evidenceVerifier,
            guardian: GUARDIAN,
            baseBps: 500,
            rewardBps: 500,
            correlationEpochs: CORRELATION,
            contestBlocks: CONTEST
        });
        // The StakeManager names another SlashingManager.
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.InvalidParameter.selector, "stakeManager"));
        new SlashingManager(p);
        p.stakeManager = IStakeManager(address(this));
        _slashingManager = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        p.rewardBps = 501;
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.InvalidParameter.selector, "rewardBps"));
        new SlashingManager(p);
        _slashingManager = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        p.rewardBps = 500;
        p.correlationEpochs = EVIDENCE + 1;
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.InvalidParameter.selector, "correlationEpochs"));
        new SlashingManager(p);
    }

    /// What the constructor above asks of a StakeManager.
    address private _slashingManager;

    function slashingManager() external view returns (address) {
        return _slashingManager;
    }

    function evidenceEpochs() external pure returns (uint32) {
        return EVIDENCE;
    }

    // Helpers

    function _expectSlash(OffenceKind kind, uint8 voteKind) private {
        (address operator, bytes32 seed) = _register(1, STAKE);
        _register(2, 9 * STAKE);
        _advance(5);
        bytes memory evidence = kind == OffenceKind.DoubleProposal
            ? Signer.doubleProposal(network, seed, 7, 1)
            : kind == OffenceKind.LaneEquivocation
                ? Signer.laneEquivocation(network, seed, 1, 7)
                : Signer.doubleVote(network, seed, voteKind, 7, 1);
        bytes32 slot = contracts.evidenceVerifier.verify(network, evidence).slot;
        vm.expectEmit(address(slashing));
        emit ISlashingManager.Slashed(slot, operator, vm.publicKeyEd25519(seed), kind, BASE, REWARD, REPORTER);
        slashing.submitEvidence(evidence, REPORTER);
        vm.assertEq(stake.validatorOf(operator).unbonding, STAKE - BASE);
        vm.assertEq(stake.pot(), BASE - REWARD);
        vm.assertEq(stake.rewards(), REWARD);
        vm.assertEq(stake.totalBonded(), 9 * STAKE);
        vm.assertEq(stake.totalUnbonding(), STAKE - BASE);
    }

    /// Two offences of each operator, number 2i and 2i + 1, in the order given; then all are settled.
    function _punish(address[] memory operators, bytes32[] memory seeds, uint256[6] memory order)
        private
        returns (uint256[4] memory left)
    {
        for (uint256 i = 0; i < 6; i++) {
            _slash(seeds[order[i] / 2], uint64(order[i] % 2 + 1));
        }
        _advance(3 + UNBONDING);
        for (uint256 i = 0; i < 6; i++) {
            address operator = operators[order[i] / 2];
            if (!slashing.offenderOf(operator).settled) slashing.settle(operator);
        }
        for (uint256 i = 0; i < 3; i++) {
            left[i] = stake.validatorOf(operators[i]).unbonding;
        }
        left[3] = stake.pot();
    }
}
