// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {KeyVerifier} from "../src/KeyVerifier.sol";
import {IKeyVerifier, Keys} from "../src/interfaces/IKeyVerifier.sol";
import {TestBase} from "./TestBase.sol";

/// @notice The proofs in test/vectors/possession.json were made by other implementations.
contract KeyVerifierTest is TestBase {
    KeyVerifier private verifier;
    Keys private keys;
    address private registry;
    address private operator;
    bytes private message;

    function setUp() public {
        verifier = new KeyVerifier();
        string memory json = vm.readFile("test/vectors/possession.json");
        vm.chainId(vm.parseJsonUint(json, ".chain_id"));
        registry = vm.parseJsonAddress(json, ".registry");
        operator = vm.parseJsonAddress(json, ".operator");
        message = vm.parseJsonBytes(json, ".message");
        keys.consensusKey = vm.parseJsonBytes32(json, ".consensus_key");
        keys.consensusProof = vm.parseJsonBytes(json, ".consensus_proof");
        keys.checkpointKey = vm.parseJsonBytes(json, ".checkpoint_key");
        keys.checkpointProof = vm.parseJsonBytes(json, ".checkpoint_proof");
        vm.assertEq(vm.publicKeyEd25519(vm.parseJsonBytes32(json, ".consensus_seed")), keys.consensusKey);
    }

    function test_goldenPossession() public view {
        vm.assertEq(
            verifier.possessionMessage(
                uint64(block.chainid), registry, operator, keys.consensusKey, keys.checkpointKey
            ),
            message
        );
        verifier.requirePossession(registry, operator, keys);
    }

    function test_refusesWhatWasProvenElsewhere() public {
        vm.expectRevert();
        verifier.requirePossession(operator, operator, keys);
        vm.expectRevert();
        verifier.requirePossession(registry, registry, keys);
        vm.chainId(1);
        vm.expectRevert();
        verifier.requirePossession(registry, operator, keys);
    }

    function test_namesWhatIsWrong() public {
        Keys memory changed = keys;
        changed.consensusProof = new bytes(63);
        _expect(
            changed, abi.encodeWithSelector(IKeyVerifier.InvalidConsensusProof.selector, keys.consensusKey, message)
        );
        changed = keys;
        changed.checkpointProof = new bytes(256);
        _expect(
            changed, abi.encodeWithSelector(IKeyVerifier.InvalidCheckpointProof.selector, keys.checkpointKey, message)
        );
        changed = keys;
        changed.checkpointKey = new bytes(96);
        _expect(changed, abi.encodeWithSelector(IKeyVerifier.WrongCheckpointKeyLength.selector, 96));
        changed = keys;
        changed.consensusKey = bytes32(0);
        _expect(changed, abi.encodeWithSelector(IKeyVerifier.UnusableConsensusKey.selector, bytes32(0)));
    }

    function _expect(Keys memory changed, bytes memory reason) private {
        vm.expectRevert(reason);
        verifier.requirePossession(registry, operator, changed);
    }
}
