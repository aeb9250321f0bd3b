// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Scalars: integers modulo the prime L, the order of ed25519's base point
library Scalar25519 {
    /// @notice The order of the base point, 2^252 + 27742317777372353535851937790883648493.
    uint256 internal constant L = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed;

    /// @dev 8L annihilates every point of the curve. It has 256 bits.
    uint256 private constant EIGHT_L = 0x80000000000000000000000000000000a6f7cef517bce6b2c09318d2e7ae9f68;

    /// @dev 2^256 modulo L.
    uint256 private constant TWO_256 = 0x0ffffffffffffffffffffffffffffffec6ef5bf4737dcf70d6ec31748d98951d;

    /// @notice low + 2^256 high, modulo L.
    function fromWide(uint256 low, uint256 high) internal pure returns (uint256) {
        return addmod(mulmod(high, TWO_256, L), low, L);
    }

    /// @notice Splits k, which is below L, into a fraction of about half its length: u and v with
    ///
    ///     u = v k (modulo 8L) or u = -v k (modulo 8L), if `negative`;     v odd;     0 < v < 2^128.
    ///
    /// u has no more than 128 bits, or a few more.
    ///
    /// @dev Euclid's algorithm on 8L and k. Every remainder r comes with a cofactor t so that r = ±t k modulo 8L, and the
    /// signs alternate. Of two steps that follow each other, r_old * t_new + r_new * t_old = 8L. So with the first
    /// remainder r_new < 2^128 the one before is r_old >= 2^128, and t_new <= 8L / r_old < 2^128. Both halves are short.
    ///
    /// v must be odd (see `Ed25519`). Cofactors that follow each other are coprime, because every step of the algorithm has
    /// determinant 1 or -1. So if t_new is even, t_old is odd, and the pair before is taken: t_old <= t_new is short, and
    /// r_old has n bits more than 128 with a probability of about 2^-n. Any length is right; a longer one costs more gas.
    function halve(uint256 k) internal pure returns (uint256 u, uint256 v, bool negative) {
        assembly ("memory-safe") {
            let r0 := EIGHT_L
            let t0 := 0 // r0 = -t0 k
            let r1 := k
            let t1 := 1 // r1 = +t1 k
            for {} 1 {} {
                if iszero(shr(128, r1)) {
                    // (r1, t1) is short, (r0, t0) comes before it.
                    let odd := and(t1, 1)
                    u := xor(r0, mul(odd, xor(r0, r1)))
                    v := xor(t0, mul(odd, xor(t0, t1)))
                    negative := iszero(odd)
                    break
                }
                t0 := add(t0, mul(div(r0, r1), t1))
                r0 := mod(r0, r1)
                if iszero(shr(128, r0)) {
                    let odd := and(t0, 1)
                    u := xor(r1, mul(odd, xor(r1, r0)))
                    v := xor(t1, mul(odd, xor(t1, t0)))
                    negative := odd
                    break
                }
                t1 := add(t1, mul(div(r1, r0), t0))
                r1 := mod(r1, r0)
            }
        }
    }
}
