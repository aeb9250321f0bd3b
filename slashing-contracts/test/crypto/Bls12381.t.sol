// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bls12381} from "../../src/crypto/Bls12381.sol";
import {TestBase} from "../TestBase.sol";

contract Bls12381Test is TestBase {
    string private json;
    bytes private tag;
    bytes[] private keys;
    bytes[] private messages;
    bytes[] private signatures;

    function setUp() public {
        json = vm.readFile("test/vectors/bls12381.json");
        tag = vm.parseJsonBytes(json, ".tag");
        keys = vm.parseJsonBytesArray(json, ".keys");
        messages = vm.parseJsonBytesArray(json, ".messages");
        signatures = vm.parseJsonBytesArray(json, ".signatures");
    }

    function test_hashesToG2AsOthersDo() public view {
        bytes[] memory tags = vm.parseJsonBytesArray(json, ".hash_tags");
        bytes[] memory inputs = vm.parseJsonBytesArray(json, ".hash_messages");
        bytes[] memory points = vm.parseJsonBytesArray(json, ".hash_points");
        vm.assertEq(tags.length, 3);
        for (uint256 i = 0; i < tags.length; i++) {
            vm.assertEq(Bls12381.hashToG2(inputs[i], tags[i]), points[i]);
        }
    }

    function test_acceptsOthersSignatures() public view {
        for (uint256 i = 0; i < keys.length; i++) {
            vm.assertTrue(Bls12381.verify(keys[i], signatures[i], messages[i], tag));
        }
    }

    function test_refusesMismatches() public view {
        vm.assertFalse(Bls12381.verify(keys[0], signatures[0], messages[1], tag));
        vm.assertFalse(Bls12381.verify(keys[1], signatures[0], messages[0], tag));
        vm.assertFalse(Bls12381.verify(keys[0], signatures[1], messages[0], tag));
        vm.assertFalse(Bls12381.verify(keys[0], signatures[0], messages[0], "another tag"));
    }

    /// With a neutral key and signature the pairing equation holds for every message.
    function test_refusesNeutralKey() public view {
        vm.assertFalse(Bls12381.verify(new bytes(128), new bytes(256), messages[0], tag));
    }

    function test_refusesPointsOutsideTheSubgroup() public view {
        // (0, 2) lies on the curve y^2 = x^3 + 4 and has order 3.
        bytes memory key = new bytes(128);
        key[127] = 0x02;
        vm.assertFalse(Bls12381.verify(key, signatures[0], messages[0], tag));
    }

    function test_refusesOtherLengths() public view {
        vm.assertFalse(Bls12381.verify(new bytes(96), signatures[0], messages[0], tag));
        vm.assertFalse(Bls12381.verify(keys[0], new bytes(192), messages[0], tag));
        vm.assertFalse(Bls12381.verify("", "", messages[0], tag));
    }

    function testFuzz_refusesAlteredBits(uint16 bit) public view {
        bytes memory all = bytes.concat(keys[2], signatures[2], messages[2]);
        bit = uint16(bit % (8 * all.length));
        all[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.assertFalse(Bls12381.verify(_part(all, 0, 128), _part(all, 128, 256), _part(all, 384, 47), tag));
    }

    function _part(bytes memory all, uint256 offset, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(all, 0x20), offset), length)
        }
    }
}
