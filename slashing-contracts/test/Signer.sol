// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bls12381} from "../src/crypto/Bls12381.sol";
import {IKeyVerifier, Keys} from "../src/interfaces/IKeyVerifier.sol";
import {Checkpoint} from "../src/interfaces/ISequencerLightClient.sol";
import {Vm} from "./TestBase.sol";

/// @notice Signs what validators sign. ed25519 by forge itself, BLS by the precompiles that multiply points.
library Signer {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    bytes private constant G1 = hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
        hex"6c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4"
        hex"fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
    bytes private constant CHECKPOINT_TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    /// @dev The order of the groups.
    uint256 private constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    bytes private constant POSSESSION_TAG = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    /// @notice A vote; block id zero is nil.
    struct Vote {
        uint8 kind;
        uint64 height;
        uint32 round;
        bytes32 blockId;
    }

    struct Proposal {
        uint64 height;
        uint32 round;
        bool hasPolRound;
        uint32 polRound;
        bytes32 blockId;
    }

    /// @notice A signed vote as evidence has it.
    function vote(bytes32 network, bytes32 seed, Vote memory v) internal pure returns (bytes memory) {
        bytes memory fields = abi.encodePacked(v.kind, v.height, v.round, v.blockId != 0, v.blockId);
        return _record("FAIRLANE-VOT-v1", network, seed, fields);
    }

    /// @notice A signed proposal as evidence has it.
    function proposal(bytes32 network, bytes32 seed, Proposal memory p) internal pure returns (bytes memory) {
        bytes memory fields = abi.encodePacked(p.height, p.round, p.hasPolRound, p.polRound, p.blockId);
        return _record("FAIRLANE-PRO-v1", network, seed, fields);
    }

    /// @notice A signed segment header as evidence has it; `content` stands for what it commits to.
    function segment(bytes32 network, bytes32 seed, uint32 incarnation, uint64 seq, bytes32 content)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory header = abi.encodePacked(
            network,
            vm.publicKeyEd25519(seed),
            incarnation,
            seq,
            seq == 1 ? bytes32(0) : keccak256("parent"),
            uint64(1_700_000_000_000_000_000),
            content,
            uint32(3),
            keccak256("transactions")
        );
        return bytes.concat(header, vm.signEd25519("", abi.encodePacked("FAIRLANE-SEG-v1", sha256(header)), seed));
    }

    /// @notice Evidence of a vote for a block and one for nil.
    function doubleVote(bytes32 network, bytes32 seed, uint8 kind, uint64 height, uint32 round)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory first = vote(network, seed, Vote(kind, height, round, keccak256("a")));
        return abi.encodePacked(uint8(2), first, vote(network, seed, Vote(kind, height, round, keccak256("b"))));
    }

    function doubleProposal(bytes32 network, bytes32 seed, uint64 height, uint32 round)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory first = proposal(network, seed, Proposal(height, round, false, 0, keccak256("a")));
        bytes memory second = proposal(network, seed, Proposal(height, round, false, 0, keccak256("b")));
        return abi.encodePacked(uint8(3), first, second);
    }

    function laneEquivocation(bytes32 network, bytes32 seed, uint32 incarnation, uint64 seq)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory first = segment(network, seed, incarnation, seq, keccak256("a"));
        return abi.encodePacked(uint8(1), first, segment(network, seed, incarnation, seq, keccak256("b")));
    }

    /// @notice The sum of the signatures of those whose seeds are given, without padding.
    function checkpoint(bytes32 network, bytes32[] memory seeds, Checkpoint memory c)
        internal
        view
        returns (bytes memory)
    {
        uint256 secret;
        for (uint256 i = 0; i < seeds.length; i++) {
            secret = addmod(secret, _secret(seeds[i]), ORDER);
        }
        bytes memory message =
            abi.encodePacked("FAIRLANE-CKP-v1", sha256(abi.encodePacked(network, checkpointFields(c))));
        return unpadded(_multiply(address(0x0e), Bls12381.hashToG2(message, CHECKPOINT_TAG), secret));
    }

    /// @notice A checkpoint without its network, as evidence has it.
    function checkpointFields(Checkpoint memory c) internal pure returns (bytes memory) {
        return abi.encodePacked(c.height, c.blockId, c.headsRoot, c.validatorsHash, c.nextValidatorsHash);
    }

    /// @notice Evidence of two checkpoints.
    function doubleCheckpoint(bytes32 network, bytes32 seed, Checkpoint memory first, Checkpoint memory second)
        internal
        view
        returns (bytes memory)
    {
        bytes32[] memory seeds = new bytes32[](1);
        seeds[0] = seed;
        return abi.encodePacked(
            uint8(4),
            vm.publicKeyEd25519(seed),
            unpadded(checkpointKey(seed)),
            checkpointFields(first),
            checkpoint(network, seeds, first),
            checkpointFields(second),
            checkpoint(network, seeds, second)
        );
    }

    /// @notice The BLS key that follows from a seed.
    function checkpointKey(bytes32 seed) internal view returns (bytes memory) {
        return _multiply(address(0x0c), G1, _secret(seed));
    }

    /// @notice The key that, added to `others`, gives the key of the seed's secret.
    function rogueKey(bytes32 seed, bytes memory others) internal view returns (bytes memory key) {
        bytes memory negative = _multiply(address(0x0c), others, ORDER - 1);
        (, key) = address(0x0b).staticcall(bytes.concat(checkpointKey(seed), negative));
    }

    /// @notice A point without the 16 zeros in front of each of its coordinates.
    function unpadded(bytes memory point) internal pure returns (bytes memory bare) {
        bare = new bytes(point.length / 64 * 48);
        for (uint256 i = 0; i < bare.length; i++) {
            bare[i] = point[i / 48 * 64 + 16 + i % 48];
        }
    }

    /// @notice The keys that follow from a seed, with proofs for `operator` at `registry`.
    function keys(IKeyVerifier verifier, address registry, address operator, bytes32 seed)
        internal
        view
        returns (Keys memory made)
    {
        made.consensusKey = vm.publicKeyEd25519(seed);
        made.checkpointKey = checkpointKey(seed);
        bytes memory message = verifier.possessionMessage(
            uint64(block.chainid), registry, operator, made.consensusKey, made.checkpointKey
        );
        made.consensusProof = vm.signEd25519("", message, seed);
        made.checkpointProof = _multiply(address(0x0e), Bls12381.hashToG2(message, POSSESSION_TAG), _secret(seed));
    }

    function _record(bytes15 domain, bytes32 network, bytes32 seed, bytes memory fields)
        private
        pure
        returns (bytes memory)
    {
        bytes memory message = abi.encodePacked(domain, sha256(abi.encodePacked(network, fields)));
        return abi.encodePacked(vm.publicKeyEd25519(seed), fields, vm.signEd25519("", message, seed));
    }

    function _secret(bytes32 seed) private pure returns (uint256) {
        return uint256(seed) >> 8;
    }

    /// @dev One point times one scalar, by the precompile for sums of products.
    function _multiply(address precompile, bytes memory point, uint256 scalar) private view returns (bytes memory) {
        (bool ok, bytes memory product) = precompile.staticcall(abi.encodePacked(point, scalar));
        require(ok, "multiplication on BLS12-381");
        return product;
    }
}
