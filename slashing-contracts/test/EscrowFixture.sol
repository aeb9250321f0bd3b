// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FinalItem, IBundleEscrow, Terms} from "../src/interfaces/IBundleEscrow.sol";
import {Finality} from "../src/interfaces/IZkRollupSettlement.sol";
import {HeadPath} from "../src/interfaces/ISequencerLightClient.sol";
import {BatchFields} from "../src/libraries/BatchHead.sol";
import {BundleEscrow} from "../src/settlement/BundleEscrow.sol";
import {ZkFixture} from "./ZkFixture.sol";

/// @notice An escrow, and a bundle: one leg is in batch 4 of the vectors, the other in a batch of another rollup.
abstract contract EscrowFixture is ZkFixture {
    uint64 internal constant OTHER = ROLLUP + 1;
    bytes32 internal constant SECRET = keccak256("secret");
    /// The bundle's id in the vectors.
    bytes32 internal constant BUNDLE = bytes32(uint256(type(uint256).max) / 255);
    address internal constant TO = address(0xb0b);
    address internal constant BACK_TO = address(0xa11ce);
    uint64 internal constant DEADLINE = 10_000_000_000;

    BundleEscrow internal escrow;

    function _setUpEscrow() internal {
        _setUpZk();
        escrow =
            BundleEscrow(_createAt(address(uint160(uint256(keccak256("escrow")))), type(BundleEscrow).creationCode));
    }

    function _terms() internal view returns (Terms memory) {
        return Terms({
            settlement: rollup,
            rollup: OTHER,
            leg: sha256("lock"),
            lock: sha256(abi.encodePacked(SECRET)),
            receiver: TO,
            sender: BACK_TO,
            deadline: DEADLINE
        });
    }

    /// An item of a bundle as the network writes it.
    function _leg(bytes32 bundle, bytes memory payload) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), bundle, uint8(1), uint8(2), uint32(payload.length), payload);
    }

    /// A batch of the other rollup with one item; its finality is still missing.
    function _alone(bytes memory item) internal pure returns (FinalItem memory other) {
        other.index = 5;
        other.previous = keccak256("before");
        other.batch = BatchFields(40, 4_000, 1, sha256(abi.encodePacked(uint8(0), item)), keccak256("items"));
        other.item = item;
        other.siblings = new bytes32[](0);
    }

    function _headOf(FinalItem memory other) internal view returns (bytes32) {
        return sha256(
            abi.encodePacked(
                abi.encodePacked("FAIRLANE-BAT-v1", rollup.network(), OTHER, other.previous, other.index),
                other.batch.height,
                other.batch.time,
                other.batch.count,
                other.batch.txRoot,
                other.batch.payloadHash
            )
        );
    }

    /// A checkpoint in which both rollups stand behind their legs; settles batch 4 with it. Adds the other's finality.
    function _settleBoth(FinalItem memory other) internal {
        Finality memory own;
        own.path = HeadPath(ROLLUP, 4, _head(4), 40, 0, 2, new bytes32[](1));
        other.finality.path = HeadPath(OTHER, other.index, _headOf(other), 40, 1, 2, new bytes32[](1));
        bytes32 left = sha256(abi.encodePacked(uint8(0), ROLLUP, uint64(4), _head(4), uint64(40)));
        bytes32 right = sha256(abi.encodePacked(uint8(0), OTHER, other.index, _headOf(other), uint64(40)));
        (own.path.siblings[0], other.finality.path.siblings[0]) = (right, left);
        own.checkpoint = _checkpoint(40, "both");
        bytes32 node = sha256(abi.encodePacked(uint8(1), left, right));
        own.checkpoint.headsRoot = sha256(abi.encodePacked("FAIRLANE-HDS-v1", uint64(2), node));
        _submit(own.checkpoint, ALL);
        (own.number,,) = client.latest();
        (other.finality.number, other.finality.checkpoint) = (own.number, own.checkpoint);
        own.later = new BatchFields[](0);
        other.finality.later = own.later;
        _fourth(own);
    }

    /// Settles everything, and gives the other leg.
    function _ordered() internal returns (FinalItem memory other) {
        _third();
        other = _alone(_leg(BUNDLE, "lock"));
        _settleBoth(other);
    }
}
