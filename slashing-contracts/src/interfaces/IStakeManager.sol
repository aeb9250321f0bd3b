// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEpochs} from "./IEpochs.sol";
import {Keys} from "./IKeyVerifier.sol";

/// @notice A validator's account.
struct Validator {
    /// Stake that counts.
    uint128 bonded;
    /// Stake asked back and not claimed yet. It can be slashed until it is claimed.
    uint128 unbonding;
    /// Its seat in the set, counted from 1; 0 without one.
    uint32 seat;
    /// Counts its entries into the set and its key rotations. A lane belongs to one incarnation.
    uint32 incarnation;
    /// Place of its consensus key in the list of all keys, counted from 1; 0 for who is not registered.
    uint32 keyIndex;
    /// The first epoch in which it may return from jail; 0 outside.
    uint32 jailedUntil;
    /// Slashed, and out for ever.
    bool tombstoned;
    /// The penalty of a tombstoned validator is final, and what is left can be claimed.
    bool settled;
}

/// @notice Stake on its way back.
struct UnbondRequest {
    uint128 amount;
    /// The first epoch in which it can be claimed.
    uint32 releaseEpoch;
}

/// @notice Whose a consensus key is, for ever.
struct KeyRecord {
    address operator;
    /// The first epoch whose set does not have it; 0 while it is in use.
    uint32 retiredFrom;
    /// Its place in the list of all keys, counted from 1; 0 for a key that nobody registered.
    uint32 keyIndex;
}

/// @notice A member of a validator set, as docs/protocol.md, "Validator sets", has it.
struct Member {
    bytes32 consensusKey;
    uint64 power;
    uint32 incarnation;
}

/// @notice The set of one epoch.
struct ValidatorSet {
    /// Sorted by key.
    Member[] members;
    uint64 totalPower;
    /// The power that decides: more than two thirds of all.
    uint64 quorum;
}

/// @title The validators and their stake
/// @notice An operator registers two keys, bonds stake in one ERC-20 token and takes one of a limited number of seats. Who
/// holds a seat is in the validator set; the set of an epoch never changes once the epoch before the last has begun.
/// Stake that is asked back stays slashable until well after it left the set and evidence against its keys expired.
interface IStakeManager is IEpochs {
    /// An operator registered. Its keys are its own for ever.
    event Registered(address indexed operator, bytes32 indexed consensusKey, bytes checkpointKey);
    /// Where an operator's node can be reached: multiaddresses, separated by spaces.
    event Announced(address indexed operator, string addresses);
    /// Stake was added.
    event Deposited(address indexed operator, uint256 amount, uint256 bonded);
    /// Stake was asked back.
    event UnbondRequested(address indexed operator, uint256 amount, uint32 releaseEpoch);
    /// Stake was paid back.
    event Claimed(address indexed operator, uint256 amount);
    /// From an epoch on, the holder of a seat votes with this key, incarnation and power; power 0: nobody does.
    event SeatChanged(
        uint32 indexed seat, bytes32 indexed consensusKey, uint64 power, uint32 incarnation, uint32 fromEpoch
    );
    /// An operator replaced its keys. The old ones stay its own, and evidence against them counts.
    event KeysRotated(address indexed operator, bytes32 indexed oldKey, bytes32 indexed newKey, bytes checkpointKey);
    /// A validator was taken out of the set for some time.
    event Jailed(address indexed operator, uint32 untilEpoch);
    /// A validator may take a seat again.
    event Unjailed(address indexed operator);
    /// A validator is out for ever. `exposure` is all the stake that it had.
    event Tombstoned(address indexed operator, bytes32 indexed consensusKey, uint256 exposure);
    /// Stake was taken away as a penalty; `reward` of it is held for a reporter.
    event Seized(address indexed operator, uint256 amount, uint256 reward);
    /// A tombstoned validator's penalty is final.
    event Released(address indexed operator);
    /// A reporter was paid.
    event RewardPaid(address indexed to, uint256 amount);
    /// Penalties left the contract, to be burned or to the treasury.
    event PotFlushed(address indexed sink, uint256 amount);

    /// The deployment's parameters contradict each other.
    error InvalidParameter(string name);
    /// The caller registered before.
    error AlreadyRegistered(address operator);
    /// Nobody registered under this address.
    error NotRegistered(address operator);
    /// The key belongs to an operator already, maybe to the caller.
    error KeyTaken(bytes32 keyHash, address owner);
    /// The stake would be below the least that is accepted.
    error StakeTooSmall(uint256 amount, uint256 minimum);
    /// The stake would be above what the engine's arithmetic has room for.
    error StakeTooLarge(uint256 amount, uint256 maximum);
    /// Zero is no amount.
    error ZeroAmount();
    /// More is asked for than there is.
    error InsufficientStake(uint256 amount, uint256 bonded);
    /// The token delivered another amount than asked for.
    error UnexpectedTransfer(uint256 received, uint256 expected);
    /// A validator has at most so many requests at once; claim some first.
    error TooManyRequests(uint256 limit);
    /// Nothing can be claimed yet.
    error NothingToClaim(address operator);
    /// The penalty is not final yet.
    error NotSettled(address operator);
    /// The validator is out for ever.
    error IsTombstoned(address operator);
    /// The validator is in jail until an epoch.
    error IsJailed(address operator, uint32 untilEpoch);
    /// The validator is not in jail.
    error NotJailed(address operator);
    /// The validator has a seat.
    error AlreadySeated(address operator, uint32 seat);
    /// The validator has no seat.
    error NotSeated(address operator);
    /// All seats are taken. Name a validator with less stake to displace.
    error NoFreeSeat(uint32 seats);
    /// A validator is displaced only by one with more stake.
    error NotLessStake(address displaced, uint256 stake, uint256 challenger);
    /// Only the operator or the guardian may do this.
    error NotOperatorOrGuardian(address caller);
    /// The guardian has put somebody into jail in this epoch already.
    error GuardianJailedRecently(uint32 nextEpoch);
    /// Only the SlashingManager may do this.
    error NotSlashingManager(address caller);
    /// The addresses are longer than the limit.
    error AddressesTooLong(uint256 length, uint256 limit);

