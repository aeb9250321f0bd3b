// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Keys} from "../src/interfaces/IKeyVerifier.sol";
import {RollupSettings} from "../src/interfaces/IRollupRegistry.sol";
import {Fixture} from "./Fixture.sol";
import {Signer} from "./Signer.sol";

/// @notice What transactions cost, base and calldata included, in a network with ten validators.
/// forge-config: default.isolate = true
contract GasTest is Fixture {
    uint256 private constant VALIDATORS = 10;

    function setUp() public {
        _setUp(100);
        for (uint256 i = 1; i <= VALIDATORS; i++) {
            _register(i, 10 * MINIMUM);
        }
        _advance(5);
    }

    function test_register() public {
        (address operator, bytes32 seed) = _operator(99);
        _fund(operator, MINIMUM);
        Keys memory keys = _keys(operator, seed);
        vm.prank(operator);
        stake.register(keys, MINIMUM, "/ip4/192.0.2.1/tcp/9000");
        _record("register");
    }

    function test_depositAndWithdraw() public {
        (address operator,) = _operator(1);
        _fund(operator, MINIMUM);
        vm.prank(operator);
        stake.deposit(MINIMUM);
        _record("deposit");
        vm.prank(operator);
        stake.requestUnbond(MINIMUM);
        _record("requestUnbond");
        _advance(3 + UNBONDING);
        vm.prank(operator);
        stake.claim();
        _record("claim");
    }

    function test_rotateKeys() public {
        (address operator,) = _operator(1);
        Keys memory keys = _keys(operator, keccak256("new"));
        vm.prank(operator);
        stake.rotateKeys(keys);
        _record("rotateKeys");
    }

    function test_offences() public {
        _submit("double prevote", Signer.doubleVote(network, _seed(1), 1, 7, 0));
        _submit("double precommit", Signer.doubleVote(network, _seed(2), 2, 7, 0));
        _submit("double proposal", Signer.doubleProposal(network, _seed(3), 7, 0));
        _submit("lane equivocation", Signer.laneEquivocation(network, _seed(4), 1, 7));
        _submit("double prevote, same offender again", Signer.doubleVote(network, _seed(1), 1, 8, 0));
    }

    function test_rewardAndSettlement() public {
        (address operator, bytes32 seed) = _operator(1);
        slashing.commit("commitment");
        _record("commit");
        bytes32 slot = _slash(seed, 1);
        vm.roll(block.number + CONTEST + 1);
        slashing.collectReward(slot);
        _record("collectReward");
        _advance(3 + UNBONDING);
        slashing.settle(operator);
        _record("settle");
    }

    function test_registerRollup() public {
        token.mint(address(this), 1 ether);
        token.approve(address(contracts.rollupRegistry), 1 ether);
        contracts.rollupRegistry.register(7, 0, 0, RollupSettings(address(0), new bytes32[](0), ""));
        _record("register a rollup");
    }

    function _submit(string memory name, bytes memory evidence) private {
        slashing.submitEvidence(evidence, REPORTER);
        _record(name);
    }

    function _record(string memory name) private {
        vm.snapshotGasLastCall("gas", name);
    }

    function _seed(uint256 i) private pure returns (bytes32 seed) {
        (, seed) = _operator(i);
    }
}
