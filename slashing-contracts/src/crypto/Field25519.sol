// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The field of integers modulo p = 2^255 - 19
/// @dev Products are MULMOD by p, whose arguments need not be reduced. Below 2^256 there is room for one sum of two
/// reduced values, so curve code adds without reducing and lets the next product reduce.
library Field25519 {
    /// @notice The modulus.
    uint256 internal constant P = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed;

    /// @notice A square root of -1.
    uint256 internal constant SQRT_MINUS_ONE = 0x2b8324804fc1df0b2b4d00993dfbd7a72f431806ad2fe478c4ee1b274a0ea0b0;

    /// @dev (p - 5) / 8.
    uint256 private constant ROOT_EXPONENT = 0x0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd;

    /// @notice `x` with v x^2 = u, for reduced u and v; one of the two such x, or `ok` false where there is none.
    /// @dev RFC 8032, 5.1.3: the candidate x = u v^3 (u v^7)^((p-5)/8) satisfies v x^2 = +u or -u if u/v is a square or
    /// sqrt(-1) times one. In the second case x times sqrt(-1) is the root.
    function sqrtRatio(uint256 u, uint256 v) internal view returns (bool ok, uint256 x) {
        uint256 v3 = mulmod(mulmod(v, v, P), v, P);
        uint256 uv7 = mulmod(u, mulmod(mulmod(v3, v3, P), v, P), P);
        x = mulmod(mulmod(u, v3, P), power(uv7, ROOT_EXPONENT), P);
        uint256 vxx = mulmod(v, mulmod(x, x, P), P);
        if (vxx == u) return (true, x);
        if (addmod(vxx, u, P) != 0) return (false, 0);
        return (true, mulmod(x, SQRT_MINUS_ONE, P));
    }

    /// @notice base^exponent, by the precompile of EIP-198.
    function power(uint256 base, uint256 exponent) internal view returns (uint256 result) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, 32)
            mstore(add(input, 0x20), 32)
            mstore(add(input, 0x40), 32)
            mstore(add(input, 0x60), base)
            mstore(add(input, 0x80), exponent)
            mstore(add(input, 0xa0), P)
            // It fails only without gas; then everything here must fail, not continue with a wrong value.
            if iszero(staticcall(gas(), 5, input, 0xc0, 0x00, 0x20)) { revert(0, 0) }
            result := mload(0x00)
        }
    }
}