    /// @notice Registers the caller as an operator, bonds `amount`, and takes a seat if one is free.
    /// @param addresses Multiaddresses of its node, separated by spaces.
    function register(Keys calldata keys, uint128 amount, string calldata addresses) external;

    /// @notice Bonds more, and takes a seat if the caller has none and one is free.
    function deposit(uint128 amount) external;

    /// @notice Takes a free seat, or the seat of `displaced`, who has less stake bonded than the caller.
    /// @param displaced Zero for a free seat.
    function takeSeat(address displaced) external;

    /// @notice Asks stake back. It counts no longer from `effectiveEpoch` on and is claimable `unbondingEpochs` later. Who
    /// keeps less than the minimum leaves the set.
    function requestUnbond(uint128 amount) external;

    /// @notice Pays back what is due to the caller.
    function claim() external returns (uint256 amount);

    /// @notice Replaces both keys by new ones, from `effectiveEpoch` on. The validator starts a new lane.
    function rotateKeys(Keys calldata keys) external;

    /// @notice Says where the caller's node can be reached.
    function announce(string calldata addresses) external;

    /// @notice Takes a validator out of the set. Operators may do it to themselves at any time; the guardian to one validator
    /// an epoch, for nodes that are gone and hold the others up. No stake is lost.
    function jail(address operator) external;

    /// @notice Leaves jail, and takes a seat if one is free.
    function unjail() external;

    /// @notice Sends penalties to where they are burned, or to the treasury.
    function flushPot() external returns (uint256 amount);

    /// @notice Puts a validator out for ever. All its stake becomes one request, to be claimed once settled.
    /// @return exposure All the stake that it has.
    function tombstone(address operator) external returns (uint256 exposure);

    /// @notice Takes up to `amount` from a tombstoned validator; `rewardBps` ten thousandths of it are held for a reporter.
    function seize(address operator, uint256 amount, uint256 rewardBps) external returns (uint256 taken, uint256 reward);

    /// @notice Lets a tombstoned validator claim what is left.
    function release(address operator) external;

    /// @notice Pays a reporter out of the rewards held.
    function payReward(address to, uint256 amount) external;

    /// @notice The validator set of an epoch, final from epoch - 2 on. Empty in the first three epochs; then the network's
    /// genesis set stands, as it does later where the set is empty.
    function validatorSet(uint32 epoch) external view returns (ValidatorSet memory);

    /// @notice All power of the set of an epoch.
    function totalPower(uint32 epoch) external view returns (uint64);

    /// @notice An operator's account.
    function validatorOf(address operator) external view returns (Validator memory);

    /// @notice An operator's stake on its way back.
    function unbondRequestsOf(address operator) external view returns (UnbondRequest[] memory);

    /// @notice The consensus key that an operator uses now.
    function consensusKeyOf(address operator) external view returns (bytes32);

    /// @notice The BLS key that an operator uses now, as in EIP-2537.
    function checkpointKeyOf(address operator) external view returns (bytes memory);

    /// @notice The BLS key that was registered with a consensus key, for ever, as in EIP-2537. Zero if nobody registered it.
    function checkpointKeyBeside(bytes32 consensusKey) external view returns (bytes memory);

    /// @notice Whose a consensus key is; operator zero if nobody's.
    function keyRecord(bytes32 consensusKey) external view returns (KeyRecord memory);

    /// @notice Stake that counts, of all validators.
    function totalBonded() external view returns (uint256);

    /// @notice Stake on its way back, of all validators.
    function totalUnbonding() external view returns (uint256);

    /// @notice Penalties that are still here.
    function pot() external view returns (uint256);

    /// @notice Rewards that are held for reporters.
    function rewards() external view returns (uint256);

    /// @notice The most members of a set.
    function seats() external view returns (uint32);

    /// @notice Stake in the token's smallest unit that gives one unit of voting power.
    function powerUnit() external view returns (uint128);

    /// @notice How many epochs stake stays after it left the set.
    function unbondingEpochs() external view returns (uint32);

    /// @notice How many epochs after a key left the set evidence against it counts. Less than `unbondingEpochs`.
    function evidenceEpochs() external view returns (uint32);

    /// @notice Who slashes.
    function slashingManager() external view returns (address);
}
