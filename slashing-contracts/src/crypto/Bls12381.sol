// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title BLS signatures on BLS12-381, with keys in G1 and signatures in G2
/// @notice Verification by the precompiles of EIP-2537. Points are encoded as that EIP does: a coordinate has 64 bytes, 16
/// zeros and 48 bytes, most significant first; G1 points have 128 bytes, G2 points 256 (x.c0, x.c1, y.c0, y.c1).
/// @dev Messages are hashed to G2 by RFC 9380, suite BLS12381G2_XMD:SHA-256_SSWU_RO_. The precompiles that map to the curve
/// clear the cofactor; the pairing checks that its inputs are on the curve and in the subgroups.
library Bls12381 {
    uint256 internal constant G1_BYTES = 128;
    uint256 internal constant G2_BYTES = 256;

    /// @dev The modulus of the base field, 381 bits: 32 bytes and 16.
    bytes32 private constant MODULUS_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f624;
    bytes16 private constant MODULUS_LOW = 0x1eabfffeb153ffffb9feffffffffaaab;

    /// @dev The negative of G1's generator.
    bytes private constant MINUS_G1 = hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
        hex"6c55e83ff97a1aeffb3af00adb22c6bb00000000000000000000000000000000114d1d6855d545a8aa7d76c8cf2e21f2"
        hex"67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca";

    /// A precompile refused what was computed here: the chain lacks EIP-198 or EIP-2537.
    error PrecompileFailed();

    /// @notice Whether `signature` is `key`'s of `message` under the domain separation tag `tag`.
    /// @dev e(key, H(message)) = e(G1, signature). The neutral element as a key would sign anything, and is refused.
    function verify(bytes memory key, bytes memory signature, bytes memory message, bytes memory tag)
        internal
        view
        returns (bool)
    {
        if (key.length != G1_BYTES || signature.length != G2_BYTES || _isZero(key)) return false;
        return _pairsToOne(bytes.concat(key, hashToG2(message, tag), MINUS_G1, signature));
    }

    /// @notice RFC 9380 hash_to_curve: two field elements from the message, each mapped to the curve, and their sum.
    function hashToG2(bytes memory message, bytes memory tag) internal view returns (bytes memory point) {
        bytes memory elements = _hashToField(message, tag);
        point = new bytes(2 * G2_BYTES);
        bool ok;
        assembly ("memory-safe") {
            let from := add(elements, 0x20)
            let to := add(point, 0x20)
            // MAP_FP2_TO_G2 twice, G2ADD. A precompile that is not there succeeds and returns nothing.
            ok := staticcall(gas(), 0x11, from, 128, to, 256)
            ok := and(staticcall(gas(), 0x11, add(from, 128), 128, add(to, 256), 256), ok)
            ok := and(staticcall(gas(), 0x0d, to, 512, to, 256), ok)
            ok := and(eq(returndatasize(), 256), ok)
            mstore(point, 256)
        }
        if (!ok) revert PrecompileFailed();
    }

    /// @dev RFC 9380 hash_to_field with expand_message_xmd and SHA-256: b0 = H(64 zeros ‖ message ‖ length ‖ 0 ‖ tag'),
    /// b1 = H(b0 ‖ 1 ‖ tag'), bi = H((b0 ^ b(i-1)) ‖ i ‖ tag'). Each two of b1 to b8 are a number, which is reduced
    /// modulo the field's modulus.
    /// @return elements Four coordinates as EIP-2537 has them.
    function _hashToField(bytes memory message, bytes memory tag) private view returns (bytes memory elements) {
        bytes memory suffix = abi.encodePacked(tag, uint8(tag.length));
        bytes32 b0 = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(256), uint8(0), suffix));
        bytes memory input = abi.encodePacked(b0, uint8(0), suffix);
        // For MODEXP: three lengths, the number (here zero), the exponent, the modulus.
        bytes memory power = abi.encodePacked(
            uint256(64), uint256(1), uint256(48), uint256(0), uint256(0), uint8(1), MODULUS_HIGH, MODULUS_LOW
        );
        elements = new bytes(256);
        bool ok = true;
        assembly ("memory-safe") {
            let from := add(input, 0x20)
            let value := add(power, 0x80)
            let b := 0
            for { let i := 1 } lt(i, 9) { i := add(i, 1) } {
                mstore(from, xor(b0, b))
                mstore8(add(from, 0x20), i)
                let to := sub(add(value, 0x20), shl(5, and(i, 1)))
                ok := and(staticcall(gas(), 0x02, from, mload(input), to, 32), ok)
                b := mload(to)
                if and(i, 1) { continue }
                // b2 ends the first number, which is the first coordinate. Its 48 bytes stand behind 16 zeros.
                to := add(add(elements, 0x10), shl(5, i))
                ok := and(staticcall(gas(), 0x05, sub(value, 0x60), mload(power), sub(to, 0x20), 48), ok)
            }
        }
        if (!ok) revert PrecompileFailed();
    }

    /// @dev Whether the product of the pairings is one. The precompile fails for what is no point of its group.
    function _pairsToOne(bytes memory points) private view returns (bool ok) {
        assembly ("memory-safe") {
            ok := staticcall(gas(), 0x0f, add(points, 0x20), mload(points), 0, 32)
            ok := and(and(ok, eq(returndatasize(), 32)), eq(mload(0), 1))
        }
    }

    function _isZero(bytes memory key) private pure returns (bool) {
        (uint256 a, uint256 b, uint256 c, uint256 d) = abi.decode(key, (uint256, uint256, uint256, uint256));
        return a | b | c | d == 0;
    }
}
