// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Contracts, Deployment, Settings} from "../script/Deployment.sol";
import {DevToken} from "../src/dev/DevToken.sol";
import {Keys} from "../src/interfaces/IKeyVerifier.sol";
import {SlashingManager} from "../src/SlashingManager.sol";
import {StakeManager} from "../src/StakeManager.sol";
import {Signer} from "./Signer.sol";
import {TestBase} from "./TestBase.sol";

/// @notice A deployment with short epochs, and operators for it.
abstract contract Fixture is TestBase {
    address internal constant GUARDIAN = address(0x6a4d);
    address internal constant SINK = address(0x51c4);
    address internal constant REPORTER = address(0x4e90);
    bytes32 internal constant GENESIS = keccak256("genesis");
    uint128 internal constant MINIMUM = 100 ether;
    uint32 internal constant EPOCH = 10;
    uint32 internal constant EVIDENCE = 4;
    uint32 internal constant UNBONDING = 6;
    uint32 internal constant JAIL = 2;
    uint32 internal constant CORRELATION = 3;
    uint32 internal constant CONTEST = 5;
    uint32 internal constant HISTORY = 4;

    DevToken internal token;
    Contracts internal contracts;
    StakeManager internal stake;
    SlashingManager internal slashing;
    bytes32 internal network;

    function _deploy(IERC20 token_, uint32 seats) internal {
        vm.roll(1000);
        address slashingManager = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 3);
        contracts = Deployment.deploy(_settings(token_, seats), slashingManager);
        stake = contracts.stakeManager;
        slashing = contracts.slashingManager;
    }

    function _open() internal {
        vm.prank(GUARDIAN);
        slashing.openNetwork(GENESIS);
        network = slashing.networkId();
    }

    function _settings(IERC20 token_, uint32 seats) internal pure returns (Settings memory) {
        return Settings({
            token: token_,
            guardian: GUARDIAN,
            sink: SINK,
            epochLength: EPOCH,
            unbondingEpochs: UNBONDING,
            evidenceEpochs: EVIDENCE,
            jailEpochs: JAIL,
            seats: seats,
            minimumStake: MINIMUM,
            powerUnit: 1 gwei,
            baseBps: 500,
            rewardBps: 500,
            correlationEpochs: CORRELATION,
            contestBlocks: CONTEST,
            rollupFee: 1 ether,
            checkpointHistory: HISTORY
        });
    }

    function _setUp(uint32 seats) internal {
        token = new DevToken();
        _deploy(token, seats);
        _open();
    }

    /// The address and the seed of an operator's first keys.
    function _operator(uint256 i) internal pure returns (address operator, bytes32 seed) {
        seed = keccak256(abi.encode("operator", i));
        operator = address(uint160(uint256(seed)));
    }

    function _keys(address operator, bytes32 seed) internal view returns (Keys memory) {
        return Signer.keys(contracts.keyVerifier, address(stake), operator, seed);
    }

    function _fund(address operator, uint256 amount) internal {
        token.mint(operator, amount);
        vm.prank(operator);
        token.approve(address(stake), type(uint256).max);
    }

    function _register(uint256 i, uint128 amount) internal returns (address operator, bytes32 seed) {
        (operator, seed) = _operator(i);
        _fund(operator, amount);
        Keys memory keys = _keys(operator, seed);
        vm.prank(operator);
        stake.register(keys, amount, "/ip4/192.0.2.1/tcp/9000");
    }

    function _advance(uint32 epochs) internal {
        vm.roll(stake.startBlock() + uint256(stake.currentEpoch() + epochs) * EPOCH);
    }

    function _slash(bytes32 seed, uint64 height) internal returns (bytes32 slot) {
        return slashing.submitEvidence(Signer.doubleVote(network, seed, 2, height, 0), REPORTER);
    }
}
