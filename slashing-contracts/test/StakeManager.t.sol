// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EmergencyPause} from "../src/EmergencyPause.sol";
import {StakeManager} from "../src/StakeManager.sol";
import {IKeyVerifier, Keys} from "../src/interfaces/IKeyVerifier.sol";
import {
    IStakeManager,
    KeyRecord,
    Member,
    UnbondRequest,
    Validator,
    ValidatorSet
} from "../src/interfaces/IStakeManager.sol";
import {Fixture} from "./Fixture.sol";
import {Signer} from "./Signer.sol";

contract StakeManagerTest is Fixture {
    function setUp() public {
        _setUp(4);
    }

    // Registration

    function test_registerTakesASeatThreeEpochsLater() public {
        (address operator, bytes32 seed) = _register(1, MINIMUM);
        Validator memory v = stake.validatorOf(operator);
        vm.assertEq(v.bonded, MINIMUM);
        vm.assertEq(v.seat, 1);
        vm.assertEq(v.incarnation, 1);
        vm.assertEq(stake.consensusKeyOf(operator), vm.publicKeyEd25519(seed));
        vm.assertEq(stake.checkpointKeyOf(operator), _keys(operator, seed).checkpointKey);
        vm.assertEq(stake.validatorSet(2).members.length, 0);
        ValidatorSet memory set = stake.validatorSet(3);
        vm.assertEq(set.members.length, 1);
        vm.assertEq(set.members[0].consensusKey, vm.publicKeyEd25519(seed));
        vm.assertEq(set.members[0].power, 100e9);
        vm.assertEq(set.members[0].incarnation, 1);
        vm.assertEq(set.totalPower, 100e9);
    }

    function test_registerEmitsWhatNodesFollow() public {
        (address operator, bytes32 seed) = _operator(1);
        _fund(operator, MINIMUM);
        Keys memory keys = _keys(operator, seed);
        vm.expectEmit(address(stake));
        emit IStakeManager.Registered(operator, keys.consensusKey, keys.checkpointKey);
        vm.expectEmit(address(stake));
        emit IStakeManager.Announced(operator, "/dns/a");
        vm.expectEmit(address(stake));
        emit IStakeManager.Deposited(operator, MINIMUM, MINIMUM);
        vm.expectEmit(address(stake));
        emit IStakeManager.SeatChanged(1, keys.consensusKey, 100e9, 1, 3);
        vm.prank(operator);
        stake.register(keys, MINIMUM, "/dns/a");
    }

    function test_registerNeedsProofsForThisOperator() public {
        (address operator, bytes32 seed) = _operator(1);
        (address other,) = _operator(2);
        _fund(other, MINIMUM);
        Keys memory keys = _keys(operator, seed);
        vm.prank(other);
        vm.expectRevert();
        stake.register(keys, MINIMUM, "");
        // The ed25519 proof alone is made for the other operator; the BLS proof is refused on its own.
        Keys memory mixed = _keys(other, seed);
        mixed.checkpointProof = keys.checkpointProof;
        bytes memory message = contracts.keyVerifier
            .possessionMessage(uint64(block.chainid), address(stake), other, mixed.consensusKey, mixed.checkpointKey);
        vm.prank(other);
        vm.expectRevert(
            abi.encodeWithSelector(IKeyVerifier.InvalidCheckpointProof.selector, mixed.checkpointKey, message)
        );
        stake.register(mixed, MINIMUM, "");
    }

    function test_registerNeedsProofsForThisChainAndContract() public {
        (address operator, bytes32 seed) = _operator(1);
        _fund(operator, MINIMUM);
        Keys memory elsewhere = Signer.keys(contracts.keyVerifier, address(this), operator, seed);
        vm.prank(operator);
        vm.expectRevert();
        stake.register(elsewhere, MINIMUM, "");
        Keys memory keys = _keys(operator, seed);
        vm.chainId(5);
        vm.prank(operator);
        vm.expectRevert();
        stake.register(keys, MINIMUM, "");
    }

    function test_registerRefusesSmallOrderKeys() public {
        (address operator, bytes32 seed) = _operator(1);
        _fund(operator, MINIMUM);
        Keys memory keys = _keys(operator, seed);
        keys.consensusKey = bytes32(uint256(1) << 248);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IKeyVerifier.UnusableConsensusKey.selector, keys.consensusKey));
        stake.register(keys, MINIMUM, "");
    }

    function test_registerRefusesAKeyThatIsTaken() public {
        (address first, bytes32 seed) = _register(1, MINIMUM);
        (address second,) = _operator(2);
        _fund(second, MINIMUM);
        Keys memory keys = _keys(second, seed);
        vm.prank(second);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.KeyTaken.selector, keys.consensusKey, first));
        stake.register(keys, MINIMUM, "");
    }

    function test_registerRefusesACheckpointKeyThatIsTaken() public {
        (address first, bytes32 seed) = _register(1, MINIMUM);
        (address second,) = _operator(2);
        _fund(second, MINIMUM);
        // Seeds that differ in the last byte alone have different ed25519 keys and the same BLS key.
        Keys memory keys = _keys(second, seed ^ bytes32(uint256(1)));
        vm.prank(second);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.KeyTaken.selector, keccak256(keys.checkpointKey), first));
        stake.register(keys, MINIMUM, "");
    }

    function test_registerOnce() public {
        (address operator,) = _register(1, MINIMUM);
        Keys memory keys = _keys(operator, keccak256("new"));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.AlreadyRegistered.selector, operator));
        stake.register(keys, MINIMUM, "");
    }

    function test_registerNeedsTheMinimum() public {
        (address operator, bytes32 seed) = _operator(1);
        Keys memory keys = _keys(operator, seed);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.StakeTooSmall.selector, MINIMUM - 1, MINIMUM));
        stake.register(keys, MINIMUM - 1, "");
    }

    function test_stakeIsCappedByTheEnginesArithmetic() public {
        (address operator,) = _register(1, MINIMUM);
        uint128 maximum = stake.maximumStake();
        vm.assertLe(uint256(maximum / 1 gwei) * 4 * 3, type(uint64).max);
        _fund(operator, maximum);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.StakeTooLarge.selector, uint256(maximum) + 1, maximum));
        stake.deposit(maximum - MINIMUM + 1);
        vm.prank(operator);
        stake.deposit(maximum - MINIMUM);
        vm.assertEq(stake.totalPower(3), maximum / 1 gwei);
    }

    function test_announceIsBounded() public {
        (address operator,) = _register(1, MINIMUM);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.AddressesTooLong.selector, 1025, 1024));
        stake.announce(string(new bytes(1025)));
        vm.prank(address(0xbad));
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotRegistered.selector, address(0xbad)));
        stake.announce("/dns/a");
    }

    // Sets

    function test_setsAreSortedAndHaveAQuorum() public {
        for (uint256 i = 1; i <= 4; i++) {
            _register(i, uint128(i) * MINIMUM);
        }
        ValidatorSet memory set = stake.validatorSet(3);
        vm.assertEq(set.members.length, 4);
        for (uint256 i = 1; i < 4; i++) {
            vm.assertLt(uint256(set.members[i - 1].consensusKey), uint256(set.members[i].consensusKey));
        }
        vm.assertEq(set.totalPower, 1000e9);
        // F = ceil(10^12 / 3) - 1.
        vm.assertEq(set.quorum, 1000e9 - 333_333_333_333);
    }

    function test_fixedSetsDoNotChange() public {
        (address operator,) = _register(1, MINIMUM);
        _advance(1);
        bytes32 before = keccak256(abi.encode(stake.validatorSet(3)));
        vm.prank(operator);
        stake.requestUnbond(1);
        vm.assertEq(keccak256(abi.encode(stake.validatorSet(3))), before);
        vm.assertEq(stake.validatorSet(4).members.length, 0);
    }

    function test_fullSetIsEnteredByDisplacing() public {
        for (uint256 i = 1; i <= 4; i++) {
            _register(i, uint128(i) * MINIMUM);
        }
        (address small,) = _operator(1);
        (address big,) = _operator(3);
        (address challenger,) = _register(5, 2 * MINIMUM);
        vm.assertEq(stake.validatorOf(challenger).seat, 0);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NoFreeSeat.selector, 4));
        stake.takeSeat(address(0));
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotLessStake.selector, big, 3 * MINIMUM, 2 * MINIMUM));
        stake.takeSeat(big);
        vm.prank(challenger);
        stake.takeSeat(small);
        vm.assertEq(stake.validatorOf(small).seat, 0);
        vm.assertEq(stake.validatorOf(small).bonded, MINIMUM);
        vm.assertEq(stake.validatorOf(challenger).seat, 1);
        vm.assertEq(stake.totalPower(3), 1100e9);
        // Who was displaced comes back as a new incarnation once a seat is free.
        vm.prank(big);
        stake.requestUnbond(3 * MINIMUM);
        vm.prank(small);
        stake.takeSeat(address(0));
        vm.assertEq(stake.validatorOf(small).incarnation, 2);
    }

    function testFuzz_quorumIsMoreThanTwoThirds(uint96[3] calldata more) public {
        for (uint256 i = 0; i < 3; i++) {
            _register(i, MINIMUM + more[i] % (stake.maximumStake() - MINIMUM));
            ValidatorSet memory set = stake.validatorSet(3);
            uint256 total = set.totalPower;
            vm.assertGt(3 * uint256(set.quorum), 2 * total);
            // And as little as that: two quorums share more power than may be faulty, and one fewer unit does not decide.
            vm.assertLe(3 * (uint256(set.quorum) - 1), 2 * total);
        }
    }

    // Unbonding

    function test_unbondedStakeComesBackInTime() public {
        (address operator,) = _register(1, 3 * MINIMUM);
        vm.prank(operator);
        stake.requestUnbond(MINIMUM);
        vm.assertEq(stake.totalPower(3), 200e9);
        vm.assertEq(stake.unbondRequestsOf(operator)[0].releaseEpoch, 3 + UNBONDING);
        _advance(3 + UNBONDING - 1);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToClaim.selector, operator));
        stake.claim();
        _advance(1);
        vm.prank(operator);
        vm.assertEq(stake.claim(), MINIMUM);
        vm.assertEq(token.balanceOf(operator), MINIMUM);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToClaim.selector, operator));
        stake.claim();
    }

    function test_claimTakesAllThatIsDue() public {
        (address operator,) = _register(1, 10 * MINIMUM);
        for (uint256 i = 1; i <= 4; i++) {
            vm.prank(operator);
            stake.requestUnbond(uint128(i));
            _advance(1);
        }
        _advance(3 + UNBONDING - 3);
        // Requests 1 and 2 are due: made in epochs 0 and 1, and it is epoch 10.
        vm.assertEq(stake.currentEpoch(), 1 + 3 + UNBONDING);
        vm.prank(operator);
        vm.assertEq(stake.claim(), 1 + 2);
        UnbondRequest[] memory left = stake.unbondRequestsOf(operator);
        vm.assertEq(left.length, 2);
        vm.assertEq(left[0].amount + left[1].amount, 3 + 4);
        vm.assertEq(stake.validatorOf(operator).unbonding, 7);
    }

    function test_lessThanTheMinimumLeavesTheSet() public {
        (address operator, bytes32 seed) = _register(1, MINIMUM);
        vm.prank(operator);
        stake.requestUnbond(1);
        vm.assertEq(stake.validatorOf(operator).seat, 0);
        vm.assertEq(stake.keyRecord(vm.publicKeyEd25519(seed)).retiredFrom, 3);
        // Topping up takes a seat again, as a new incarnation, and the key is in use again.
        _fund(operator, 1);
        vm.prank(operator);
        stake.deposit(1);
        vm.assertEq(stake.validatorOf(operator).seat, 1);
        vm.assertEq(stake.validatorOf(operator).incarnation, 2);
        vm.assertEq(stake.keyRecord(vm.publicKeyEd25519(seed)).retiredFrom, 0);
    }

    function test_requestsAreBounded() public {
        (address operator,) = _register(1, 2 * MINIMUM);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.InsufficientStake.selector, 2 * MINIMUM + 1, 2 * MINIMUM));
        stake.requestUnbond(2 * MINIMUM + 1);
        vm.prank(operator);
        vm.expectRevert(IStakeManager.ZeroAmount.selector);
        stake.requestUnbond(0);
        for (uint256 i = 0; i < 16; i++) {
            vm.prank(operator);
            stake.requestUnbond(1);
        }
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooManyRequests.selector, 16));
        stake.requestUnbond(1);
    }

    // Keys

    function test_rotatedKeysVoteLater() public {
        (address operator, bytes32 seed) = _register(1, MINIMUM);
        _advance(2);
        bytes32 newSeed = keccak256("new");
        Keys memory keys = _keys(operator, newSeed);
        vm.prank(operator);
        stake.rotateKeys(keys);
        vm.assertEq(stake.validatorSet(4).members[0].consensusKey, vm.publicKeyEd25519(seed));
        Member memory member = stake.validatorSet(5).members[0];
        vm.assertEq(member.consensusKey, vm.publicKeyEd25519(newSeed));
        vm.assertEq(member.incarnation, 2);
        vm.assertEq(stake.checkpointKeyOf(operator), keys.checkpointKey);
        KeyRecord memory old = stake.keyRecord(vm.publicKeyEd25519(seed));
        vm.assertEq(old.operator, operator);
        vm.assertEq(old.retiredFrom, 5);
    }

    function test_oldKeysAreNotTakenAgain() public {
        (address operator, bytes32 seed) = _register(1, MINIMUM);
        Keys memory first = _keys(operator, seed);
        Keys memory second = _keys(operator, keccak256("new"));
        vm.prank(operator);
        stake.rotateKeys(second);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.KeyTaken.selector, first.consensusKey, operator));
        stake.rotateKeys(first);
    }

    // Jail

    function test_operatorsJailThemselves() public {
        (address operator,) = _register(1, MINIMUM);
        vm.prank(address(0xbad));
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotOperatorOrGuardian.selector, address(0xbad)));
        stake.jail(operator);
        vm.prank(operator);
        stake.jail(operator);
        vm.assertEq(stake.validatorOf(operator).seat, 0);
        vm.assertEq(stake.totalPower(3), 0);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.IsJailed.selector, operator, JAIL));
        stake.unjail();
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.IsJailed.selector, operator, JAIL));
        stake.takeSeat(address(0));
        _advance(JAIL);
        vm.prank(operator);
        stake.unjail();
        vm.assertEq(stake.validatorOf(operator).seat, 1);
        vm.assertEq(stake.validatorOf(operator).incarnation, 2);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotJailed.selector, operator));
        stake.unjail();
    }

    function test_guardianJailsOneAnEpoch() public {
        (address first,) = _register(1, MINIMUM);
        (address second,) = _register(2, MINIMUM);
        vm.prank(GUARDIAN);
        stake.jail(first);
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.GuardianJailedRecently.selector, 1));
        stake.jail(second);
        _advance(1);
        vm.prank(GUARDIAN);
        stake.jail(second);
        vm.assertEq(stake.validatorOf(second).bonded, MINIMUM);
    }

    function test_jailedStakeIsNotSeatedByADeposit() public {
        (address operator,) = _register(1, MINIMUM);
        vm.prank(operator);
        stake.jail(operator);
        _fund(operator, MINIMUM);
        vm.prank(operator);
        stake.deposit(MINIMUM);
        vm.assertEq(stake.validatorOf(operator).seat, 0);
    }

    // Pause

    function test_pauseIsShortAndRare() public {
        (address operator,) = _register(1, MINIMUM);
        _fund(operator, MINIMUM);
        vm.expectRevert(abi.encodeWithSelector(EmergencyPause.NotGuardian.selector, address(this), GUARDIAN));
        stake.pause();
        vm.prank(GUARDIAN);
        stake.pause();
        uint256 until = block.number + EPOCH;
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(EmergencyPause.IsPaused.selector, until));
        stake.deposit(MINIMUM);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(EmergencyPause.IsPaused.selector, until));
        stake.claim();
        // Stake can still be asked back.
        vm.prank(operator);
        stake.requestUnbond(1);
        vm.roll(until);
        vm.prank(operator);
        stake.deposit(MINIMUM);
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(EmergencyPause.PausedRecently.selector, until + EPOCH));
        stake.pause();
        vm.roll(until + EPOCH);
        vm.prank(GUARDIAN);
        stake.pause();
    }

    // Roles and parameters

    function test_onlyTheSlashingManagerPunishes() public {
        (address operator,) = _register(1, MINIMUM);
        bytes memory reason = abi.encodeWithSelector(IStakeManager.NotSlashingManager.selector, address(this));
        vm.expectRevert(reason);
        stake.tombstone(operator);
        vm.expectRevert(reason);
        stake.seize(operator, 1, 0);
        vm.expectRevert(reason);
        stake.release(operator);
        vm.expectRevert(reason);
        stake.payReward(operator, 1);
    }

    function test_parametersMustFit() public {
        StakeManager.Parameters memory p = StakeManager.Parameters({
            token: token,
            keyVerifier: contracts.keyVerifier,
            slashingManager: address(slashing),
            guardian: GUARDIAN,
            sink: SINK,
            epochLength: EPOCH,
            unbondingEpochs: EVIDENCE,
            evidenceEpochs: EVIDENCE,
            jailEpochs: JAIL,
            seats: 4,
            minimumStake: MINIMUM,
            powerUnit: 1 gwei
        });
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidParameter.selector, "unbondingEpochs"));
        new StakeManager(p);
        p.unbondingEpochs = EVIDENCE + 1;
        p.minimumStake = 1;
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidParameter.selector, "minimumStake"));
        new StakeManager(p);
        p.minimumStake = MINIMUM;
        p.seats = 1025;
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidParameter.selector, "seats"));
        new StakeManager(p);
    }
}
