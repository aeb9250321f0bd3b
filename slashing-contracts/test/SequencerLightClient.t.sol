// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SequencerLightClient} from "../src/SequencerLightClient.sol";
import {Checkpoint, HeadPath, ISequencerLightClient} from "../src/interfaces/ISequencerLightClient.sol";
import {IKeyVerifier, Keys} from "../src/interfaces/IKeyVerifier.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {LightFixture} from "./LightFixture.sol";
import {Signer} from "./Signer.sol";

/// @notice A StakeManager with more seats than a page has room for.
contract ManySeats {
    function seats() external pure returns (uint32) {
        return 236;
    }
}

contract SequencerLightClientTest is LightFixture {
    uint256 private constant VALIDATORS = 4;
    /// Three of four are a quorum.
    uint256 private constant QUORUM = 3;
    uint256 private constant ALL = 15;

    function setUp() public {
        _setUpLight(VALIDATORS);
    }

    // Acceptance

    function test_acceptsEachQuorum() public {
        uint64 height;
        for (uint256 signers = 1; signers <= ALL; signers++) {
            Checkpoint memory c = _checkpoint(++height, "block");
            if (_count(signers) < QUORUM) {
                uint256 power = _count(signers) * uint256(MINIMUM) / 1 gwei;
                uint256 quorum = stake.validatorSet(_epoch()).quorum;
                _expectRefusal(
                    c, signers, abi.encodeWithSelector(ISequencerLightClient.NoQuorum.selector, power, quorum)
                );
            } else {
                vm.assertTrue(_submit(c, signers));
                _expectLatest(c);
            }
        }
        (uint64 number,,) = client.latest();
        vm.assertEq(number, 5);
    }

    function test_announcesWhatItAccepts() public {
        Checkpoint memory c = _checkpoint(7, "block");
        bytes32[6] memory signature = _sign(c, _epoch(), ALL);
        uint32 epoch = _epoch();
        vm.expectEmit(address(client));
        emit ISequencerLightClient.CheckpointAccepted(1, c);
        client.submit(c, epoch, ALL, signature);
    }

    function test_theNewestAgainChangesNothing() public {
        Checkpoint memory c = _checkpoint(7, "block");
        vm.assertTrue(_submit(c, ALL));
        vm.assertFalse(_submit(c, ALL));
        // Others collected other signatures for it, or send it without any.
        vm.assertFalse(_submit(c, 7));
        bytes32[6] memory nothing;
        vm.assertFalse(client.submit(c, 99, 0, nothing));
        (uint64 number,,) = client.latest();
        vm.assertEq(number, 1);
    }

    function test_heightsGrow() public {
        _submit(_checkpoint(7, "block"), ALL);
        bytes memory stale = abi.encodeWithSelector(ISequencerLightClient.StaleCheckpoint.selector, 6, 7);
        _expectRefusal(_checkpoint(6, "block"), ALL, stale);
        stale = abi.encodeWithSelector(ISequencerLightClient.StaleCheckpoint.selector, 7, 7);
        _expectRefusal(_checkpoint(7, "another"), ALL, stale);
        stale = abi.encodeWithSelector(ISequencerLightClient.StaleCheckpoint.selector, 0, 7);
        _expectRefusal(_checkpoint(0, "block"), ALL, stale);
        bytes memory high = abi.encodeWithSelector(ISequencerLightClient.HeightTooLarge.selector, 2 ** 40 - 1);
        _expectRefusal(_checkpoint(2 ** 40 - 1, "block"), ALL, high);
        vm.assertTrue(_submit(_checkpoint(2 ** 40 - 2, "block"), ALL));
    }

    /// Height zero is no block's.
    function test_refusesHeightZeroAtFirst() public {
        bytes memory stale = abi.encodeWithSelector(ISequencerLightClient.StaleCheckpoint.selector, 0, 0);
        _expectRefusal(_checkpoint(0, "block"), ALL, stale);
    }

    // Signatures

    /// Nobody is added to those who signed, or left out, and nothing that they signed is changed.
    function testFuzz_refusesOtherSigners(uint8 claimed, uint8 signing) public {
        claimed = uint8(claimed & ALL);
        signing = uint8(signing & ALL);
        vm.assume(claimed != signing && _count(claimed) >= QUORUM);
        Checkpoint memory c = _checkpoint(7, "block");
        _expectInvalid(c, claimed, _sign(c, _epoch(), signing));
    }

    function testFuzz_refusesAlteredFields(uint8 field, uint256 bit) public {
        Checkpoint memory c = _checkpoint(7, "block");
        bytes32[6] memory signature = _sign(c, _epoch(), ALL);
        bytes32 flip = bytes32(uint256(1) << (bit % 256));
        if (field % 4 == 0) c.height ^= uint64(1) << uint64(3 + bit % 30);
        if (field % 4 == 1) c.blockId ^= flip;
        if (field % 4 == 2) c.headsRoot ^= flip;
        if (field % 4 == 3) c.nextValidatorsHash ^= flip;
        _expectInvalid(c, ALL, signature);
    }

    function testFuzz_refusesAlteredSignatures(uint256 bit) public {
        Checkpoint memory c = _checkpoint(7, "block");
        bytes32[6] memory signature = _sign(c, _epoch(), ALL);
        bit %= 1536;
        signature[bit / 256] ^= bytes32(uint256(1) << (bit % 256));
        _expectInvalid(c, ALL, signature);
    }

    function test_refusesOtherNetworks() public {
        Checkpoint memory c = _checkpoint(7, "block");
        bytes memory signature = Signer.checkpoint(~network, _seeds(_epoch(), ALL), c);
        _expectInvalid(c, ALL, abi.decode(signature, (bytes32[6])));
    }

    /// The signature that the sum of no keys would have.
    function test_refusesTheNeutralSignature() public {
        bytes32[6] memory neutral;
        _expectInvalid(_checkpoint(7, "block"), ALL, neutral);
    }

    function test_refusesSignersWhoDoNotExist() public {
        Checkpoint memory c = _checkpoint(7, "block");
        for (uint256 bit = VALIDATORS; bit < 256; bit += 9) {
            uint256 signers = ALL | 1 << bit;
            _expectRefusal(
                c, signers, abi.encodeWithSelector(ISequencerLightClient.UnknownSigner.selector, signers, VALIDATORS)
            );
        }
    }

    /// A key that is made of others' keys would sign for them. Who registers one has to prove that it has the secret.
    function test_rogueKeysAreNotRegistered() public {
        bytes memory others = Signer.checkpointKey(_seeds(_epoch(), 1)[0]);
        (address operator, bytes32 seed) = _operator(66);
        bytes memory rogue = Signer.rogueKey(seed, others);
        (, bytes memory sum) = address(0x0b).staticcall(bytes.concat(rogue, others));
        vm.assertEq(sum, Signer.checkpointKey(seed));
        Keys memory keys = _keys(operator, seed);
        keys.checkpointKey = rogue;
        bytes memory message = contracts.keyVerifier
            .possessionMessage(uint64(block.chainid), address(stake), operator, keys.consensusKey, rogue);
        keys.consensusProof = vm.signEd25519("", message, seed);
        _fund(operator, MINIMUM);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IKeyVerifier.InvalidCheckpointProof.selector, rogue, message));
        stake.register(keys, MINIMUM, "");
    }

    // Sets

    function test_followsTheStakeManager() public {
        _submit(_checkpoint(1, "block"), ALL);
        _join(5, 3 * MINIMUM);
        _advance(3);
        uint32 epoch = _epoch();
        uint32 old = epoch - 1;
        client.registerSet(old);
        bytes32 hash = client.registerSet(epoch);
        vm.assertTrue(hash != client.setHash(old));
        // The newcomer has three of seven, so the others are no quorum any more.
        Checkpoint memory c = _checkpoint(2, "block");
        uint256 newcomer = _place(5);
        _expectRefusalWith(ISequencerLightClient.NoQuorum.selector, c, 31 ^ newcomer);
        vm.assertTrue(_submit(c, 31 ^ (newcomer == 1 ? 2 : 1)));
        // The old set is trusted for a while longer, and signs for itself only.
        c = _checkpoint(3, "block");
        bytes32[6] memory signature = _sign(c, old, ALL);
        bytes32 oldHash = client.setHash(old);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.WrongValidatorSet.selector, hash, oldHash));
        client.submit(c, old, ALL, signature);
        c.validatorsHash = oldHash;
        signature = _sign(c, old, ALL);
        vm.assertTrue(client.submit(c, old, ALL, signature));
    }

    function test_anUnchangedSetIsRegisteredForMoreEpochs() public {
        bytes32 hash = client.setHash(_epoch());
        vm.assertEq(client.registerSet(_epoch()), hash);
        _advance(1);
        vm.assertEq(client.setHash(_epoch()), 0);
        vm.assertEq(client.registerSet(_epoch()), hash);
        vm.assertEq(client.setHash(_epoch()), hash);
        vm.assertTrue(_submit(_checkpoint(1, "block"), ALL));
    }

    function test_refusesSetsThatAreNotThere() public {
        uint32 epoch = _epoch();
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.SetNotFixed.selector, epoch + 3, epoch));
        client.registerSet(epoch + 3);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.EmptySet.selector, 2));
        client.registerSet(2);
        Checkpoint memory c = _checkpoint(7, "block");
        bytes32[6] memory signature = _sign(c, epoch, ALL);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.UnknownSet.selector, epoch + 1));
        client.submit(c, epoch + 1, ALL, signature);
        client.registerSet(epoch + 2);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.SetNotInUse.selector, epoch + 2, epoch));
        client.submit(c, epoch + 2, ALL, signature);
    }

    /// Members may have left since, and evidence does not reach them for ever.
    function test_oldSetsAreNotTrusted() public {
        uint32 old = _epoch();
        uint32 last = old + client.trustEpochs();
        vm.assertEq(client.trustEpochs(), EVIDENCE / 2);
        Checkpoint memory c = _checkpoint(1, "block");
        bytes32[6] memory signature = _sign(c, old, ALL);
        _advance(last - old);
        vm.assertTrue(client.submit(c, old, ALL, signature));
        c.height++;
        signature = _sign(c, old, ALL);
        _advance(1);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.SetTooOld.selector, old, last, last + 1));
        client.submit(c, old, ALL, signature);
        // The same set is that of a later epoch, too.
        client.registerSet(last + 1);
        vm.assertTrue(client.submit(c, last + 1, ALL, signature));
    }

    function test_needsTheNetwork() public {
        _deploy(token, 4);
        client = contracts.lightClient;
        vm.expectRevert(ISequencerLightClient.NetworkNotOpen.selector);
        client.registerSet(2);
    }

    function test_refusesBadParameters() public {
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.InvalidParameter.selector, "stakeManager"));
        new SequencerLightClient(IStakeManager(address(1)), 1);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.InvalidParameter.selector, "history"));
        new SequencerLightClient(stake, 0);
        IStakeManager many = IStakeManager(address(new ManySeats()));
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.InvalidParameter.selector, "seats"));
        new SequencerLightClient(many, 1);
    }

    // Proofs

    /// The same heads trees and paths that the Rust side makes.
    function test_goldenHeadPaths() public {
        string memory json = vm.readFile("../consensus/types/vectors/head_proofs.json");
        uint64 height;
        uint256 shown;
        for (uint256 i = 0; vm.keyExistsJson(json, _case(i, "")); i++) {
            if (!vm.keyExistsJson(json, _case(i, ".leaf_bytes"))) continue;
            Checkpoint memory c = _checkpoint(++height, "block");
            HeadPath memory path = _goldenPath(json, i);
            c.headsRoot = vm.parseJsonBytes32(json, _case(i, ".root"));
            _submit(c, ALL);
            client.prove(height, c, path);
            _expectWrongPaths(height, c, path);
            shown++;
        }
        vm.assertGt(shown, 2, "golden paths");
    }

    function test_provesAgainstAcceptedCheckpointsOnly() public {
        Checkpoint memory c = _checkpoint(1, "block");
        HeadPath memory path = HeadPath(9, 4, keccak256("head"), 1, 0, 1, new bytes32[](0));
        bytes32 leaf = sha256(abi.encodePacked(uint8(0), uint64(9), uint64(4), keccak256("head"), uint64(1)));
        c.headsRoot = sha256(abi.encodePacked("FAIRLANE-HDS-v1", uint64(1), leaf));
        _expectUnknown(1, c, path);
        _expectUnknown(0, c, path);
        _submit(c, ALL);
        client.prove(1, c, path);
        // All of the checkpoint counts.
        c.blockId = ~c.blockId;
        _expectUnknown(1, c, path);
        c.blockId = ~c.blockId;
        // It stays until the ring comes round.
        for (uint64 height = 2; height <= HISTORY; height++) {
            _submit(_checkpoint(height, "block"), ALL);
            client.prove(1, c, path);
        }
        _submit(_checkpoint(HISTORY + 1, "block"), ALL);
        _expectUnknown(1, c, path);
    }

    // Conflicts

    function test_haltsOnConflict() public {
        Checkpoint memory accepted = _checkpoint(7, "block");
        _submit(accepted, ALL);
        _submit(_checkpoint(9, "block"), ALL);
        Checkpoint memory other = _checkpoint(7, "another");
        bytes32[6] memory signature = _sign(other, _epoch(), 7);
        client.reportConflict(1, accepted, other, _epoch(), 7, signature);
        (, uint64 height,) = client.latest();
        vm.assertEq(height, 2 ** 40 - 1);

        _expectRefusal(_checkpoint(10, "block"), ALL, abi.encodeWithSelector(ISequencerLightClient.IsHalted.selector));
        HeadPath memory path;
        vm.expectRevert(ISequencerLightClient.IsHalted.selector);
        client.prove(1, accepted, path);
        vm.expectRevert(ISequencerLightClient.IsHalted.selector);
        client.reportConflict(1, accepted, other, 3, 7, signature);
    }

    function test_haltsOnNothingLess() public {
        Checkpoint memory accepted = _checkpoint(7, "block");
        _submit(accepted, ALL);
        uint32 epoch = _epoch();
        // The same, another height, one that was not accepted, one that too few signed.
        Checkpoint memory other = _checkpoint(7, "block");
        bytes32[6] memory signature = _sign(other, epoch, ALL);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.NoConflict.selector, 7, 7));
        client.reportConflict(1, accepted, other, epoch, ALL, signature);
        other = _checkpoint(8, "another");
        signature = _sign(other, epoch, ALL);
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.NoConflict.selector, 7, 8));
        client.reportConflict(1, accepted, other, epoch, ALL, signature);
        vm.expectRevert();
        client.reportConflict(1, other, accepted, epoch, ALL, signature);
        other = _checkpoint(7, "another");
        signature = _sign(other, epoch, 3);
        vm.expectRevert();
        client.reportConflict(1, accepted, other, epoch, 3, signature);
        vm.expectRevert(ISequencerLightClient.InvalidSignature.selector);
        client.reportConflict(1, accepted, other, epoch, 7, signature);
        vm.assertTrue(_submit(_checkpoint(8, "block"), ALL));
    }

    // Help

    function _goldenPath(string memory json, uint256 i) private pure returns (HeadPath memory path) {
        bytes memory leaf = vm.parseJsonBytes(json, _case(i, ".leaf_bytes"));
        path.rollup = uint64(_number(leaf, 0, 8));
        path.index = uint64(_number(leaf, 8, 8));
        path.head = bytes32(_number(leaf, 16, 32));
        path.lastHeight = uint64(_number(leaf, 48, 8));
        path.position = uint64(vm.parseJsonUint(json, _case(i, ".leaf_position")));
        path.size = uint64(vm.parseJsonUint(json, _case(i, ".size")));
        path.siblings = vm.parseJsonBytes32Array(json, _case(i, ".leaf_siblings"));
    }

    function _number(bytes memory data, uint256 offset, uint256 length) private pure returns (uint256 value) {
        for (uint256 i = offset; i < offset + length; i++) {
            value = value << 8 | uint8(data[i]);
        }
    }

    function _expectWrongPaths(uint64 number, Checkpoint memory c, HeadPath memory path) private {
        path.index++;
        _expectWrongPath(number, c, path);
        path.index--;
        path.head = ~path.head;
        _expectWrongPath(number, c, path);
        path.head = ~path.head;
        path.size++;
        _expectWrongPath(number, c, path);
        path.size--;
        path.position = path.size;
        _expectWrongPath(number, c, path);
        path.position = path.size - 1;
        path.siblings = new bytes32[](path.siblings.length + 1);
        _expectWrongPath(number, c, path);
    }

    function _expectWrongPath(uint64 number, Checkpoint memory c, HeadPath memory path) private {
        (bool ok, bytes memory reason) =
            address(client).call(abi.encodeCall(ISequencerLightClient.prove, (number, c, path)));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(reason)), bytes32(ISequencerLightClient.WrongPath.selector));
    }

    function _expectUnknown(uint64 number, Checkpoint memory c, HeadPath memory path) private {
        bytes32 digest = keccak256(abi.encode(c));
        vm.expectRevert(abi.encodeWithSelector(ISequencerLightClient.UnknownCheckpoint.selector, number, digest));
        client.prove(number, c, path);
    }

    function _expectRefusal(Checkpoint memory c, uint256 signers, bytes memory reason) private {
        uint32 epoch = _epoch();
        bytes32[6] memory signature = _sign(c, epoch, signers);
        vm.expectRevert(reason);
        client.submit(c, epoch, signers, signature);
    }

    function _expectRefusalWith(bytes4 selector, Checkpoint memory c, uint256 signers) private {
        uint32 epoch = _epoch();
        (bool ok, bytes memory reason) = address(client)
            .call(abi.encodeCall(ISequencerLightClient.submit, (c, epoch, signers, _sign(c, epoch, signers))));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(reason)), bytes32(selector));
    }

    /// A precompile that refuses its input takes all gas that it is given.
    function _expectInvalid(Checkpoint memory c, uint256 signers, bytes32[6] memory signature) private {
        uint32 epoch = _epoch();
        (bool ok, bytes memory reason) = address(client).call{gas: 1_000_000}(
            abi.encodeCall(ISequencerLightClient.submit, (c, epoch, signers, signature))
        );
        vm.assertFalse(ok);
        vm.assertEq(reason, abi.encodeWithSelector(ISequencerLightClient.InvalidSignature.selector));
    }

    function _expectLatest(Checkpoint memory c) private view {
        (, uint64 height, bytes32 digest) = client.latest();
        vm.assertEq(height, c.height);
        vm.assertEq(digest, keccak256(abi.encode(c)));
    }

    /// The bit of the validator with this number in the present set.
    function _place(uint256 i) private view returns (uint256) {
        (, bytes32 seed) = _operator(i);
        bytes32[] memory seeds = _seeds(_epoch(), 31);
        for (uint256 place = 0; place < seeds.length; place++) {
            if (seeds[place] == seed) return 1 << place;
        }
        return 0;
    }

    function _epoch() private view returns (uint32) {
        return stake.currentEpoch();
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits >>= 1) {
            count += bits & 1;
        }
    }

    function _case(uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(i), "]", key);
    }
}
