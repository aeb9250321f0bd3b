// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CheckpointMessage} from "../src/libraries/CheckpointMessage.sol";
import {TestBase} from "./TestBase.sol";

/// @notice The cases in test/vectors/checkpoints.json were made by another implementation, and are judged by Rust too.
contract CheckpointMessageTest is TestBase {
    function test_goldenSignatures() public view {
        string memory json = vm.readFile("test/vectors/checkpoints.json");
        uint256 valid;
        uint256 i;
        for (; vm.keyExistsJson(json, _case(i, "")); i++) {
            bytes[] memory keys = vm.parseJsonBytesArray(json, _case(i, ".keys"));
            bytes memory key = _sum(keys, uint256(vm.parseJsonBytes32(json, _case(i, ".signers"))));
            bytes memory fields = vm.parseJsonBytes(json, _case(i, ".fields"));
            bytes memory signature = vm.parseJsonBytes(json, _case(i, ".signature"));
            bool expected = vm.parseJsonBool(json, _case(i, ".valid"));
            string memory name = vm.parseJsonString(json, _case(i, ".name"));
            vm.assertEq(this.isSigned{gas: 1_000_000}(fields, key, signature), expected, name);
            if (expected) valid++;
        }
        vm.assertEq(valid, 7);
        vm.assertEq(i, 25);
    }

    function isSigned(bytes memory fields, bytes memory key, bytes calldata signature) external view returns (bool) {
        return CheckpointMessage.isSigned(fields, key, signature);
    }

    function _sum(bytes[] memory keys, uint256 signers) private view returns (bytes memory sum) {
        sum = new bytes(128);
        for (uint256 i = 0; i < keys.length; i++) {
            if (signers >> i & 1 == 1) (, sum) = address(0x0b).staticcall(bytes.concat(sum, _padded(keys[i])));
        }
    }

    function _padded(bytes memory key) private pure returns (bytes memory point) {
        point = new bytes(128);
        for (uint256 i = 0; i < 96; i++) {
            point[i / 48 * 64 + 16 + i % 48] = key[i];
        }
    }

    function _case(uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(i), "]", key);
    }
}
