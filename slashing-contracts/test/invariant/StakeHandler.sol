// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Keys} from "../../src/interfaces/IKeyVerifier.sol";
import {ISlashingManager} from "../../src/interfaces/ISlashingManager.sol";
import {KeyRecord, Validator} from "../../src/interfaces/IStakeManager.sol";
import {Fixture} from "../Fixture.sol";
import {Signer} from "../Signer.sol";

/// @notice Does what operators, reporters, the guardian and attackers do, in any order, and keeps books of its own that share
/// nothing with the contracts. Operator 0 is honest: it signs one statement a slot.
contract StakeHandler is Fixture {
    uint256 public constant OPERATORS = 6;
    uint32 public constant SEATS = 3;

    /// One request of the handler's books.
    struct Promise {
        uint256 amount;
        uint32 madeIn;
    }

    /// Every key that was ever registered, and by whom.
    bytes32[] public allKeys;
    mapping(bytes32 key => address) public firstOwner;
    mapping(address operator => bytes32) public seedOf;
    /// The epoch in which an operator was first slashed, plus one.
    mapping(address operator => uint32) public slashedSince;
    /// Hashes of validator sets, taken when they became final.
    mapping(uint32 epoch => bytes32) public finalSet;
    /// Tokens that went in and out of the StakeManager.
    uint256 public deposited;
    uint256 public paidOut;
    /// How often each thing succeeded, so that a run which does nothing is noticed.
    mapping(bytes32 what => uint256) public done;

    mapping(address operator => Promise[]) private _promises;
    mapping(bytes32 key => bytes32) private _seedOfKey;
    bytes[] private _evidence;
    bytes32[] private _slots;
    uint64 private _height;
    uint256 private _rotations;

    constructor() {
        _setUp(SEATS);
        for (uint256 i = 0; i < OPERATORS; i++) {
            (address operator, bytes32 seed) = _register(i, MINIMUM * uint128(i + 1));
            deposited += MINIMUM * (i + 1);
            _noteKey(operator, seed);
        }
    }

    // Operators

    function deposit(uint256 who, uint128 amount) external {
        address operator = _alive(who);
        if (operator == address(0) || _paused()) return;
        amount = uint128(bound(amount, 1, 50 * MINIMUM));
        if (stake.validatorOf(operator).bonded + amount > stake.maximumStake()) return;
        _fund(operator, amount);
        vm.prank(operator);
        stake.deposit(amount);
        deposited += amount;
        done["deposit"]++;
    }

    function requestUnbond(uint256 who, uint128 amount) external {
        address operator = _alive(who);
        if (operator == address(0)) return;
        uint128 bonded = stake.validatorOf(operator).bonded;
        if (bonded == 0 || stake.unbondRequestsOf(operator).length == 16) return;
        amount = uint128(bound(amount, 1, bonded));
        vm.prank(operator);
        stake.requestUnbond(amount);
        _promises[operator].push(Promise(amount, stake.currentEpoch()));
        done["requestUnbond"]++;
    }

    /// What is paid is exactly what the books say is due: nobody is early, nobody is cheated.
    function claim(uint256 who) external {
        address operator = _pick(who);
        if (_paused()) return;
        uint256 due = _due(operator);
        uint256 before = token.balanceOf(operator);
        vm.prank(operator);
        try stake.claim() returns (uint256 amount) {
            vm.assertEq(amount, due, "claimed");
            vm.assertEq(token.balanceOf(operator) - before, due, "paid");
            paidOut += due;
            _forgetDue(operator);
            done["claim"]++;
            if (slashedSince[operator] != 0) done["claimAfterSlash"]++;
        } catch {
            vm.assertEq(due, 0, "a claim that is due was refused");
        }
    }

    function takeSeat(uint256 who, uint256 from) external {
        address operator = _alive(who);
        if (operator == address(0) || _paused()) return;
        Validator memory v = stake.validatorOf(operator);
        if (v.seat != 0 || v.jailedUntil != 0 || v.bonded < MINIMUM) return;
        address displaced = _pick(from);
        Validator memory other = stake.validatorOf(displaced);
        vm.prank(operator);
        try stake.takeSeat(other.seat == 0 ? address(0) : displaced) {
            vm.assertTrue(other.seat == 0 || other.bonded < v.bonded, "displaced by less stake");
            done["takeSeat"]++;
        } catch {
            vm.assertTrue(other.seat == 0 || other.bonded >= v.bonded, "more stake was refused");
        }
    }

    function rotateKeys(uint256 who) external {
        address operator = _alive(who);
        if (operator == address(0) || operator == _pick(0) || _paused() || _rotations == 8) return;
        bytes32 seed = keccak256(abi.encode("rotation", _rotations++));
        Keys memory keys = _keys(operator, seed);
        vm.prank(operator);
        stake.rotateKeys(keys);
        _noteKey(operator, seed);
        done["rotateKeys"]++;
    }

    /// Nobody gets a key that was registered before, not even its owner.
    function reuseKey(uint256 who, uint256 whose) external {
        address operator = _alive(who);
        if (operator == address(0) || _paused()) return;
        Keys memory keys = _keys(operator, seedOf[_pick(whose)]);
        vm.prank(operator);
        vm.expectRevert();
        stake.rotateKeys(keys);
    }

    function jail(uint256 who, bool byGuardian) external {
        address operator = _alive(who);
        if (operator == address(0) || stake.validatorOf(operator).seat == 0) return;
        if (byGuardian && stake.currentEpoch() < stake.nextGuardianJail()) return;
        vm.prank(byGuardian ? GUARDIAN : operator);
        stake.jail(operator);
        done["jail"]++;
    }

    function unjail(uint256 who) external {
        address operator = _alive(who);
        if (operator == address(0) || _paused()) return;
        uint32 until = stake.validatorOf(operator).jailedUntil;
        if (until == 0 || stake.currentEpoch() < until) return;
        vm.prank(operator);
        stake.unjail();
        done["unjail"]++;
    }

    // Offences

    /// Somebody who is not operator 0 signs twice, with its present or an earlier key, and is reported.
    function slash(uint256 who, uint8 kind, uint256 keyAt) external {
        address operator = _pick(1 + who % (OPERATORS - 1));
        bytes32 seed = seedOf[operator];
        if (keyAt % 3 == 0) {
            bytes32 earlier = _seedOfKey[allKeys[keyAt % allKeys.length]];
            if (firstOwner[vm.publicKeyEd25519(earlier)] != _pick(0)) seed = earlier;
            operator = firstOwner[vm.publicKeyEd25519(seed)];
        }
        bytes memory evidence = _offence(seed, kind);
        KeyRecord memory record = stake.keyRecord(vm.publicKeyEd25519(seed));
        bool young = record.retiredFrom == 0 || stake.currentEpoch() <= record.retiredFrom + EVIDENCE;
        uint256 held = _held(operator);
        uint256 exposure = slashedSince[operator] == 0 ? held : slashing.offenderOf(operator).exposure;
        try slashing.submitEvidence(evidence, REPORTER) returns (bytes32 slot) {
            vm.assertTrue(young, "old evidence counted");
            uint256 penalty = exposure * 500 / 10_000;
            vm.assertEq(held - _held(operator), penalty < held ? penalty : held, "penalty");
            _evidence.push(evidence);
            _slots.push(slot);
            if (slashedSince[operator] == 0) {
                slashedSince[operator] = stake.currentEpoch() + 1;
                delete _promises[operator];
                _promises[operator].push(Promise(0, stake.currentEpoch()));
            }
            done["slash"]++;
        } catch {
            vm.assertFalse(young, "young evidence was refused");
            done["expired"]++;
        }
    }

    /// One slot counts once, also with the sides swapped.
    function slashAgain(uint256 which, bool swap) external {
        if (_evidence.length == 0) return;
        bytes memory evidence = bytes.concat(_evidence[which % _evidence.length]);
        if (swap) {
            uint256 width = evidence.length / 2;
            for (uint256 i = 1; i <= width; i++) {
                (evidence[i], evidence[i + width]) = (evidence[i + width], evidence[i]);
            }
        }
        vm.expectRevert(abi.encodeWithSelector(ISlashingManager.AlreadySlashed.selector, _slots[which % _slots.length]));
        slashing.submitEvidence(evidence, REPORTER);
        done["slashAgain"]++;
    }

    /// What operator 0 signed honestly, cut and pasted into evidence: two slots, altered bits, others' networks.
    function frame(uint64 height, uint16 bit, uint8 how) external {
        bytes32 seed = seedOf[_pick(0)];
        bytes memory prevote = Signer.vote(network, seed, Signer.Vote(1, height, 0, keccak256(abi.encode(height))));
        bytes memory other = how % 3 == 0
            ? Signer.vote(network, seed, Signer.Vote(2, height, 0, 0))
            : how % 3 == 1
                ? Signer.vote(~network, seed, Signer.Vote(1, height, 0, keccak256("another")))
                : bytes.concat(prevote);
        if (how % 3 == 2) other[bit / 8 % 142] ^= bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert();
        slashing.submitEvidence(abi.encodePacked(uint8(2), prevote, other), REPORTER);
        done["frame"]++;
    }

    function settle(uint256 who) external {
        address operator = _pick(who);
        uint32 from = slashing.offenderOf(operator).settleFrom;
        if (from == 0 || stake.currentEpoch() < from || slashing.offenderOf(operator).settled) return;
        slashing.settle(operator);
        done["settle"]++;
    }

    function collectReward(uint256 which) external {
        if (_slots.length == 0) return;
        bytes32 slot = _slots[which % _slots.length];
        if (slashing.convictionOf(slot).reward == 0) return;
        if (block.number <= slashing.convictionOf(slot).contestableUntil) return;
        paidOut += slashing.collectReward(slot);
        done["collectReward"]++;
    }

    function flushPot() external {
        if (stake.pot() == 0) return;
        paidOut += stake.flushPot();
        done["flushPot"]++;
    }

    // Time

    function pause() external {
        uint256 until = stake.pausedUntil();
        if (until != 0 && block.number < until + EPOCH) return;
        vm.prank(GUARDIAN);
        stake.pause();
        done["pause"]++;
    }

    function advance(uint16 blocks) external {
        uint256 end = block.number + bound(blocks, 1, 4 * EPOCH);
        while (block.number < end) {
            vm.roll(block.number + 1);
            uint32 epoch = stake.currentEpoch() + 2;
            if (finalSet[epoch] == 0) finalSet[epoch] = keccak256(abi.encode(stake.validatorSet(epoch)));
        }
        done["advance"]++;
    }

    // Books

    function operatorAt(uint256 i) external pure returns (address) {
        return _pick(i);
    }

    function keyCount() external view returns (uint256) {
        return allKeys.length;
    }

    function _noteKey(address operator, bytes32 seed) private {
        bytes32 key = vm.publicKeyEd25519(seed);
        vm.assertEq(firstOwner[key], address(0));
        allKeys.push(key);
        firstOwner[key] = operator;
        seedOf[operator] = seed;
        _seedOfKey[key] = seed;
    }

    function _offence(bytes32 seed, uint8 kind) private returns (bytes memory) {
        _height++;
        if (kind % 4 == 0) return Signer.laneEquivocation(network, seed, 1, _height);
        if (kind % 4 == 3) return Signer.doubleProposal(network, seed, _height, 0);
        return Signer.doubleVote(network, seed, kind % 4, _height, 0);
    }

    /// Promises count three epochs and the unbonding time after they were made; a slashed operator's is all that it has
    /// left, once settled.
    function _due(address operator) private view returns (uint256 due) {
        Promise[] storage promises = _promises[operator];
        for (uint256 i = 0; i < promises.length; i++) {
            if (stake.currentEpoch() < promises[i].madeIn + 3 + UNBONDING) continue;
            due += slashedSince[operator] == 0 ? promises[i].amount : _held(operator);
        }
        if (slashedSince[operator] != 0 && !slashing.offenderOf(operator).settled) due = 0;
    }

    function _forgetDue(address operator) private {
        Promise[] storage promises = _promises[operator];
        for (uint256 i = promises.length; i > 0; i--) {
            if (stake.currentEpoch() < promises[i - 1].madeIn + 3 + UNBONDING) continue;
            promises[i - 1] = promises[promises.length - 1];
            promises.pop();
        }
    }

    function _held(address operator) private view returns (uint256) {
        Validator memory v = stake.validatorOf(operator);
        return uint256(v.bonded) + v.unbonding;
    }

    function _paused() private view returns (bool) {
        return block.number < stake.pausedUntil();
    }

    function _pick(uint256 who) private pure returns (address operator) {
        (operator,) = _operator(who % OPERATORS);
    }

    function _alive(uint256 who) private view returns (address operator) {
        operator = _pick(who);
        if (slashedSince[operator] != 0) operator = address(0);
    }

    function deployment() external view returns (address, address, address) {
        return (address(token), address(stake), address(slashing));
    }
}
