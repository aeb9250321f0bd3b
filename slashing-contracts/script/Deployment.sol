// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {EvidenceVerifier} from "../src/EvidenceVerifier.sol";
import {KeyVerifier} from "../src/KeyVerifier.sol";
import {RollupRegistry} from "../src/RollupRegistry.sol";
import {SequencerLightClient} from "../src/SequencerLightClient.sol";
import {SlashingManager} from "../src/SlashingManager.sol";
import {StakeManager} from "../src/StakeManager.sol";

/// @notice All contracts of a deployment.
struct Contracts {
    EvidenceVerifier evidenceVerifier;
    KeyVerifier keyVerifier;
    StakeManager stakeManager;
    SlashingManager slashingManager;
    RollupRegistry rollupRegistry;
    SequencerLightClient lightClient;
}

/// @notice What a deployment decides; units and meanings stand at the contracts' own parameters.
struct Settings {
    IERC20 token;
    address guardian;
    address sink;
    uint32 epochLength;
    uint32 unbondingEpochs;
    uint32 evidenceEpochs;
    uint32 jailEpochs;
    uint32 seats;
    uint128 minimumStake;
    uint128 powerUnit;
    uint16 baseBps;
    uint16 rewardBps;
    uint32 correlationEpochs;
    uint32 contestBlocks;
    uint256 rollupFee;
    uint32 checkpointHistory;
}

/// @notice The contracts in the order in which they are created. StakeManager and SlashingManager name each other for ever,
/// so the StakeManager gets the address that the contract created after it will have.
library Deployment {
    /// @param slashingManager The address of the creator's fourth contract from now.
    function deploy(Settings memory s, address slashingManager) internal returns (Contracts memory c) {
        c.evidenceVerifier = new EvidenceVerifier();
        c.keyVerifier = new KeyVerifier();
        c.stakeManager = new StakeManager(
            StakeManager.Parameters({
                token: s.token,
                keyVerifier: c.keyVerifier,
                slashingManager: slashingManager,
                guardian: s.guardian,
                sink: s.sink,
                epochLength: s.epochLength,
                unbondingEpochs: s.unbondingEpochs,
                evidenceEpochs: s.evidenceEpochs,
                jailEpochs: s.jailEpochs,
                seats: s.seats,
                minimumStake: s.minimumStake,
                powerUnit: s.powerUnit
            })
        );
        c.slashingManager = new SlashingManager(
            SlashingManager.Parameters({
                stakeManager: c.stakeManager,
                evidenceVerifier: c.evidenceVerifier,
                guardian: s.guardian,
                baseBps: s.baseBps,
                rewardBps: s.rewardBps,
                correlationEpochs: s.correlationEpochs,
                contestBlocks: s.contestBlocks
            })
        );
        c.rollupRegistry = new RollupRegistry(c.stakeManager, s.token, s.rollupFee, s.sink);
        c.lightClient = new SequencerLightClient(c.stakeManager, s.checkpointHistory);
    }
}
