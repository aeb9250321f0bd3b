// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {DevToken} from "../src/dev/DevToken.sol";
import {Keys} from "../src/interfaces/IKeyVerifier.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Fixture} from "./Fixture.sol";
import {Signer} from "./Signer.sol";

/// @notice A token that calls back during transfers, and may keep a part of what it moves.
contract HostileToken is ERC20("Hostile", "HOSTILE") {
    address private target;
    bytes private call_;
    uint256 private fee;

    bool public attempted;
    bool public succeeded;
    bytes public reason;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice With the next transfer, calls `target_` with `data`.
    function arm(address target_, bytes calldata data) external {
        target = target_;
        call_ = data;
        attempted = false;
    }

    /// @notice Keeps `amount` of each transfer.
    function charge(uint256 amount) external {
        fee = amount;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 kept = from == address(0) || amount < fee ? 0 : fee;
        super._update(from, to, amount - kept);
        if (target == address(0) || attempted || from == address(0)) return;
        attempted = true;
        (succeeded, reason) = target.call(call_);
    }
}

contract HostileTokenTest is Fixture {
    HostileToken private hostile;
    address private operator;
    bytes32 private seed;

    function setUp() public {
        hostile = new HostileToken();
        _deploy(hostile, 4);
        _open();
        // The token itself is an operator too, so that its calls would be allowed if they were not reentrant.
        _join(address(hostile), keccak256("token's"));
        (operator, seed) = _operator(1);
        _join(operator, seed);
    }

    function test_depositIsNotReentered() public {
        hostile.mint(operator, 10 ether);
        hostile.arm(address(stake), abi.encodeCall(stake.requestUnbond, (1)));
        vm.prank(operator);
        stake.deposit(10 ether);
        _expectRefused();
        vm.assertEq(stake.totalBonded(), 2 * MINIMUM + 10 ether);
    }

    function test_claimIsNotReentered() public {
        vm.prank(operator);
        stake.requestUnbond(MINIMUM);
        vm.prank(address(hostile));
        stake.requestUnbond(MINIMUM);
        _advance(3 + UNBONDING);
        hostile.arm(address(stake), abi.encodeCall(stake.claim, ()));
        vm.prank(operator);
        vm.assertEq(stake.claim(), MINIMUM);
        _expectRefused();
        vm.assertEq(hostile.balanceOf(address(stake)), MINIMUM);
    }

    /// The penalty moves no tokens, so the token cannot stand in its way. Within a transfer, evidence is refused and comes
    /// again.
    function test_slashingWithinATransferComesAgain() public {
        bytes memory evidence = Signer.doubleVote(network, seed, 2, 1, 0);
        hostile.mint(operator, 10 ether);
        hostile.arm(address(slashing), abi.encodeCall(slashing.submitEvidence, (evidence, REPORTER)));
        vm.prank(operator);
        stake.deposit(10 ether);
        _expectRefused();
        slashing.submitEvidence(evidence, REPORTER);
        vm.assertTrue(stake.validatorOf(operator).tombstoned);
        vm.assertEq(stake.validatorOf(operator).bonded, 0);
    }

    function test_rewardAndPotAreNotReentered() public {
        bytes32 slot = _slash(seed, 1);
        vm.roll(block.number + CONTEST + 1);
        hostile.arm(address(slashing), abi.encodeCall(slashing.collectReward, (slot)));
        slashing.collectReward(slot);
        vm.assertTrue(hostile.attempted());
        vm.assertFalse(hostile.succeeded());
        vm.assertEq(stake.rewards(), 0);
        hostile.arm(address(stake), abi.encodeCall(stake.flushPot, ()));
        stake.flushPot();
        _expectRefused();
        vm.assertEq(stake.pot(), 0);
        vm.assertEq(hostile.balanceOf(address(stake)), stake.totalBonded() + stake.totalUnbonding());
    }

    function test_feesOnTransferAreRefused() public {
        hostile.mint(operator, 10 ether);
        hostile.charge(1);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.UnexpectedTransfer.selector, 10 ether - 1, 10 ether));
        stake.deposit(10 ether);
    }

    function _join(address who, bytes32 seed_) private {
        hostile.mint(who, MINIMUM);
        Keys memory keys = _keys(who, seed_);
        vm.startPrank(who);
        hostile.approve(address(stake), type(uint256).max);
        stake.register(keys, MINIMUM, "");
        vm.stopPrank();
    }

    function _expectRefused() private view {
        vm.assertTrue(hostile.attempted());
        vm.assertFalse(hostile.succeeded());
        bytes4 selector = bytes4(hostile.reason());
        vm.assertEq(bytes32(selector), bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
    }
}
