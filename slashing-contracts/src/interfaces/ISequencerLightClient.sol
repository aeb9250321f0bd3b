// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What the validators of a network say about one finalized block (docs/protocol.md, "Checkpoints"). The network's
/// id is signed too, and is the same in all checkpoints of a light client.
struct Checkpoint {
    /// The block's height.
    uint64 height;
    /// The block's id.
    bytes32 blockId;
    /// The root of the tree with each rollup's head, after the block.
    bytes32 headsRoot;
    /// Hash of the validator set that decided the block. Its members sign.
    bytes32 validatorsHash;
    /// Hash of the set that decides the next block.
    bytes32 nextValidatorsHash;
}

/// @notice Where a rollup stands, with its way to a heads root (docs/protocol.md, "Batches and heads").
struct HeadPath {
    /// The rollup.
    uint64 rollup;
    /// How many batches it has.
    uint64 index;
    /// The head after the last of them.
    bytes32 head;
    /// The height of the last of them.
    uint64 lastHeight;
    /// The leaf's place among the leaves.
    uint64 position;
    /// How many leaves there are.
    uint64 size;
    /// Siblings from the leaf up.
    bytes32[] siblings;
}

/// @title A light client of the network
/// @notice Keeps checkpoints that a quorum of validators signed, so that contracts of rollups can ask what is final. It has
/// no owner and cannot be paused.
///
/// Validators are those of the StakeManager. Before the first checkpoint of a set, anyone registers it, once for each epoch
/// that has it; the epoch that a checkpoint is submitted with says which set to check it against. A set is trusted from
/// its epoch on for half as long as evidence counts: whoever signs something false then is still within reach of it.
///
/// Anyone may submit checkpoints. They are kept in a ring: a new one takes the place of the one `history` before. Who needs
/// a head for longer records it.
interface ISequencerLightClient {
    /// A validator set can be used from now on.
    event SetRegistered(uint32 indexed epoch, bytes32 indexed validatorsHash, uint256 members);
    /// A checkpoint is final. The network moves on to it.
    event CheckpointAccepted(uint64 indexed number, Checkpoint checkpoint);
    /// Two checkpoints of one height contradict each other. Nothing is final here any more.
    event Halted(Checkpoint accepted, Checkpoint other);

    /// The deployment's parameters contradict each other.
    error InvalidParameter(string name);
    /// The network's id is not known yet.
    error NetworkNotOpen();
    /// The set of an epoch is fixed from two epochs before on.
    error SetNotFixed(uint32 epoch, uint32 currentEpoch);
    /// The set of this epoch is empty: the network keeps the one before.
    error EmptySet(uint32 epoch);
    /// The set of this epoch is not registered.
    error UnknownSet(uint32 epoch);
    /// The epoch has not begun, so its set decides nothing yet.
    error SetNotInUse(uint32 epoch, uint32 currentEpoch);
    /// The set is not trusted any more: its members may have left with their stake.
    error SetTooOld(uint32 epoch, uint32 lastEpoch, uint32 currentEpoch);
    /// The checkpoint is of another set than the epoch's.
    error WrongValidatorSet(bytes32 validatorsHash, bytes32 expected);
    /// A newer checkpoint is known.
    error StaleCheckpoint(uint64 height, uint64 latest);
    /// A bit is set that stands for nobody.
    error UnknownSigner(uint256 signers, uint256 members);
    /// The signers are too few.
    error NoQuorum(uint256 power, uint256 quorum);
    /// The signature is not that of the signers together.
    error InvalidSignature();
    /// Under this number is no checkpoint, or another one.
    error UnknownCheckpoint(uint64 number, bytes32 digest);
    /// The path does not fit its place, or leads to another root.
    error WrongPath(bytes32 root, bytes32 expected);
    /// The checkpoints do not contradict each other.
    error NoConflict(uint64 accepted, uint64 other);
    /// Contradicting checkpoints were shown. What is final has to be found out by people.
    error IsHalted();
    /// No network gets that high, so there is no room for it.
    error HeightTooLarge(uint64 height);

    /// @notice Makes the set of an epoch usable here. Registering it again changes nothing.
    /// @return validatorsHash The set's hash, as headers carry it.
    function registerSet(uint32 epoch) external returns (bytes32 validatorsHash);

    /// @notice Accepts a checkpoint that is newer than all others. Submitting the newest again changes nothing.
    /// @param epoch An epoch whose set signed. Where several have the same set, the last of them is good for longest.
    /// @param signers Who signed: bit i, counted from the least significant, is the set's member i.
    /// @param signature The sum of their signatures, 192 bytes: x.c0 ‖ x.c1 ‖ y.c0 ‖ y.c1.
    /// @return advanced Whether it was accepted, and not known before.
    function submit(Checkpoint calldata checkpoint, uint32 epoch, uint256 signers, bytes32[6] calldata signature)
        external
        returns (bool advanced);

    /// @notice Shows a checkpoint, signed as for `submit`, that contradicts an accepted one. From then on nothing is final
    /// here: more validators lied than the network can bear. Who signed both is slashed by the SlashingManager.
    /// @param number The accepted checkpoint's number.
    function reportConflict(
        uint64 number,
        Checkpoint calldata accepted,
        Checkpoint calldata other,
        uint32 epoch,
        uint256 signers,
        bytes32[6] calldata signature
    ) external;

    /// @notice Shows that a rollup's history up to a head is final. Reverts if that does not follow.
    /// @param number The number of a checkpoint.
    /// @param checkpoint The checkpoint.
    /// @param path From the rollup's leaf to the checkpoint's heads root.
    function prove(uint64 number, Checkpoint calldata checkpoint, HeadPath calldata path) external view;

    /// @notice The newest checkpoint.
    /// @return number Its number, counted from 1; 0 before the first.
    /// @return height Its height; 2^40 - 1 once contradicting checkpoints were shown.
    /// @return digest Keccak-256 of its fields in the ABI's encoding.
    function latest() external view returns (uint64 number, uint64 height, bytes32 digest);

    /// @notice The hash of an epoch's set; zero if it is not registered.
    function setHash(uint32 epoch) external view returns (bytes32);

    /// @notice How many checkpoints are kept.
    function history() external view returns (uint32);

    /// @notice For how many epochs after its own a set is trusted.
    function trustEpochs() external view returns (uint32);
}
