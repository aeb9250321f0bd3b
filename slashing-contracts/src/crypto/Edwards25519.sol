// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Field25519} from "./Field25519.sol";

/// @title The curve edwards25519: -x^2 + y^2 = 1 + d x^2 y^2 modulo p
/// @notice Decoding of points, and the one question that signature verification asks of the group:
/// whether [c]B + [u]A + [v]R is the neutral element.
/// @dev Points are in extended coordinates (Hisil, Wong, Carter, Dawson 2008): x = X/Z, y = Y/Z, T = XY/Z. As -1 is a
/// square and d is not, the formulas hold for all pairs of points, equal ones and those of small order included, and Z
/// is never zero.
///
/// A point that is added often is kept in its cached form, 4 words: Y+X, Y-X, 2Z, 2dT.
library Edwards25519 {
    uint256 private constant P = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed;
    uint256 private constant D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3;
    uint256 private constant TWO_D = 0x2406d9dc56dffce7198e80f2eef3d13000e0149a8283b156ebd69b9426b2f159;

    /// @dev The four points of order 8 share two values of y, each the negative of the other.
    uint256 private constant ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826;
    uint256 private constant ORDER_8_MINUS_Y = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7;

    /// @notice A point in extended coordinates.
    struct Point {
        uint256 x;
        uint256 y;
        uint256 z;
        uint256 t;
    }

    /// @notice The affine point with this encoding: bit 255 is the lowest bit of x, the others are y.
    /// @dev Strict: `ok` is false if y is not below p, if no point has this y, if x is zero and its sign is not.
    function decode(uint256 encoding) internal view returns (bool ok, uint256 x, uint256 y) {
        y = encoding & (type(uint256).max >> 1);
        if (y >= P) return (false, 0, 0);
        // x^2 = (y^2 - 1) / (d y^2 + 1). The divisor is never zero, because -1/d is not a square.
        uint256 yy = mulmod(y, y, P);
        (ok, x) = Field25519.sqrtRatio(addmod(yy, P - 1, P), addmod(mulmod(D, yy, P), 1, P));
        uint256 sign = encoding >> 255;
        if (!ok || (x == 0 && sign == 1)) return (false, 0, 0);
        unchecked {
            if (x & 1 != sign) x = P - x;
        }
    }

    /// @notice Whether a point with this y has an order that divides 8.
    /// @dev The neutral element has y = 1, order 2: y = -1, order 4: y = 0, order 8: two values.
    function isSmallOrder(uint256 y) internal pure returns (bool) {
        return y < 2 || y == P - 1 || y == ORDER_8_Y || y == ORDER_8_MINUS_Y;
    }

    /// @notice Whether [c]B + [u]A + [v]R is the neutral element, for c < 2^256, any u, and v < 2^128. A and R are affine.
    /// @dev c is cut into low + 2^128 high, so that with B and [2^128]B there are four products with 128 bits, for which
    /// one sequence of doublings serves (Straus). Two bits of each scalar are taken at once: 16 combinations of A and R,
    /// computed here, and 16 of B and [2^128]B, which are constants.
    function vanishes(uint256 c, uint256 u, uint256 v, Point memory a, Point memory r) internal pure returns (bool) {
        uint256 tables = _tables(a, r);
        uint256 bits = 128;
        while (u >> bits != 0) bits += 2;
        (uint256 x, uint256 y, uint256 z) = _sum(tables, bits, c, u, v);
        return x == 0 && y == z;
    }

    /// @notice The affine point (x, y) in extended coordinates.
    function extend(uint256 x, uint256 y) internal pure returns (Point memory) {
        return Point(x, y, 1, mulmod(x, y, P));
    }

    /// @notice Turns a point into its negative.
    function negate(Point memory point) internal pure {
        unchecked {
            point.x = P - point.x;
            point.t = P - point.t;
        }
    }

    /// @dev Two tables of 16 cached points, 128 bytes each; entries 0, the neutral element, are never read.
    /// The first: [i]A + [j]R at i + 4j. The second: [i]B + [j 2^128]B at i + 4j.
    function _tables(Point memory a, Point memory r) private pure returns (uint256 tables) {
        assembly ("memory-safe") {
            tables := mload(0x40)
            mstore(0x40, add(tables, 0x1000))
        }
        unchecked {
            uint256 atA = tables + 0x080;
            uint256 atR = tables + 0x200;
            _cache(a, atA);
            Point memory sum = _add(a, atA);
            _cache(sum, tables + 0x100);
            _cache(_add(sum, atA), tables + 0x180);
            _cache(r, atR);
            sum = r;
            for (uint256 row = atR;;) {
                for (uint256 i = 0x080; i < 0x200; i += 0x080) {
                    _cache(_add(sum, tables + i), row + i);
                }
                row += 0x200;
                if (row == tables + 0x800) break;
                sum = _add(sum, atR);
                _cache(sum, row);
            }
        }
        _baseTable(tables + 0x800);
    }

    /// @dev Writes the cached form of `p` to memory at `to`.
    function _cache(Point memory p, uint256 to) private pure {
        assembly ("memory-safe") {
            let x := mload(p)
            let y := mload(add(p, 0x20))
            let z := mload(add(p, 0x40))
            mstore(to, add(y, x))
            mstore(add(to, 0x20), add(y, sub(P, x)))
            mstore(add(to, 0x40), add(z, z))
            mstore(add(to, 0x60), mulmod(TWO_D, mload(add(p, 0x60)), P))
        }
    }

    /// @dev p + q, for a cached q in memory at `q`.
    function _add(Point memory p, uint256 q) private pure returns (Point memory sum) {
        assembly ("memory-safe") {
            let x := mload(p)
            let y := mload(add(p, 0x20))
            let a := mulmod(add(y, sub(P, x)), mload(add(q, 0x20)), P)
            let b := mulmod(add(y, x), mload(q), P)
            let c := mulmod(mload(add(p, 0x60)), mload(add(q, 0x60)), P)
            let d := mulmod(mload(add(p, 0x40)), mload(add(q, 0x40)), P)
            let e := add(b, sub(P, a))
            let f := add(d, sub(P, c))
            let g := add(d, c)
            let h := add(b, a)
            mstore(sum, mulmod(e, f, P))
            mstore(add(sum, 0x20), mulmod(g, h, P))
            mstore(add(sum, 0x40), mulmod(f, g, P))
            mstore(add(sum, 0x60), mulmod(e, h, P))
        }
    }

    /// @dev [c]B + [u]A + [v]R in projective coordinates, from the tables, with `i` bits: even, at least 128, and all of
    /// u's. T is needed for additions only, so after each step its factors e and h are kept, T = e h.
    function _sum(uint256 tables, uint256 i, uint256 c, uint256 u, uint256 v)
        private
        pure
        returns (uint256 x, uint256 y, uint256 z)
    {
        assembly ("memory-safe") {
            y := 1
            z := 1
            for {} i {} {
                i := sub(i, 2)

                // Twice: double. e = 2XY, g = Y^2 - X^2, h = Y^2 + X^2, f = 2Z^2 - g.
                let h := mulmod(x, x, P)
                let g := mulmod(y, y, P)
                let e := mulmod(add(x, x), y, P)
                let f := addmod(g, sub(P, h), P)
                h := add(h, g)
                g := add(mulmod(add(z, z), z, P), sub(P, f))
                x := mulmod(e, g, P)
                y := mulmod(f, h, P)
                z := mulmod(g, f, P)

                h := mulmod(x, x, P)
                g := mulmod(y, y, P)
                e := mulmod(add(x, x), y, P)
                f := addmod(g, sub(P, h), P)
                h := add(h, g)
                g := add(mulmod(add(z, z), z, P), sub(P, f))
                x := mulmod(e, g, P)
                y := mulmod(f, h, P)
                z := mulmod(g, f, P)

                // Add a combination of A and R.
                g := or(and(shr(i, u), 3), shl(2, and(shr(i, v), 3)))
                if g {
                    g := add(tables, shl(7, g))
                    f := mulmod(mulmod(e, h, P), mload(add(g, 0x60)), P)
                    h := mulmod(add(y, x), mload(g), P)
                    e := mulmod(add(y, sub(P, x)), mload(add(g, 0x20)), P)
                    z := mulmod(z, mload(add(g, 0x40)), P)
                    x := add(h, sub(P, e))
                    h := add(h, e)
                    e := x
                    g := add(z, f)
                    f := add(z, sub(P, f))
                    x := mulmod(e, f, P)
                    y := mulmod(g, h, P)
                    z := mulmod(f, g, P)
                }

                // Add a combination of B and [2^128]B, whose Z is 1.
                if lt(i, 128) {
                    g := or(and(shr(i, c), 3), shl(2, and(shr(add(i, 128), c), 3)))
                    if g {
                        g := add(add(tables, 0x800), shl(7, g))
                        f := mulmod(mulmod(e, h, P), mload(add(g, 0x60)), P)
                        h := mulmod(add(y, x), mload(g), P)
                        e := mulmod(add(y, sub(P, x)), mload(add(g, 0x20)), P)
                        z := mulmod(z, 2, P)
                        x := add(h, sub(P, e))
                        h := add(h, e)
                        g := add(z, f)
                        f := add(z, sub(P, f))
                        y := mulmod(g, h, P)
                        z := mulmod(f, g, P)
                        x := mulmod(x, f, P)
                    }
                }
            }
        }
    }

    /// @dev The combinations of B and [2^128]B in cached form, without 2Z. Computed by test/vectors/generate.py.
    function _baseTable(uint256 to) private pure {
        assembly ("memory-safe") {
            function put(at, sum, difference, product) {
                mstore(at, sum)
                mstore(add(at, 0x20), difference)
                mstore(add(at, 0x60), product)
            }
            put(
                add(to, 0x080),
                0x07cf9d3a33d4ba65270b4898643d42c2cf932dc6fb8c0e192fbc93c6f58c3b85,
                0x44fd2f9298f81267a5c18434688f8a09fd399f05d140beb39d103905d740913e,
                0x6f117b689f0c65a85a1b7dcbdd43598c26d9e823ccaac49eabc91205877aaa68
            )
            put(
                add(to, 0x100),
                0x590c063fa87d2e2e5aa69a65e1d607029f469d967a0ff5b59224e7fc933c71d7,
                0x6bb595a669c92555e09e236bb16e37aa8f2b810c4e60acf68a99a56042b4d5a8,
                0x701af5b13ea50b73500fa0840b3d6a3136c16bdd5d9acf7843faa8b3a59b7a5f
            )
            put(
                add(to, 0x180),
                0x7a164e1b9a80f8f4c11b50029f016732025a8430e8864b8aaf25b0a84cee9730,
                0x2ab91587555bda628131f31a214bd6bd3bd353fde5c1ba7d56611fe8a4fcd265,
                0x5a2826af12b9b4c6d170e5458cf2db4c589423221c35da6214ae933f0dd0d889
            )
            put(
                add(to, 0x200),
                0x2b5449e58eb3bbaa2b1e583b0810c5db29b743e8148be884583b04bfacad8ea2,
                0x1304e9e71627d55100c3e53145747299f7ea38548ebda0b85f3a7562eb3dbe47,
                0x4468de2d7c2dd693da0fe1fff979c60a3c1bab3f8b48dd0b789814d26adc9cfe
            )
            put(
                add(to, 0x280),
                0x26a13664d0543d4df551be51c67bb198e71ffd60d0b20ef72118278de3bc6748,
                0x49d76bba7942742edfea3ad4acf4f0f1855225506cd8952929522d3b13a339ee,
                0x4e1fafe3a8fcedc2247d576da7adb185191d3946c351299a14fa42338d56e61d
            )
            put(
                add(to, 0x300),
                0x1f7f6a87295d640a3a2a05dd030327ecfe71434e8b041c4966635e13c9b07010,
                0x69e18972485f701a4f57cb485221daa8e06694d1610f27520585dcd999edc1df,
                0x72313d43c8a233927157e5659fe111e582a4f1a8a3c773f7bc308897f0a51ec4
            )
            put(
                add(to, 0x380),
                0x31ae6f618875bf662863ecbf9e21414639263b3aa477f830cde9bf651e52f7f2,
                0x2292a198339f5c3400023a8880511c5ea8c15f8cbd7c6c1e368094c6126ed95e,
                0x000f3c88a489a8b94bd1f39797117961c60adaceec9c1cca6e253e8cf24b12fb
            )
            put(
                add(to, 0x400),
                0x5da6427e63247352d4a866c5657a772c21113531435d0c284b9ad8c6f86307ce,
                0x6cce7c6ffb44bd6393a5b6d6447f996233e6dc4c23ddc75451bb355e9419469e,
                0x58f29abfe79f2ca888ad8c388d59580fb9066ef7bbae1ff81a94c688deac22ca
            )
            put(
                add(to, 0x480),
                0x1d52d20ba5e90602caa6018effa5ba3b775795d74418f3460c5cc579399eb749,
                0x517944430a9861421fd7c6b0bcedd54dc8da173ae26f88b485b28e92da42a113,
                0x11a7b47f9425349106bd826f28952c6152689d6e746252accc2216eb202c1db1
            )
            put(
                add(to, 0x500),
                0x06503c74ae8b101668fee730b64353156779ce8e87cbbbd5aef40bb9530fffa7,
                0x3b98d0e04bf613cfdb0fd452145c112bf70d3eef860042342ff5a01c5352764f,
                0x31ffa1374e391c0e4829e9351bf8353fb32d697e6e82eaea43db808ec03ea5c6
            )
            put(
                add(to, 0x580),
                0x063f657f118b5a3306b2291dcedd71b01ff1f4b96bc02bc06ddd148bebf4653a,
                0x2cf345d62cb994f9c3ed6f7c8fcda841db1c28a86981a28ea3ad272c3229183a,
                0x605546a0f18eed43a84f8d9777c81aeccc00175e2b4672158faf1218584a7571
            )
            put(
                add(to, 0x600),
                0x6af93724185b48703643d056d50b3ab9b14ce538462c293c4b5a64bf710ecdf6,
                0x577629c4a7f41e36f0495b0bbe01598254036f9f377e76a5e90ecfab8de73e68,
                0x701f25bb0caec18f83e236233c33289fd2e036134b5589733220024509c6a888
            )
            put(
                add(to, 0x680),
                0x7ec400be3449b5223bf2d5b52fd89697fc7aa8c3ba53e9838ed5a32298312267,
                0x5729d8b5e96cd0df55f662f0049c8606987ddd9f928ac260c741bc3e4dff4491,
                0x0d4a2c9b5f05d097d13cec14e9af74594c53ac0380f92d6a38819d28c3141259
            )
            put(
                add(to, 0x700),
                0x2c63e897e7baf97d0d815552664905114ca5f20f72ae91ad77283c287b6cce85,
                0x63e9f6d8ede1582b7f1839c6592328b7ab03c3761008311951fcdbbbf9ed45c1,
                0x5e407e2065f874967e142c6e735d395b6ef030903019e8807f35d231e998f830
            )
            put(
                add(to, 0x780),
                0x6b8b04136f5a8d6e9fba727e53facc10b1a90f7b9f5ed2c6ea9ccf657845a39d,
                0x13191bd0979e1a24c6b9e3542308a5670edfe5750294d8e69fcfb6e37768cc48,
                0x4222059b2ec72c2bae45c0cacd4519867946c8142a4018ab06fd6ecc23d4fa1f
            )
        }
    }
}
