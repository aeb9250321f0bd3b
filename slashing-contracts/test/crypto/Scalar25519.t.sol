// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Scalar25519} from "../../src/crypto/Scalar25519.sol";
import {Sha512} from "../../src/crypto/Sha512.sol";
import {TestBase} from "../TestBase.sol";

contract Scalar25519Test is TestBase {
    uint256 private constant L = Scalar25519.L;
    uint256 private constant EIGHT_L = 8 * L;

    /// The promises of `halve`, checked modulo 8L with plain arithmetic.
    function testFuzz_halves(uint256 k) public pure {
        _check(k % L);
    }

    function test_halvesAtTheEnds() public pure {
        for (uint256 bit = 0; bit < 252; bit++) {
            _check(1 << bit);
            _check((1 << bit) - 1);
            _check((1 << bit) + 1);
            _check(L - (1 << bit));
            _check(L / ((1 << bit) | 1));
        }
        _check(0);
        _check(L - 1);
    }

    /// Nearly all scalars have short halves: that is what they are for.
    function test_halvesAreShort() public pure {
        uint256 long;
        for (uint256 i = 0; i < 512; i++) {
            (uint256 u,,) = Scalar25519.halve(uint256(keccak256(abi.encode(i))) % L);
            if (u >> 132 != 0) long++;
        }
        vm.assertLt(long, 30);
    }

    function testFuzz_wideReduction(uint256 low, uint128 high) public pure {
        uint256 expected = low % L;
        // 2^256 = (2^128)^2, so that every product fits MULMOD's argument without the constant under test.
        uint256 step = mulmod(1 << 128, 1 << 128, L);
        expected = addmod(expected, mulmod(high, step, L), L);
        vm.assertEq(Scalar25519.fromWide(low, high), expected);
    }

    /// FIPS 180-4 examples and one around the end of a block.
    function test_sha512() public pure {
        _digest(
            "",
            hex"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            hex"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        );
        _digest(
            "abc",
            hex"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            hex"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        _digest(
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            hex"8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
            hex"501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"
        );
    }

    function _check(uint256 k) private pure {
        (uint256 u, uint256 v, bool negative) = Scalar25519.halve(k);
        vm.assertEq(v & 1, 1);
        vm.assertLt(v, 1 << 128);
        uint256 product = mulmod(v, k, EIGHT_L);
        vm.assertEq(addmod(negative ? EIGHT_L - product : product, 0, EIGHT_L), u);
    }

    function _digest(bytes memory message, bytes memory digest) private pure {
        (bytes32 high, bytes32 low) = Sha512.hash(message);
        vm.assertEq(bytes.concat(high, low), digest);
    }
}
