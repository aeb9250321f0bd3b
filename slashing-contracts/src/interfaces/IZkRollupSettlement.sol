// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchFields} from "../libraries/BatchHead.sol";
import {IRollupSettlement} from "./IRollupSettlement.sol";
import {Checkpoint, HeadPath, ISequencerLightClient} from "./ISequencerLightClient.sol";

/// @notice Value that waits to come into the rollup.
struct Deposit {
    /// The account that the key has.
    uint16 account;
    /// The key, a point of Baby Jubjub with a = 1.
    uint256 x;
    uint256 y;
    /// In units.
    uint64 amount;
}

/// @notice What a proof is said to show.
struct Transition {
    /// The root of the accounts afterwards.
    bytes32 root;
    /// The head of the batch afterwards, or, inside a batch, the commitment to how far it was read.
    bytes32 position;
    /// How many items of the batch were begun before; 0 where the proof begins with the batch.
    uint32 first;
    /// Which of the items that begin here are withdrawals that took place: bit i is item `first + i`.
    uint64 withdrawals;
    /// The deposits that are due; none where the proof goes on inside a batch.
    Deposit[] deposits;
    /// Points A, B and C, as `IProofVerifier` takes them.
    uint256[8] proof;
}

/// @notice A place inside a batch that was proven, and that a proof goes on from. All zero: the end of the batch before.
struct Progress {
    bytes32 root;
    bytes32 position;
    /// The chain of the withdrawals so far (see `IZkRollupSettlement.outcome`).
    bytes32 withdrawals;
}

/// @notice That a head is final: a checkpoint, the rollup's place in it, and all batches between the head and that place.
struct Finality {
    /// The checkpoint's number in the light client.
    uint64 number;
    Checkpoint checkpoint;
    HeadPath path;
    /// The batches behind the head, up to the one that `path` shows.
    BatchFields[] later;
}

/// @notice Withdrawals that one proof showed.
struct Withdrawals {
    uint32 first;
    uint64 bits;
}

/// @notice One item of a settled batch.
struct ItemProof {
    /// The batch's index.
    uint64 index;
    /// The head before the batch.
    bytes32 previous;
    BatchFields batch;
    /// All withdrawals of the batch, in the order of the proofs that had some.
    Withdrawals[] withdrawals;
    /// Which of them has the item's.
    uint256 chunk;
    /// The item's place in the batch.
    uint32 place;
    /// The item's bytes.
    bytes item;
    /// From the item's leaf up to the batch's root.
    bytes32[] siblings;
}

/// @title Settles a rollup whose state is proven
/// @notice Keeps the root of the rollup's accounts and moves it on, batch by batch, where a proof shows that the batch was
/// carried out and the light client that the batch is final. It has no owner, cannot be paused and cannot be changed.
///
/// Deposits enter in the order in which they were made, as many with each batch as a proof has room for. Those that are due
/// with a batch were fixed when the batch before was settled, so whoever proves it has no choice.
///
/// A batch that is too large for one proof is proven in pieces: `advance` records a piece, and `settle` the last. What
/// pieces say has no effect before that, and any number of provers may record pieces beside each other.
interface IZkRollupSettlement is IRollupSettlement {
    /// Value came in, and waits.
    event Deposited(uint64 indexed number, uint16 indexed account, uint256 x, uint256 y, uint64 amount);
    /// A piece of a batch was proven.
    event Advanced(uint64 indexed index, bytes32 root, bytes32 position, bytes32 withdrawals);
    /// A batch was proven and is final.
    event Settled(uint64 indexed index, bytes32 indexed head, bytes32 root, uint64 depositsDue);
    /// Value left.
    event Withdrawn(uint64 indexed index, uint32 indexed place, address indexed to, uint64 amount);

    /// The deployment's parameters make no sense.
    error InvalidParameter(string name);
    /// The key is no point of the curve.
    error InvalidKey(uint256 x, uint256 y);
    /// The value is not a whole number of units, or zero.
    error InvalidAmount(uint256 value, uint256 unit);
    /// All accounts have keys.
    error NoAccountLeft();
    /// The number is not below the field's order.
    error NotAnElement(bytes32 value);
    /// The deposits are not those that are due.
    error WrongDeposits(bytes32 chain, bytes32 expected);
    /// There is no such piece of the batch that is settled next.
    error UnknownProgress(uint64 index, bytes32 root, bytes32 position);
    /// The proof does not show it.
    error InvalidProof(uint256 input);
    /// The path is another rollup's.
    error WrongRollup(uint64 rollup, uint64 expected);
    /// The path shows another place of the history than the batches lead to.
    error WrongHead(uint64 index, bytes32 head, uint64 expectedIndex, bytes32 expectedHead);
    /// Nothing, or something else, is recorded about the batch.
    error WrongOutcome(uint64 index, bytes32 outcome, bytes32 expected);
    /// The item is not at that place of the batch.
    error WrongItem(bytes32 root, bytes32 expected);
    /// The item is no withdrawal that took place.
    error NoWithdrawal(uint64 index, uint32 place);
    /// The withdrawal was paid.
    error AlreadyClaimed(uint64 index, uint32 place);
    /// The receiver refuses the value.
    error PaymentFailed(address to, uint256 value);

    /// @notice Brings value into the rollup: opens an account for the key, or adds to the one that it has. Whoever knows the
    /// key's secret can spend it, and a key of small order has no secret.
    /// @return number The deposit's number, from 1.
    function deposit(uint256 x, uint256 y) external payable returns (uint64 number);

    /// @notice Records a piece of the next batch that does not reach its end.
    /// @param from Where the piece begins.
    function advance(Progress calldata from, Transition calldata transition) external;

    /// @notice Settles the next batch, or what is left of it.
    /// @param from Where the proof begins.
    /// @param finality That the batch's head is final.
    function settle(Progress calldata from, Transition calldata transition, Finality calldata finality) external;

    /// @notice Pays a withdrawal of a settled batch to the address that it names. Anyone may ask for it.
    function claim(ItemProof calldata proof) external;

    /// @notice The queue of deposits: how many are in the rollup, how many are with the next batch, and how many there are.
    function deposits() external view returns (uint64 taken, uint64 due, uint64 queued);

    /// @notice What is recorded about a settled batch with withdrawals: Keccak-256 of its head and of the chain of its
    /// withdrawals, which begins with zero and goes on, with each proof that shows some, as Keccak-256 of the chain, `first`
    /// and the bits. Zero without withdrawals.
    function outcome(uint64 index) external view returns (bytes32);

    /// @notice Says what is final.
    function lightClient() external view returns (ISequencerLightClient);

    /// @notice The network that orders for the rollup.
    function network() external view returns (bytes32);

    /// @notice What a withdrawal of a settled batch pays, in units, and to whom, paid or not. Reverts if it is none.
    function withdrawal(ItemProof calldata proof) external view returns (address to, uint64 amount);

    /// @notice Whether a withdrawal was paid.
    function isClaimed(uint64 index, uint32 place) external view returns (bool);
}
