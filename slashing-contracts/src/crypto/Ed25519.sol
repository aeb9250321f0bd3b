// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Edwards25519} from "./Edwards25519.sol";
import {Scalar25519} from "./Scalar25519.sol";
import {Sha512} from "./Sha512.sol";

/// @title Strict ed25519 verification
/// @notice One rule, the same that consensus counts votes by (docs/protocol.md, "Hashing and signing"): S < L; A and R
/// canonically encoded; neither of small order; [S]B = R + [k]A without the cofactor, k = SHA-512(R, A, message) mod L.
/// @dev The equation is not computed as it stands. Let T = [S]B - [k]A - R: the question is whether T is neutral. With
/// u = ±v k (modulo 8L) from `Scalar25519.halve`,
///
///     [v]T = [v S]B -+ [u]A - [v]R.
///
/// Every point's order divides 8L, so A may have a component of small order. v is odd and below the prime L, hence coprime
/// to 8L, and multiplying by v loses nothing: [v]T is neutral if and only if T is. B has order L, so v S may be reduced
/// modulo L. What is left has scalars of half the length, needs half the doublings, and no inversion at the end. (The idea
/// is from Antipa et al., "Accelerated Verification of ECDSA Signatures", 2005; here modulo 8L, which makes it exact.)
library Ed25519 {
    /// @notice Whether (r, s) is `key`'s signature of `message`. All three in the byte order of RFC 8032.
    function verify(bytes32 key, bytes32 r, bytes32 s, bytes memory message) internal view returns (bool) {
        uint256 scalar = _littleEndian(s);
        if (scalar >= Scalar25519.L) return false;
        (bool aOk, uint256 ax, uint256 ay) = Edwards25519.decode(_littleEndian(key));
        if (!aOk || Edwards25519.isSmallOrder(ay)) return false;
        (bool rOk, uint256 rx, uint256 ry) = Edwards25519.decode(_littleEndian(r));
        if (!rOk || Edwards25519.isSmallOrder(ry)) return false;
        return _holds(scalar, _challenge(key, r, message), Edwards25519.extend(ax, ay), Edwards25519.extend(rx, ry));
    }

    /// @notice Whether `key` encodes a point that signatures are verified against: canonical, and not of small order.
    function isUsable(bytes32 key) internal view returns (bool) {
        (bool ok,, uint256 y) = Edwards25519.decode(_littleEndian(key));
        return ok && !Edwards25519.isSmallOrder(y);
    }

    /// @dev Whether [s]B = R + [k]A. Signs are moved into A and R, so that all scalars are positive:
    /// [v s]B + [u](-A) + [v](-R) for u = v k, and [v s]B + [u]A + [v](-R) for u = -v k.
    function _holds(uint256 s, uint256 k, Edwards25519.Point memory a, Edwards25519.Point memory r)
        private
        pure
        returns (bool)
    {
        (uint256 u, uint256 v, bool negative) = Scalar25519.halve(k);
        if (!negative) Edwards25519.negate(a);
        Edwards25519.negate(r);
        return Edwards25519.vanishes(mulmod(v, s, Scalar25519.L), u, v, a, r);
    }

    /// @dev SHA-512 of R, A and message, read as a little-endian number, modulo L.
    function _challenge(bytes32 key, bytes32 r, bytes memory message) private pure returns (uint256) {
        (bytes32 first, bytes32 last) = Sha512.hash(bytes.concat(r, key, message));
        return Scalar25519.fromWide(_littleEndian(first), _littleEndian(last));
    }

    /// @dev Bytes in reverse, by swapping halves of ever larger groups.
    function _littleEndian(bytes32 word) private pure returns (uint256 v) {
        unchecked {
            v = uint256(word);
            v = ((v >> 8) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                | ((v & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff) << 8);
            v = ((v >> 16) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                | ((v & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff) << 16);
            v = ((v >> 32) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                | ((v & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff) << 32);
            v = ((v >> 64) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                | ((v & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff) << 64);
            v = (v >> 128) | (v << 128);
        }
    }
}
