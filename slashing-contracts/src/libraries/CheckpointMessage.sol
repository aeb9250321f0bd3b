// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bls12381} from "../crypto/Bls12381.sol";

/// @title What validators sign for a checkpoint, and whether they did (docs/protocol.md, "Checkpoints")
/// @notice The message is the domain and the SHA-256 of network, height, block id, heads root, hash of the set that signs and
/// hash of the next one. Signatures are on BLS12-381, by the suite in `TAG`.
library CheckpointMessage {
    bytes15 private constant DOMAIN = "FAIRLANE-CKP-v1";
    bytes private constant TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    /// @notice Bytes of a signature: four coordinates without the zeros that EIP-2537 has in front of each.
    uint256 internal constant SIGNATURE_BYTES = 192;

    /// @notice Whether `key` signed.
    /// @param fields Everything that is signed, the network included.
    /// @param key A key or a sum of keys, 128 bytes as in EIP-2537.
    /// @param signature A signature or a sum of signatures of SIGNATURE_BYTES.
    function isSigned(bytes memory fields, bytes memory key, bytes calldata signature) internal view returns (bool) {
        bytes memory message = abi.encodePacked(DOMAIN, sha256(fields));
        return Bls12381.verify(key, _padded(signature), message, TAG);
    }

    function _padded(bytes calldata signature) private pure returns (bytes memory point) {
        point = new bytes(Bls12381.G2_BYTES);
        assembly ("memory-safe") {
            let to := add(point, 0x30)
            let from := signature.offset
            calldatacopy(to, from, 48)
            calldatacopy(add(to, 64), add(from, 48), 48)
            calldatacopy(add(to, 128), add(from, 96), 48)
            calldatacopy(add(to, 192), add(from, 144), 48)
        }
    }
}
