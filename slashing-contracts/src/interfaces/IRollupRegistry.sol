// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What a rollup's owner may change.
struct RollupSettings {
    /// The rollup's contract on this chain; zero without one.
    address settlement;
    /// SHA-256 of each verification key that its proofs are made for (docs/rollups/adapter.md); none where nothing is proven,
    /// or the owner says nothing of it.
    bytes32[] verificationKeys;
    /// A URI of what people want to know.
    string metadata;
}

/// @notice A registered rollup.
struct Rollup {
    address owner;
    /// Who has been offered the rollup; zero if nobody.
    address pendingOwner;
    /// Only transactions of one ordering group are compared. Fixed for ever.
    uint32 group;
    /// How many bytes the payload of every leg has; 0: any number. Fixed for ever.
    uint32 legBytes;
    /// The first epoch whose blocks order transactions for it.
    uint32 fromEpoch;
    /// The first epoch whose blocks do not any more; 0 if none is known.
    uint32 closedFrom;
    RollupSettings settings;
}

/// @title The rollups that the network orders for
/// @notice Nodes follow the events, of finalized blocks only. A registration made during epoch e counts from epoch e + 3 on,
/// as changes of the validator set do.
interface IRollupRegistry {
    /// A rollup was registered.
    event RollupRegistered(
        uint64 indexed rollup, address indexed owner, uint32 group, uint32 legBytes, uint32 fromEpoch
    );
    /// A rollup's settings, at registration and whenever they change.
    event RollupConfigured(uint64 indexed rollup, RollupSettings settings, uint32 fromEpoch);
    /// A rollup is not ordered for any more from an epoch on. Its history remains.
    event RollupClosed(uint64 indexed rollup, uint32 fromEpoch);
    /// A rollup was offered to a new owner.
    event OwnershipOffered(uint64 indexed rollup, address indexed to);
    /// A rollup has a new owner.
    event OwnershipTaken(uint64 indexed rollup, address indexed owner);

    /// The deployment's parameters contradict each other.
    error InvalidParameter(string name);
    /// The id is taken.
    error RollupExists(uint64 rollup, address owner);
    /// There is no such rollup.
    error UnknownRollup(uint64 rollup);
    /// Only the owner may do this.
    error NotRollupOwner(uint64 rollup, address caller, address owner);
    /// Only the one to whom the rollup is offered may take it.
    error NotPendingOwner(uint64 rollup, address caller, address pendingOwner);
    /// The rollup is closed.
    error AlreadyClosed(uint64 rollup, uint32 fromEpoch);
    /// The network has room for so many rollups.
    error TooManyRollups(uint256 limit);
    /// There are more verification keys than the limit.
    error TooManyKeys(uint256 count, uint256 limit);
    /// The metadata is longer than the limit.
    error MetadataTooLong(uint256 length, uint256 limit);

    /// @notice Registers a rollup under an id that nobody has, for the caller, who pays the fee. Transactions whose payload
    /// for it has not `legBytes` bytes (0: any number) are not ordered.
    function register(uint64 rollup, uint32 group, uint32 legBytes, RollupSettings calldata settings) external;

    /// @notice Replaces a rollup's settings.
    function configure(uint64 rollup, RollupSettings calldata settings) external;

    /// @notice Ends ordering for a rollup, for ever.
    function close(uint64 rollup) external;

    /// @notice Offers a rollup to a new owner; zero takes an offer back.
    function offerOwnership(uint64 rollup, address to) external;

    /// @notice Takes a rollup that is offered to the caller.
    function takeOwnership(uint64 rollup) external;

    /// @notice A rollup; reverts if there is none.
    function rollupOf(uint64 rollup) external view returns (Rollup memory);

    /// @notice How many rollups there are.
    function count() external view returns (uint256);

    /// @notice Rollup ids in the order of registration, from `start` on, at most `limit`.
    function ids(uint256 start, uint256 limit) external view returns (uint64[] memory);
}
