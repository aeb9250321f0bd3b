// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EvidenceVerifier} from "../src/EvidenceVerifier.sol";
import {IEvidenceVerifier, Offence, OffenceKind} from "../src/interfaces/IEvidenceVerifier.sol";
import {Checkpoint} from "../src/interfaces/ISequencerLightClient.sol";
import {Signer} from "./Signer.sol";
import {TestBase} from "./TestBase.sol";

contract EvidenceVerifierTest is TestBase {
    bytes32 private constant NETWORK = keccak256("a network");
    bytes32 private constant SEED = keccak256("an offender");

    EvidenceVerifier private verifier;

    function setUp() public {
        verifier = new EvidenceVerifier();
    }

    /// The same bytes that the Rust side encodes and judges.
    function test_goldenVectors() public {
        string memory json = vm.readFile("../consensus/types/vectors/evidence.json");
        for (uint256 i = 0; i < 3; i++) {
            string memory path = string.concat(".cases[", vm.toString(i), "]");
            bytes memory evidence = vm.parseJsonBytes(json, string.concat(path, ".encoding"));
            bytes32 network = vm.parseJsonBytes32(json, string.concat(path, ".network"));
            Offence memory offence = verifier.verify(network, evidence);
            vm.assertEq(offence.validator, vm.parseJsonBytes32(json, string.concat(path, ".offender")));
            vm.assertEq(uint256(uint8(evidence[0])), vm.parseJsonUint(json, string.concat(path, ".kind")));
            OffenceKind[3] memory kinds =
                [OffenceKind.LaneEquivocation, OffenceKind.DoublePrecommit, OffenceKind.DoubleProposal];
            vm.assertEq(uint256(offence.kind), uint256(kinds[i]));
            vm.expectRevert();
            verifier.verify(~network, evidence);
        }
        vm.assertFalse(vm.keyExistsJson(json, ".cases[3]"));
    }

    /// The sign bytes that tests sign are those of the golden votes, proposals and segments.
    function test_testSignerMatchesGoldenVotes() public view {
        string memory json = vm.readFile("../consensus/types/vectors/votes.json");
        for (uint256 i = 0; vm.keyExistsJson(json, string.concat(".cases[", vm.toString(i), "]")); i++) {
            string memory path = string.concat(".cases[", vm.toString(i), "]");
            bytes32 network = vm.parseJsonBytes32(json, string.concat(path, ".network"));
            Signer.Vote memory vote = Signer.Vote({
                kind: uint8(vm.parseJsonUint(json, string.concat(path, ".kind"))),
                height: uint64(vm.parseJsonUint(json, string.concat(path, ".height"))),
                round: uint32(vm.parseJsonUint(json, string.concat(path, ".round"))),
                blockId: vm.parseJsonBytes32(json, string.concat(path, ".block"))
            });
            bytes memory record = Signer.vote(network, vm.parseJsonBytes32(json, string.concat(path, ".seed")), vote);
            vm.assertEq(record, vm.parseJsonBytes(json, string.concat(path, ".encoding")));
        }
    }

    function test_doublePrevote() public view {
        _expect(Signer.doubleVote(NETWORK, SEED, 1, 7, 3), OffenceKind.DoublePrevote);
    }

    function test_doublePrecommit() public view {
        _expect(Signer.doubleVote(NETWORK, SEED, 2, 7, 3), OffenceKind.DoublePrecommit);
    }

    function test_doubleProposal() public view {
        _expect(Signer.doubleProposal(NETWORK, SEED, 7, 3), OffenceKind.DoubleProposal);
    }

    function test_laneEquivocation() public view {
        _expect(Signer.laneEquivocation(NETWORK, SEED, 1, 9), OffenceKind.LaneEquivocation);
        _expect(Signer.laneEquivocation(NETWORK, SEED, 0, 1), OffenceKind.LaneEquivocation);
    }

    function test_doubleCheckpoint() public view {
        bytes memory evidence = Signer.doubleCheckpoint(NETWORK, SEED, _checkpoint(7, "a"), _checkpoint(7, "b"));
        _expect(evidence, OffenceKind.DoubleCheckpoint);
        Offence memory offence = verifier.verify(NETWORK, evidence);
        vm.assertEq(offence.checkpointKeyHash, keccak256(Signer.checkpointKey(SEED)));
        bytes32 validator = vm.publicKeyEd25519(SEED);
        vm.assertEq(offence.slot, keccak256(abi.encodePacked(uint8(4), validator, uint64(7))));
    }

    /// Whatever differs: one height has one checkpoint.
    function testFuzz_checkpointsThatDiffer(uint8 field, bytes32 value) public view {
        Checkpoint memory first = _checkpoint(7, "a");
        Checkpoint memory second = _checkpoint(7, "a");
        vm.assume(value != first.blockId && value != first.headsRoot);
        vm.assume(value != first.validatorsHash && value != first.nextValidatorsHash);
        if (field % 4 == 0) second.blockId = value;
        if (field % 4 == 1) second.headsRoot = value;
        if (field % 4 == 2) second.validatorsHash = value;
        if (field % 4 == 3) second.nextValidatorsHash = value;
        _expect(Signer.doubleCheckpoint(NETWORK, SEED, first, second), OffenceKind.DoubleCheckpoint);
    }

    function test_refusesCheckpointsThatDoNotContradict() public {
        Checkpoint memory first = _checkpoint(7, "a");
        _expectSelector(
            IEvidenceVerifier.DifferentSlots.selector,
            Signer.doubleCheckpoint(NETWORK, SEED, first, _checkpoint(8, "b"))
        );
        _expectSelector(IEvidenceVerifier.SameStatement.selector, Signer.doubleCheckpoint(NETWORK, SEED, first, first));
        bytes memory other = Signer.doubleCheckpoint(~NETWORK, SEED, first, _checkpoint(7, "b"));
        _expectSelector(IEvidenceVerifier.InvalidSignature.selector, other);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceVerifier.WrongEvidenceLength.selector, 786, 785));
        verifier.verify(NETWORK, bytes.concat(other, hex"00"));
    }

    function testFuzz_alteredBitsOfCheckpoints(uint16 bit) public {
        bytes memory evidence = Signer.doubleCheckpoint(NETWORK, SEED, _checkpoint(7, "a"), _checkpoint(7, "b"));
        // The validator's name is not signed: whose the BLS key is, the SlashingManager asks.
        uint256 place = 33 * 8 + bit % (8 * (evidence.length - 33));
        evidence[place / 8] ^= bytes1(uint8(1 << (place % 8)));
        (bool ok,) =
            address(verifier).call{gas: 2_000_000}(abi.encodeCall(IEvidenceVerifier.verify, (NETWORK, evidence)));
        vm.assertFalse(ok);
    }

    function _checkpoint(uint64 height, bytes32 blockId) private pure returns (Checkpoint memory) {
        return Checkpoint(height, blockId, keccak256("heads"), keccak256("set"), keccak256("next"));
    }

    /// A vote for a block and one for nil contradict each other too.
    function test_blockAndNil() public view {
        bytes memory first = Signer.vote(NETWORK, SEED, Signer.Vote(2, 5, 0, keccak256("block")));
        bytes memory second = Signer.vote(NETWORK, SEED, Signer.Vote(2, 5, 0, 0));
        _expect(abi.encodePacked(uint8(2), first, second), OffenceKind.DoublePrecommit);
    }

    /// The same block proposed with two proofs of lock is two statements.
    function test_proposalsThatDifferInPolRound() public view {
        bytes memory first = Signer.proposal(NETWORK, SEED, Signer.Proposal(5, 2, false, 0, keccak256("block")));
        bytes memory second = Signer.proposal(NETWORK, SEED, Signer.Proposal(5, 2, true, 0, keccak256("block")));
        _expect(abi.encodePacked(uint8(3), first, second), OffenceKind.DoubleProposal);
    }

    function test_slotIsThatOfThePlaceAlone() public view {
        bytes memory a = Signer.vote(NETWORK, SEED, Signer.Vote(1, 5, 0, keccak256("a")));
        bytes memory b = Signer.vote(NETWORK, SEED, Signer.Vote(1, 5, 0, keccak256("b")));
        bytes memory c = Signer.vote(NETWORK, SEED, Signer.Vote(1, 5, 0, keccak256("c")));
        bytes32 slot = verifier.verify(NETWORK, abi.encodePacked(uint8(2), a, b)).slot;
        vm.assertEq(verifier.verify(NETWORK, abi.encodePacked(uint8(2), b, a)).slot, slot);
        vm.assertEq(verifier.verify(NETWORK, abi.encodePacked(uint8(2), c, b)).slot, slot);
        vm.assertEq(
            slot, keccak256(abi.encodePacked(uint8(2), vm.publicKeyEd25519(SEED), uint8(1), uint64(5), uint32(0)))
        );
    }

    function test_refusesOtherSlots() public {
        Signer.Vote memory vote = Signer.Vote(1, 5, 0, keccak256("a"));
        bytes memory first = Signer.vote(NETWORK, SEED, vote);
        Signer.Vote[4] memory others = [
            Signer.Vote(2, 5, 0, keccak256("b")),
            Signer.Vote(1, 6, 0, keccak256("b")),
            Signer.Vote(1, 5, 1, keccak256("b")),
            Signer.Vote(1, 4, 0, keccak256("b"))
        ];
        for (uint256 i = 0; i < others.length; i++) {
            bytes memory evidence = abi.encodePacked(uint8(2), first, Signer.vote(NETWORK, SEED, others[i]));
            _expectSelector(IEvidenceVerifier.DifferentSlots.selector, evidence);
        }
        bytes memory other = Signer.vote(NETWORK, keccak256("another"), Signer.Vote(1, 5, 0, keccak256("b")));
        _expectSelector(IEvidenceVerifier.DifferentSlots.selector, abi.encodePacked(uint8(2), first, other));
    }

    function test_refusesTheSameStatementTwice() public {
        bytes memory vote = Signer.vote(NETWORK, SEED, Signer.Vote(1, 5, 0, keccak256("a")));
        _expectSelector(IEvidenceVerifier.SameStatement.selector, abi.encodePacked(uint8(2), vote, vote));
    }

    function test_refusesOtherNetworks() public {
        bytes memory votes = Signer.doubleVote(~NETWORK, SEED, 1, 7, 3);
        _expectSelector(IEvidenceVerifier.InvalidSignature.selector, votes);
        bytes memory lanes = Signer.laneEquivocation(~NETWORK, SEED, 1, 9);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceVerifier.WrongNetwork.selector, 0, ~NETWORK, NETWORK));
        verifier.verify(NETWORK, lanes);
    }

    function test_refusesMalformedEvidence() public {
        bytes memory votes = Signer.doubleVote(NETWORK, SEED, 1, 7, 3);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceVerifier.WrongEvidenceLength.selector, 286, 285));
        verifier.verify(NETWORK, bytes.concat(votes, hex"00"));
        votes[0] = 0x05;
        vm.expectRevert(abi.encodeWithSelector(IEvidenceVerifier.UnknownEvidenceKind.selector, 5));
        verifier.verify(NETWORK, votes);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceVerifier.UnknownEvidenceKind.selector, 0));
        verifier.verify(NETWORK, "");
    }

    function test_refusesWhatIsNotCanonical() public {
        bytes memory votes = Signer.doubleVote(NETWORK, SEED, 1, 7, 3);
        _expectNotCanonical(votes, 1 + 32, 3, 0, "kind");
        _expectNotCanonical(votes, 1 + 45, 2, 0, "has block");
        _expectNotCanonical(votes, 1 + 142 + 45, 0, 1, "block");
        bytes memory proposals = Signer.doubleProposal(NETWORK, SEED, 7, 3);
        _expectNotCanonical(proposals, 1 + 44, 2, 0, "has pol round");
        _expectNotCanonical(proposals, 1 + 48, 9, 0, "pol round");
        bytes memory lanes = Signer.laneEquivocation(NETWORK, SEED, 1, 9);
        _expectNotCanonical(lanes, 1 + 75, 0, 0, "seq");
        _expectNotCanonical(lanes, 1 + 248 + 75, 1, 1, "parent");
    }

    /// No single bit of good evidence can be changed.
    function testFuzz_alteredBits(uint16 bit, uint8 kind) public {
        bytes memory evidence = kind % 3 == 0
            ? Signer.doubleVote(NETWORK, SEED, 1 + kind % 2, 7, 3)
            : kind % 3 == 1 ? Signer.doubleProposal(NETWORK, SEED, 7, 3) : Signer.laneEquivocation(NETWORK, SEED, 1, 9);
        bit = uint16(bit % (8 * evidence.length));
        evidence[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert();
        verifier.verify(NETWORK, evidence);
    }

    /// Whatever an honest validator signs, one statement a slot: no two of its statements are evidence, and no other
    /// pairing of its signatures with its statements is.
    function testFuzz_honestSignaturesProveNothing(uint64 height, uint32 round, bytes32 a, bytes32 b, uint8 shuffle)
        public
    {
        vm.assume(a != b);
        bytes memory prevote = Signer.vote(NETWORK, SEED, Signer.Vote(1, height, round, a));
        bytes memory precommit = Signer.vote(NETWORK, SEED, Signer.Vote(2, height, round, b));
        bytes memory forged = bytes.concat(prevote);
        // The prevote's place with the precommit's block, or its signature, or both.
        if (shuffle & 1 == 1) _copy(precommit, forged, 45, 33);
        if (shuffle & 2 == 2) _copy(precommit, forged, 78, 64);
        if (shuffle & 4 == 4) _copy(precommit, forged, 33, 12);
        vm.expectRevert();
        verifier.verify(NETWORK, abi.encodePacked(uint8(2), prevote, forged));
        vm.expectRevert();
        verifier.verify(NETWORK, abi.encodePacked(uint8(2), prevote, precommit));
    }

    function _expect(bytes memory evidence, OffenceKind kind) private view {
        Offence memory offence = verifier.verify(NETWORK, evidence);
        vm.assertEq(offence.validator, vm.publicKeyEd25519(SEED));
        vm.assertEq(uint256(offence.kind), uint256(kind));
    }

    function _expectSelector(bytes4 selector, bytes memory evidence) private {
        (bool ok, bytes memory reason) =
            address(verifier).call(abi.encodeCall(IEvidenceVerifier.verify, (NETWORK, evidence)));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(reason)), bytes32(selector));
    }

    function _expectNotCanonical(bytes memory evidence, uint256 offset, uint8 value, uint256 side, string memory field)
        private
    {
        bytes memory changed = bytes.concat(evidence);
        changed[offset] = bytes1(value);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceVerifier.NotCanonical.selector, side, field));
        verifier.verify(NETWORK, changed);
    }

    function _copy(bytes memory from, bytes memory to, uint256 offset, uint256 length) private pure {
        for (uint256 i = offset; i < offset + length; i++) {
            to[i] = from[i];
        }
    }
}
