// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title SHA-512 (FIPS 180-4)
/// @notice The hash inside ed25519. The EVM has no precompile for it.
/// @dev How it is made cheap on a 256-bit machine:
///
/// - A 64-bit word x is doubled, x * (2^64 + 1), so that a rotation right by n is a plain shift right by n, read modulo
///   2^64. Garbage above bit 63 is cut off once a sum is complete.
/// - The message schedule is computed two words at a time, each in the low half of a lane of 128 bits. Doubling fills
///   both lanes, shifts by less than 64 spoil only the upper halves, and sums have room there.
/// - Rounds load constants and schedule so that the wanted word comes to stand in the lowest 64 bits of what is loaded.
/// - Eight rounds are unrolled. Each renames the eight working variables instead of moving them, and after eight
///   renamings every variable has its own name again.
///
/// Memory beyond the free pointer serves as scratch and is not kept:
///
///     0x000  80 round constants, 8 bytes each
///     0x280  the schedule, 80 words in lanes of 16 bytes
///     0x780  the state: two words that hold a‖b‖c‖d and e‖f‖g‖h
///     0x7c0  the padded message
library Sha512 {
    /// @notice SHA-512 of `message`: the first and the last 32 bytes of the digest.
    function hash(bytes memory message) internal pure returns (bytes32 high, bytes32 low) {
        (uint256 scratch, uint256 end) = _pad(message);
        _loadConstants(scratch);
        unchecked {
            for (uint256 block_ = scratch + 0x7c0; block_ < end; block_ += 0x80) {
                _schedule(scratch + 0x280, block_);
                _compress(scratch);
            }
        }
        assembly ("memory-safe") {
            high := mload(add(scratch, 0x780))
            low := mload(add(scratch, 0x7a0))
        }
    }

    /// @dev Writes message, a one bit, zeros and the length in bits, up to a multiple of 128 bytes.
    function _pad(bytes memory message) private pure returns (uint256 scratch, uint256 end) {
        assembly ("memory-safe") {
            scratch := mload(0x40)
            let start := add(scratch, 0x7c0)
            let length := mload(message)
            end := add(start, and(add(length, 0x90), not(0x7f)))
            mcopy(start, add(message, 0x20), length)
            let tail := add(start, length)
            calldatacopy(tail, calldatasize(), sub(end, tail)) // zeros
            mstore8(tail, 0x80)
            mstore(sub(end, 0x20), or(mload(sub(end, 0x20)), shl(3, length)))
        }
    }

    /// @dev Round constants, which are the fractional parts of the cube roots of the first 80 primes, and the first
    /// state, those of the square roots of the first 8.
    function _loadConstants(uint256 scratch) private pure {
        assembly ("memory-safe") {
            mstore(scratch, 0x428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc)
            mstore(add(scratch, 0x020), 0x3956c25bf348b53859f111f1b605d019923f82a4af194f9bab1c5ed5da6d8118)
            mstore(add(scratch, 0x040), 0xd807aa98a303024212835b0145706fbe243185be4ee4b28c550c7dc3d5ffb4e2)
            mstore(add(scratch, 0x060), 0x72be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235c19bf174cf692694)
            mstore(add(scratch, 0x080), 0xe49b69c19ef14ad2efbe4786384f25e30fc19dc68b8cd5b5240ca1cc77ac9c65)
            mstore(add(scratch, 0x0a0), 0x2de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5)
            mstore(add(scratch, 0x0c0), 0x983e5152ee66dfaba831c66d2db43210b00327c898fb213fbf597fc7beef0ee4)
            mstore(add(scratch, 0x0e0), 0xc6e00bf33da88fc2d5a79147930aa72506ca6351e003826f142929670a0e6e70)
            mstore(add(scratch, 0x100), 0x27b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed53380d139d95b3df)
            mstore(add(scratch, 0x120), 0x650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353b)
            mstore(add(scratch, 0x140), 0xa2bfe8a14cf10364a81a664bbc423001c24b8b70d0f89791c76c51a30654be30)
            mstore(add(scratch, 0x160), 0xd192e819d6ef5218d69906245565a910f40e35855771202a106aa07032bbd1b8)
            mstore(add(scratch, 0x180), 0x19a4c116b8d2d0c81e376c085141ab532748774cdf8eeb9934b0bcb5e19b48a8)
            mstore(add(scratch, 0x1a0), 0x391c0cb3c5c95a634ed8aa4ae3418acb5b9cca4f7763e373682e6ff3d6b2b8a3)
            mstore(add(scratch, 0x1c0), 0x748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec)
            mstore(add(scratch, 0x1e0), 0x90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532b)
            mstore(add(scratch, 0x200), 0xca273eceea26619cd186b8c721c0c207eada7dd6cde0eb1ef57d4f7fee6ed178)
            mstore(add(scratch, 0x220), 0x06f067aa72176fba0a637dc5a2c898a6113f9804bef90dae1b710b35131c471b)
            mstore(add(scratch, 0x240), 0x28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc431d67c49c100d4c)
            mstore(add(scratch, 0x260), 0x4cc5d4becb3e42b6597f299cfc657e2a5fcb6fab3ad6faec6c44198c4a475817)
            mstore(add(scratch, 0x780), 0x6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1)
            mstore(add(scratch, 0x7a0), 0x510e527fade682d19b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179)
        }
    }

    /// @dev W[t+16] = W[t] + s0(W[t+1]) + W[t+9] + s1(W[t+14]), for t and t+1 at once.
    function _schedule(uint256 w, uint256 block_) private pure {
        assembly ("memory-safe") {
            let lanes := 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff
            for { let end := add(w, 0x100) } lt(w, end) { w := add(w, 0x40) } {
                let pair := shr(128, mload(block_))
                mstore(w, and(or(shl(64, pair), pair), lanes))
                pair := shr(128, mload(add(block_, 0x10)))
                mstore(add(w, 0x20), and(or(shl(64, pair), pair), lanes))
                block_ := add(block_, 0x20)
            }
            w := sub(w, 0x100)
            for { let end := add(w, 0x400) } lt(w, end) { w := add(w, 0x20) } {
                let x := mload(add(w, 0x10))
                let xx := mul(x, 0x10000000000000001)
                let y := mload(add(w, 0xe0))
                let yy := mul(y, 0x10000000000000001)
                let s0 := and(xor(xor(shr(1, xx), shr(8, xx)), shr(7, x)), lanes)
                let s1 := and(xor(xor(shr(19, yy), shr(61, yy)), shr(6, y)), lanes)
                mstore(add(w, 0x100), and(add(add(s0, s1), add(mload(w), mload(add(w, 0x90)))), lanes))
            }
        }
    }

    /// @dev Eighty rounds. A round with the variables a to h, constant K and word W:
    ///
    ///     h = h + S1(e) + Ch(e,f,g) + K + W
    ///     d = d + h
    ///     h = h + S0(a) + Maj(a,b,c)
    ///
    /// with Ch = g ^ (e & (f ^ g)) and Maj = b ^ ((a ^ b) & (b ^ c)). `q` and `w` walk constants and schedule, so far
    /// before them that the word of the round ends what is loaded.
    function _compress(uint256 scratch) private pure {
        assembly ("memory-safe") {
            let q := sub(scratch, 0x18)
            let w := add(scratch, 0x270)
            mstore(0x00, add(w, 0x500))
            let a := mload(add(scratch, 0x780))
            let b := and(shr(128, a), 0xffffffffffffffff)
            let c := and(shr(64, a), 0xffffffffffffffff)
            let d := and(a, 0xffffffffffffffff)
            a := shr(192, a)
            let e := mload(add(scratch, 0x7a0))
            let f := and(shr(128, e), 0xffffffffffffffff)
            let g := and(shr(64, e), 0xffffffffffffffff)
            let h := and(e, 0xffffffffffffffff)
            e := shr(192, e)
            for {} 1 {} {
                {
                    let x := mul(e, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    h := add(add(h, s), add(xor(g, and(e, xor(f, g))), add(mload(q), mload(w))))
                    d := and(add(d, h), 0xffffffffffffffff)
                    x := mul(a, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    h := and(add(add(h, s), xor(b, and(xor(a, b), xor(b, c)))), 0xffffffffffffffff)
                }
                {
                    let x := mul(d, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    g := add(add(g, s), add(xor(f, and(d, xor(e, f))), add(mload(add(q, 0x08)), mload(add(w, 0x10)))))
                    c := and(add(c, g), 0xffffffffffffffff)
                    x := mul(h, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    g := and(add(add(g, s), xor(a, and(xor(h, a), xor(a, b)))), 0xffffffffffffffff)
                }
                {
                    let x := mul(c, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    f := add(add(f, s), add(xor(e, and(c, xor(d, e))), add(mload(add(q, 0x10)), mload(add(w, 0x20)))))
                    b := and(add(b, f), 0xffffffffffffffff)
                    x := mul(g, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    f := and(add(add(f, s), xor(h, and(xor(g, h), xor(h, a)))), 0xffffffffffffffff)
                }
                {
                    let x := mul(b, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    e := add(add(e, s), add(xor(d, and(b, xor(c, d))), add(mload(add(q, 0x18)), mload(add(w, 0x30)))))
                    a := and(add(a, e), 0xffffffffffffffff)
                    x := mul(f, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    e := and(add(add(e, s), xor(g, and(xor(f, g), xor(g, h)))), 0xffffffffffffffff)
                }
                {
                    let x := mul(a, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    d := add(add(d, s), add(xor(c, and(a, xor(b, c))), add(mload(add(q, 0x20)), mload(add(w, 0x40)))))
                    h := and(add(h, d), 0xffffffffffffffff)
                    x := mul(e, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    d := and(add(add(d, s), xor(f, and(xor(e, f), xor(f, g)))), 0xffffffffffffffff)
                }
                {
                    let x := mul(h, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    c := add(add(c, s), add(xor(b, and(h, xor(a, b))), add(mload(add(q, 0x28)), mload(add(w, 0x50)))))
                    g := and(add(g, c), 0xffffffffffffffff)
                    x := mul(d, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    c := and(add(add(c, s), xor(e, and(xor(d, e), xor(e, f)))), 0xffffffffffffffff)
                }
                {
                    let x := mul(g, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    b := add(add(b, s), add(xor(a, and(g, xor(h, a))), add(mload(add(q, 0x30)), mload(add(w, 0x60)))))
                    f := and(add(f, b), 0xffffffffffffffff)
                    x := mul(c, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    b := and(add(add(b, s), xor(d, and(xor(c, d), xor(d, e)))), 0xffffffffffffffff)
                }
                {
                    let x := mul(f, 0x10000000000000001)
                    let s := xor(xor(shr(14, x), shr(18, x)), shr(41, x))
                    a := add(add(a, s), add(xor(h, and(f, xor(g, h))), add(mload(add(q, 0x38)), mload(add(w, 0x70)))))
                    e := and(add(e, a), 0xffffffffffffffff)
                    x := mul(b, 0x10000000000000001)
                    s := xor(xor(shr(28, x), shr(34, x)), shr(39, x))
                    a := and(add(add(a, s), xor(c, and(xor(b, c), xor(c, d)))), 0xffffffffffffffff)
                }
                q := add(q, 0x40)
                w := add(w, 0x80)
                if eq(w, mload(0x00)) { break }
            }
            // Add the old state, word by word.
            w := add(scratch, 0x780)
            q := mload(w)
            a := and(add(a, shr(192, q)), 0xffffffffffffffff)
            b := and(add(b, shr(128, q)), 0xffffffffffffffff)
            c := and(add(c, shr(64, q)), 0xffffffffffffffff)
            d := and(add(d, q), 0xffffffffffffffff)
            mstore(w, or(or(shl(192, a), shl(128, b)), or(shl(64, c), d)))
            w := add(scratch, 0x7a0)
            q := mload(w)
            e := and(add(e, shr(192, q)), 0xffffffffffffffff)
            f := and(add(f, shr(128, q)), 0xffffffffffffffff)
            g := and(add(g, shr(64, q)), 0xffffffffffffffff)
            h := and(add(h, q), 0xffffffffffffffff)
            mstore(w, or(or(shl(192, e), shl(128, f)), or(shl(64, g), h)))
        }
    }
}
