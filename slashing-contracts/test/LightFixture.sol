// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SequencerLightClient} from "../src/SequencerLightClient.sol";
import {Checkpoint} from "../src/interfaces/ISequencerLightClient.sol";
import {Member, ValidatorSet} from "../src/interfaces/IStakeManager.sol";
import {Fixture} from "./Fixture.sol";
import {Signer} from "./Signer.sol";

/// @notice A deployment with validators of equal stake who sign checkpoints.
abstract contract LightFixture is Fixture {
    SequencerLightClient internal client;

    /// Seeds by consensus key.
    mapping(bytes32 consensusKey => bytes32 seed) internal seedOf;

    /// Registers validators, moves on to the epoch that has them, and registers its set.
    function _setUpLight(uint256 validators) internal {
        _setUp(100);
        client = contracts.lightClient;
        for (uint256 i = 1; i <= validators; i++) {
            _join(i, MINIMUM);
        }
        _advance(3);
        client.registerSet(stake.currentEpoch());
    }

    function _join(uint256 i, uint128 amount) internal {
        (, bytes32 seed) = _register(i, amount);
        seedOf[vm.publicKeyEd25519(seed)] = seed;
    }

    /// A checkpoint of the present epoch's set.
    function _checkpoint(uint64 height, string memory blockId) internal view returns (Checkpoint memory) {
        bytes32 set = client.setHash(stake.currentEpoch());
        return Checkpoint(height, keccak256(bytes(blockId)), keccak256("heads"), set, set);
    }

    /// The members' seeds at the places where `signers` has a bit.
    function _seeds(uint32 epoch, uint256 signers) internal view returns (bytes32[] memory seeds) {
        Member[] memory members = stake.validatorSet(epoch).members;
        seeds = new bytes32[](members.length);
        uint256 count;
        for (uint256 i = 0; i < members.length; i++) {
            if (signers >> i & 1 == 1) seeds[count++] = seedOf[members[i].consensusKey];
        }
        assembly ("memory-safe") {
            mstore(seeds, count)
        }
    }

    function _sign(Checkpoint memory c, uint32 epoch, uint256 signers) internal view returns (bytes32[6] memory) {
        return abi.decode(Signer.checkpoint(network, _seeds(epoch, signers), c), (bytes32[6]));
    }

    /// Submits with the signatures of the present epoch's members.
    function _submit(Checkpoint memory c, uint256 signers) internal returns (bool) {
        uint32 epoch = stake.currentEpoch();
        bytes32[6] memory signature = _sign(c, epoch, signers);
        return client.submit(c, epoch, signers, signature);
    }
}
