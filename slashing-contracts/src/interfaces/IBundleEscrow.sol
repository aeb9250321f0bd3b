// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchFields} from "../libraries/BatchHead.sol";
import {Finality, IZkRollupSettlement, ItemProof} from "./IZkRollupSettlement.sol";

/// @notice What two parties agree on before they send their bundle. Its Keccak-256 in the ABI's encoding names their vault.
struct Terms {
    /// Where the proven rollup is settled, and the sender's leg with it.
    IZkRollupSettlement settlement;
    /// The rollup of the receiver's leg, of the same network.
    uint64 rollup;
    /// SHA-256 of that leg's payload.
    bytes32 leg;
    /// SHA-256 of the sender's secret.
    bytes32 lock;
    /// Who is paid when the secret is shown.
    address receiver;
    /// Who is paid back after the deadline.
    address sender;
    /// Unix time, in seconds.
    uint64 deadline;
}

/// @notice One item of a batch, and that the batch is final.
struct FinalItem {
    /// The batch's index.
    uint64 index;
    /// The head before the batch.
    bytes32 previous;
    BatchFields batch;
    /// The item's place in the batch.
    uint32 place;
    /// The item's bytes.
    bytes item;
    /// From the item's leaf up to the batch's root.
    bytes32[] siblings;
    Finality finality;
}

/// @title Holds what one leg of a bundle brought to Ethereum, until the other leg is final, too
/// @notice One leg withdraws value from a proven rollup to a vault; the other one locks value for its sender in another
/// rollup, with the same lock. The vault pays the receiver if both were ordered together, the withdrawal is settled, the
/// other leg is final, and the secret is known; else, after the deadline, the sender. docs/rollups/crossing.md has the steps.
///
/// What the other leg did in its rollup is not known here: the sender shows the secret only after seeing it there.
interface IBundleEscrow {
    /// The receiver was paid.
    event Released(bytes32 indexed terms, bytes32 indexed bundle, bytes32 secret, uint256 value);
    /// The sender was paid back.
    event Refunded(bytes32 indexed terms, uint256 value);

    /// The deadline is over.
    error TooLate(uint64 deadline, uint256 time);
    /// The deadline is not over.
    error TooEarly(uint64 deadline, uint256 time);
    /// The secret does not fit the lock.
    error WrongSecret(bytes32 lock, bytes32 expected);
    /// The withdrawal goes elsewhere.
    error WrongVault(address to, address expected);
    /// The item is not at that place of the batch.
    error WrongPlace(bytes32 root, bytes32 expected);
    /// The other leg is not what was agreed on.
    error WrongLeg(bytes32 leg, bytes32 expected);
    /// The items are no legs of one bundle.
    error NotOneBundle(bytes32 bundle, bytes32 other);
    /// The vault has nothing to pay.
    error NothingHeld(address vault);

    /// @notice Pays the receiver. Collects the withdrawal first where nobody has. Anyone may ask for it.
    /// @param secret What the lock is the hash of.
    /// @param own The withdrawal to the vault.
    /// @param other The other leg.
    function release(Terms calldata terms, bytes32 secret, ItemProof calldata own, FinalItem calldata other) external;

    /// @notice Pays the sender back, after the deadline. Anyone may ask for it.
    function refund(Terms calldata terms) external;

    /// @notice The address to withdraw to. What comes there otherwise is paid along with it.
    function vault(Terms calldata terms) external view returns (address);
}
