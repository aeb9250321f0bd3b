// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {DevToken} from "../src/dev/DevToken.sol";
import {Contracts, Deployment, Settings} from "./Deployment.sol";

/// @notice The cheatcodes of forge that this script uses.
interface ScriptVm {
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function envAddress(string calldata name) external view returns (address);
    function envOr(string calldata name, uint256 otherwise) external view returns (uint256);
    function envOr(string calldata name, address otherwise) external view returns (address);
    function getNonce(address account) external view returns (uint64);
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// @notice Deploys everything:
///
///     FAIRLANE_TOKEN=0x… FAIRLANE_GUARDIAN=0x… forge script script/Deploy.s.sol --rpc-url … --broadcast --private-key …
///
/// Defaults suit Ethereum with blocks of 12 seconds: epochs of a day, 21 days of evidence, 28 of unbonding. On a
/// development chain (31337) a token that anybody can mint is deployed where none is named.
contract Deploy {
    ScriptVm private constant vm = ScriptVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev Nobody has its key: what is sent there is burned.
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// forge runs contracts with this flag as scripts.
    bool public constant IS_SCRIPT = true;

    /// Name the token that is staked in FAIRLANE_TOKEN.
    error TokenNotSet(uint256 chainId);

    event Deployed(string name, address deployed);

    function run() external returns (Contracts memory c) {
        vm.startBroadcast();
        Settings memory settings = _settings();
        address slashingManager = vm.computeCreateAddress(msg.sender, vm.getNonce(msg.sender) + 3);
        c = Deployment.deploy(settings, slashingManager);
        vm.stopBroadcast();
        emit Deployed("token", address(settings.token));
        emit Deployed("EvidenceVerifier", address(c.evidenceVerifier));
        emit Deployed("KeyVerifier", address(c.keyVerifier));
        emit Deployed("StakeManager", address(c.stakeManager));
        emit Deployed("SlashingManager", address(c.slashingManager));
        emit Deployed("RollupRegistry", address(c.rollupRegistry));
        emit Deployed("SequencerLightClient", address(c.lightClient));
    }

    function _settings() private returns (Settings memory) {
        return Settings({
            token: _token(),
            guardian: vm.envAddress("FAIRLANE_GUARDIAN"),
            sink: vm.envOr("FAIRLANE_SINK", BURN),
            epochLength: uint32(vm.envOr("FAIRLANE_EPOCH_LENGTH", 7200)),
            unbondingEpochs: uint32(vm.envOr("FAIRLANE_UNBONDING_EPOCHS", 28)),
            evidenceEpochs: uint32(vm.envOr("FAIRLANE_EVIDENCE_EPOCHS", 21)),
            jailEpochs: uint32(vm.envOr("FAIRLANE_JAIL_EPOCHS", 2)),
            seats: uint32(vm.envOr("FAIRLANE_SEATS", 100)),
            minimumStake: uint128(vm.envOr("FAIRLANE_MINIMUM_STAKE", 1000 ether)),
            powerUnit: uint128(vm.envOr("FAIRLANE_POWER_UNIT", 1 gwei)),
            baseBps: uint16(vm.envOr("FAIRLANE_BASE_BPS", 500)),
            rewardBps: uint16(vm.envOr("FAIRLANE_REWARD_BPS", 500)),
            correlationEpochs: uint32(vm.envOr("FAIRLANE_CORRELATION_EPOCHS", 14)),
            contestBlocks: uint32(vm.envOr("FAIRLANE_CONTEST_BLOCKS", 50)),
            rollupFee: vm.envOr("FAIRLANE_ROLLUP_FEE", 10 ether),
            checkpointHistory: uint32(vm.envOr("FAIRLANE_CHECKPOINT_HISTORY", 8192))
        });
    }

    function _token() private returns (IERC20) {
        address token = vm.envOr("FAIRLANE_TOKEN", address(0));
        if (token != address(0)) return IERC20(token);
        if (block.chainid != 31337) revert TokenNotSet(block.chainid);
        return new DevToken();
    }
}
