// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ed25519Verifier} from "../../src/dev/Ed25519Verifier.sol";
import {TestBase} from "../TestBase.sol";

contract Ed25519Test is TestBase {
    Ed25519Verifier private verifier;

    function setUp() public {
        verifier = new Ed25519Verifier();
    }

    function test_rfc8032() public view {
        vm.assertEq(_run("test/vectors/ed25519_rfc8032.json"), 4);
    }

    function test_edgeCases() public view {
        vm.assertGt(_run("test/vectors/ed25519_edge.json"), 78);
    }

    function test_wycheproof() public view {
        vm.assertGt(_run("test/vectors/ed25519_wycheproof.json"), 80);
    }

    /// Of the twelve cases of "Taming the many EdDSAs" exactly case 3 is accepted.
    function test_speccheck() public view {
        string memory json = vm.readFile("../consensus/types/vectors/ed25519-speccheck.json");
        for (uint256 i = 0; i < 12; i++) {
            string memory path = string.concat("$[", vm.toString(i), "]");
            bytes32 key = _hex32(vm.parseJsonString(json, string.concat(path, ".pub_key")));
            bytes memory signature = _hex(vm.parseJsonString(json, string.concat(path, ".signature")));
            bytes memory message = _hex(vm.parseJsonString(json, string.concat(path, ".message")));
            vm.assertEq(_verify(key, signature, message), i == 3, path);
            bool weak = i == 0 || i == 1 || i == 10 || i == 11;
            vm.assertEq(verifier.isUsable(key), !weak, path);
        }
        vm.assertFalse(vm.keyExistsJson(json, "$[12]"));
    }

    function testFuzz_signedIsAccepted(bytes32 seed, bytes calldata message) public view {
        bytes memory signature = vm.signEd25519("", message, seed);
        vm.assertTrue(_verify(vm.publicKeyEd25519(seed), signature, message));
    }

    function testFuzz_alteredIsRefused(bytes32 seed, bytes32 digest, uint16 bit) public view {
        bytes memory message = bytes.concat("FAIRLANE-VOT-v1", digest);
        bytes memory all = bytes.concat(vm.publicKeyEd25519(seed), vm.signEd25519("", message, seed), message);
        bit = uint16(bit % (8 * all.length));
        all[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.assertFalse(_verify(_word(all, 0), _slice(all, 32, 64), _slice(all, 96, 47)));
    }

    function testFuzz_garbageIsRefused(bytes32 key, bytes32 r, bytes32 s, bytes calldata message) public view {
        vm.assertFalse(verifier.verify(key, r, s, message));
    }

    function test_codeFits() public view {
        vm.assertLt(address(verifier).code.length, 24_576);
    }

    /// The cost of a verification varies with the hash; here are the mean and the worst of 64.
    function test_gas() public {
        uint256 sum;
        uint256 worst;
        for (uint256 i = 0; i < 64; i++) {
            bytes32 seed = keccak256(abi.encode(i));
            bytes memory message = bytes.concat("FAIRLANE-VOT-v1", keccak256(abi.encode(seed)));
            bytes32 key = vm.publicKeyEd25519(seed);
            bytes memory signature = vm.signEd25519("", message, seed);
            (bytes32 r, bytes32 s) = (_word(signature, 0), _word(signature, 32));
            uint256 before = gasleft();
            bool ok = verifier.verify(key, r, s, message);
            uint256 used = before - gasleft();
            vm.assertTrue(ok);
            sum += used;
            if (used > worst) worst = used;
        }
        vm.assertLt(sum / 64, 150_000);
        vm.snapshotValue("gas", "ed25519 verification, mean of 64", sum / 64);
        vm.snapshotValue("gas", "ed25519 verification, worst of 64", worst);
    }

    /// @return accepted how many of the file's signatures are valid.
    function _run(string memory path) private view returns (uint256 accepted) {
        string memory json = vm.readFile(path);
        string[] memory names = vm.parseJsonStringArray(json, ".names");
        bytes32[] memory keys = vm.parseJsonBytes32Array(json, ".keys");
        bytes[] memory signatures = vm.parseJsonBytesArray(json, ".signatures");
        bytes[] memory messages = vm.parseJsonBytesArray(json, ".messages");
        bool[] memory valid = vm.parseJsonBoolArray(json, ".valid");
        for (uint256 i = 0; i < names.length; i++) {
            vm.assertEq(_verify(keys[i], signatures[i], messages[i]), valid[i], names[i]);
            if (valid[i]) accepted++;
        }
    }

    /// A signature of another length than 64 bytes has no r and s, and is refused by whoever cuts it.
    function _verify(bytes32 key, bytes memory signature, bytes memory message) private view returns (bool) {
        if (signature.length != 64) return false;
        return verifier.verify(key, _word(signature, 0), _word(signature, 32), message);
    }

    function _word(bytes memory data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }

    function _slice(bytes memory data, uint256 offset, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(data, 0x20), offset), length)
        }
    }

    function _hex(string memory digits) private pure returns (bytes memory) {
        return vm.parseBytes(string.concat("0x", digits));
    }

    function _hex32(string memory digits) private pure returns (bytes32) {
        return _word(_hex(digits), 0);
    }
}
