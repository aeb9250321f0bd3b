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

    /// @dev The modulus of the base field, 381 bits, in 48 bytes.
    bytes private constant MODULUS =
        hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";

    /// @dev The negative of G1's generator.
    bytes private constant MINUS_G1 = hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
        hex"6c55e83ff97a1aeffb3af00adb22c6bb00000000000000000000000000000000114d1d6855d545a8aa7d76c8cf2e21f2"
        hex"67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca";

    address private constant MODEXP = address(0x05);
    address private constant G2_ADD = address(0x0d);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP2_TO_G2 = address(0x11);

    /// A precompile refused what was computed here: the chain lacks EIP-198 or EIP-2537.
    error PrecompileFailed(address precompile);

    /// @notice Whether `signature` is `key`'s of `message` under the domain separation tag `tag`.
    /// @dev e(key, H(message)) = e(G1, signature). The neutral element as a key would sign anything, and is refused.
    function verify(bytes memory key, bytes memory signature, bytes memory message, bytes memory tag)
        internal
        view
        returns (bool)
    {
        if (key.length != G1_BYTES || signature.length != G2_BYTES || _isZero(key)) return false;
        bytes memory input = bytes.concat(key, hashToG2(message, tag), MINUS_G1, signature);
        (bool ok, bytes memory output) = PAIRING.staticcall(input);
        return ok && output.length == 32 && abi.decode(output, (uint256)) == 1;
    }

    /// @notice RFC 9380 hash_to_curve: two field elements from the message, each mapped to the curve, and their sum.
    function hashToG2(bytes memory message, bytes memory tag) internal view returns (bytes memory) {
        bytes memory uniform = _expand(message, tag);
        bytes memory first = bytes.concat(_reduce(uniform, 0), _reduce(uniform, 64));
        bytes memory second = bytes.concat(_reduce(uniform, 128), _reduce(uniform, 192));
        return _call(G2_ADD, bytes.concat(_call(MAP_FP2_TO_G2, first), _call(MAP_FP2_TO_G2, second)));
    }

    /// @dev RFC 9380 expand_message_xmd with SHA-256, to 256 bytes: b0 = H(64 zeros ‖ message ‖ length ‖ 0 ‖ tag'),
    /// b1 = H(b0 ‖ 1 ‖ tag'), bi = H((b0 ^ b(i-1)) ‖ i ‖ tag').
    function _expand(bytes memory message, bytes memory tag) private pure returns (bytes memory uniform) {
        bytes memory suffix = abi.encodePacked(tag, uint8(tag.length));
        bytes32 b0 = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(256), uint8(0), suffix));
        uniform = new bytes(256);
        bytes32 b;
        for (uint256 i = 1; i <= 8; i++) {
            b = sha256(abi.encodePacked(b0 ^ b, uint8(i), suffix));
            assembly ("memory-safe") {
                mstore(add(uniform, shl(5, i)), b)
            }
        }
    }

    /// @dev The 64 bytes at `offset` modulo the field's modulus, as a coordinate.
    function _reduce(bytes memory uniform, uint256 offset) private view returns (bytes memory) {
        bytes32 high;
        bytes32 low;
        assembly ("memory-safe") {
            let from := add(add(uniform, 0x20), offset)
            high := mload(from)
            low := mload(add(from, 0x20))
        }
        bytes memory lengths = abi.encode(uint256(64), uint256(1), uint256(48));
        return bytes.concat(bytes16(0), _call(MODEXP, bytes.concat(lengths, high, low, hex"01", MODULUS)));
    }

    function _call(address precompile, bytes memory input) private view returns (bytes memory output) {
        bool ok;
        (ok, output) = precompile.staticcall(input);
        // A precompile that is not there succeeds and returns nothing.
        if (!ok || output.length == 0) revert PrecompileFailed(precompile);
    }

    function _isZero(bytes memory key) private pure returns (bool) {
        (uint256 a, uint256 b, uint256 c, uint256 d) = abi.decode(key, (uint256, uint256, uint256, uint256));
        return a | b | c | d == 0;
    }
}
