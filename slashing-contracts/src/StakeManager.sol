// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {EmergencyPause} from "./EmergencyPause.sol";
import {Epochs} from "./Epochs.sol";
import {SeatBook} from "./SeatBook.sol";
import {IKeyVerifier, Keys} from "./interfaces/IKeyVerifier.sol";
import {IStakeManager, KeyRecord, UnbondRequest, Validator, ValidatorSet} from "./interfaces/IStakeManager.sol";

/// @title The validators and their stake
/// @notice Implements `IStakeManager`. The parts that it is made of: `Epochs` is the clock, `SeatBook` the keys and the
/// history of the seats, `EmergencyPause` the stop. Here are the accounts.
/// @dev Tokens held are always at least totalBonded + totalUnbonding + pot + rewards. Effects come before interactions, and
/// every function that changes something is guarded against reentrance, because the token is somebody else's code.
contract StakeManager is IStakeManager, SeatBook, EmergencyPause, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice What a deployment decides.
    struct Parameters {
        /// The token that is staked.
        IERC20 token;
        /// Judges proofs of possession.
        IKeyVerifier keyVerifier;
        /// Slashes.
        address slashingManager;
        /// May pause, and put one validator an epoch into jail.
        address guardian;
        /// Where penalties go: a treasury, or an address that nobody has the key of, which burns them.
        address sink;
        /// Blocks in an epoch.
        uint32 epochLength;
        /// Epochs from leaving the set to the claim.
        uint32 unbondingEpochs;
        /// Epochs from a key's leaving the set to the last evidence against it.
        uint32 evidenceEpochs;
        /// Epochs in jail.
        uint32 jailEpochs;
        /// The most members of a set.
        uint32 seats;
        /// The least stake of a member.
        uint128 minimumStake;
        /// Stake for one unit of voting power.
        uint128 powerUnit;
    }

    uint256 private constant MAX_REQUESTS = 16;
    uint256 private constant MAX_ADDRESSES_BYTES = 1024;
    uint256 private constant BPS = 10_000;

    /// @notice The token that is staked.
    IERC20 public immutable token;
    /// @notice Judges proofs of possession.
    IKeyVerifier public immutable keyVerifier;
    /// @notice Where penalties go.
    address public immutable sink;
    /// @notice The least stake of a member of the set.
    uint128 public immutable minimumStake;
    /// @notice The most stake of one validator: with all seats so heavy, three times all power still fits 64 bits.
    uint128 public immutable maximumStake;
    /// @notice Epochs in jail.
    uint32 public immutable jailEpochs;
    /// @inheritdoc IStakeManager
    address public immutable slashingManager;
    /// @inheritdoc IStakeManager
    uint128 public immutable powerUnit;
    /// @inheritdoc IStakeManager
    uint32 public immutable unbondingEpochs;
    /// @inheritdoc IStakeManager
    uint32 public immutable evidenceEpochs;

    /// @inheritdoc IStakeManager
    uint256 public totalBonded;
    /// @inheritdoc IStakeManager
    uint256 public totalUnbonding;
    /// @inheritdoc IStakeManager
    uint256 public pot;
    /// @inheritdoc IStakeManager
    uint256 public rewards;

    /// @notice The next epoch in which the guardian may put somebody into jail.
    uint32 public nextGuardianJail;

    mapping(address operator => Validator) private _validators;
    mapping(address operator => UnbondRequest[]) private _requests;

    constructor(Parameters memory p) Epochs(p.epochLength) EmergencyPause(p.guardian) SeatBook(p.seats) {
        if (address(p.token).code.length == 0) revert InvalidParameter("token");
        if (address(p.keyVerifier).code.length == 0) revert InvalidParameter("keyVerifier");
        if (p.slashingManager == address(0)) revert InvalidParameter("slashingManager");
        if (p.sink == address(0) || p.sink == address(this)) revert InvalidParameter("sink");
        if (p.evidenceEpochs == 0) revert InvalidParameter("evidenceEpochs");
        if (p.unbondingEpochs <= p.evidenceEpochs) revert InvalidParameter("unbondingEpochs");
        if (p.jailEpochs == 0) revert InvalidParameter("jailEpochs");
        if (p.powerUnit == 0) revert InvalidParameter("powerUnit");
        if (block.chainid > type(uint64).max) revert InvalidParameter("chain id");
        uint256 maximum = uint256(type(uint64).max / 3 / p.seats) * p.powerUnit;
        maximumStake = maximum > type(uint128).max ? type(uint128).max : uint128(maximum);
        if (p.minimumStake < p.powerUnit || p.minimumStake > maximumStake) revert InvalidParameter("minimumStake");
        token = p.token;
        keyVerifier = p.keyVerifier;
        slashingManager = p.slashingManager;
        sink = p.sink;
        unbondingEpochs = p.unbondingEpochs;
        evidenceEpochs = p.evidenceEpochs;
        jailEpochs = p.jailEpochs;
        minimumStake = p.minimumStake;
        powerUnit = p.powerUnit;
    }

    modifier onlySlashingManager() {
        if (msg.sender != slashingManager) revert NotSlashingManager(msg.sender);
        _;
    }

    // Operators

    /// @inheritdoc IStakeManager
    function register(Keys calldata keys, uint128 amount, string calldata addresses)
        external
        nonReentrant
        whenNotPaused
    {
        Validator storage v = _validators[msg.sender];
        if (v.keyIndex != 0) revert AlreadyRegistered(msg.sender);
        if (amount < minimumStake) revert StakeTooSmall(amount, minimumStake);
        keyVerifier.requirePossession(address(this), msg.sender, keys);
        v.keyIndex = _assignKeys(msg.sender, keys.consensusKey, keys.checkpointKey);
        emit Registered(msg.sender, keys.consensusKey, keys.checkpointKey);
        _announce(addresses);
        _bond(v, amount);
        _seatIfFree(v);
        _receive(amount);
    }

    /// @inheritdoc IStakeManager
    function deposit(uint128 amount) external nonReentrant whenNotPaused {
        Validator storage v = _active(msg.sender);
        if (amount == 0) revert ZeroAmount();
        _bond(v, amount);
        if (v.seat != 0) _writeSeat(v);
        else if (v.jailedUntil == 0 && v.bonded >= minimumStake) _seatIfFree(v);
        _receive(amount);
    }

    /// @inheritdoc IStakeManager
    function takeSeat(address displaced) external nonReentrant whenNotPaused {
        Validator storage v = _active(msg.sender);
        if (v.seat != 0) revert AlreadySeated(msg.sender, v.seat);
        if (v.jailedUntil != 0) revert IsJailed(msg.sender, v.jailedUntil);
        if (v.bonded < minimumStake) revert StakeTooSmall(v.bonded, minimumStake);
        if (displaced != address(0)) {
            Validator storage other = _validators[displaced];
            if (other.seat == 0) revert NotSeated(displaced);
            if (other.bonded >= v.bonded) revert NotLessStake(displaced, other.bonded, v.bonded);
            _leaveSeat(other);
        }
        if (!_seatIfFree(v)) revert NoFreeSeat(_seats);
    }

    /// @inheritdoc IStakeManager
    function requestUnbond(uint128 amount) external nonReentrant {
        Validator storage v = _active(msg.sender);
        if (amount == 0) revert ZeroAmount();
        if (amount > v.bonded) revert InsufficientStake(amount, v.bonded);
        UnbondRequest[] storage requests = _requests[msg.sender];
        if (requests.length == MAX_REQUESTS) revert TooManyRequests(MAX_REQUESTS);
        uint32 releaseEpoch = effectiveEpoch() + unbondingEpochs;
        requests.push(UnbondRequest(amount, releaseEpoch));
        v.bonded -= amount;
        v.unbonding += amount;
        totalBonded -= amount;
        totalUnbonding += amount;
        emit UnbondRequested(msg.sender, amount, releaseEpoch);
        if (v.seat == 0) return;
        if (v.bonded < minimumStake) _leaveSeat(v);
        else _writeSeat(v);
    }

    /// @inheritdoc IStakeManager
    function claim() external nonReentrant whenNotPaused returns (uint256 amount) {
        Validator storage v = _registered(msg.sender);
        if (v.tombstoned && !v.settled) revert NotSettled(msg.sender);
        UnbondRequest[] storage requests = _requests[msg.sender];
        uint32 epoch = currentEpoch();
        for (uint256 i = requests.length; i > 0; i--) {
            if (requests[i - 1].releaseEpoch > epoch) continue;
            amount += requests[i - 1].amount;
            requests[i - 1] = requests[requests.length - 1];
            requests.pop();
        }
        if (amount == 0) revert NothingToClaim(msg.sender);
        v.unbonding -= uint128(amount);
        totalUnbonding -= amount;
        emit Claimed(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IStakeManager
    function rotateKeys(Keys calldata keys) external nonReentrant whenNotPaused {
        Validator storage v = _active(msg.sender);
        keyVerifier.requirePossession(address(this), msg.sender, keys);
        bytes32 oldKey = _keys[v.keyIndex];
        _retireKey(oldKey);
        v.keyIndex = _assignKeys(msg.sender, keys.consensusKey, keys.checkpointKey);
        emit KeysRotated(msg.sender, oldKey, keys.consensusKey, keys.checkpointKey);
        if (v.seat == 0) return;
        v.incarnation++;
        _writeSeat(v);
    }

    /// @inheritdoc IStakeManager
    function announce(string calldata addresses) external {
        _active(msg.sender);
        _announce(addresses);
    }

    /// @inheritdoc IStakeManager
    function jail(address operator) external nonReentrant {
        Validator storage v = _active(operator);
        if (v.seat == 0) revert NotSeated(operator);
        if (msg.sender == guardian) {
            if (currentEpoch() < nextGuardianJail) revert GuardianJailedRecently(nextGuardianJail);
            nextGuardianJail = currentEpoch() + 1;
        } else if (msg.sender != operator) {
            revert NotOperatorOrGuardian(msg.sender);
        }
        v.jailedUntil = currentEpoch() + jailEpochs;
        emit Jailed(operator, v.jailedUntil);
        _leaveSeat(v);
    }

    /// @inheritdoc IStakeManager
    function unjail() external nonReentrant whenNotPaused {
        Validator storage v = _active(msg.sender);
        if (v.jailedUntil == 0) revert NotJailed(msg.sender);
        if (currentEpoch() < v.jailedUntil) revert IsJailed(msg.sender, v.jailedUntil);
        v.jailedUntil = 0;
        emit Unjailed(msg.sender);
        if (v.bonded >= minimumStake) _seatIfFree(v);
    }

    // Penalties

    /// @inheritdoc IStakeManager
    function tombstone(address operator) external nonReentrant onlySlashingManager returns (uint256 exposure) {
        Validator storage v = _active(operator);
        bytes32 key = _keys[v.keyIndex];
        if (v.seat != 0) _leaveSeat(v);
        else _retireKey(key);
        totalBonded -= v.bonded;
        totalUnbonding += v.bonded;
        v.unbonding += v.bonded;
        v.bonded = 0;
        v.tombstoned = true;
        exposure = v.unbonding;
        delete _requests[operator];
        _requests[operator].push(UnbondRequest(v.unbonding, effectiveEpoch() + unbondingEpochs));
        emit Tombstoned(operator, key, exposure);
    }

    /// @inheritdoc IStakeManager
    function seize(address operator, uint256 amount, uint256 rewardBps)
        external
        nonReentrant
        onlySlashingManager
        returns (uint256 taken, uint256 reward)
    {
        Validator storage v = _validators[operator];
        taken = amount < v.unbonding ? amount : v.unbonding;
        reward = taken * rewardBps / BPS;
        v.unbonding -= uint128(taken);
        _requests[operator][0].amount -= uint128(taken);
        totalUnbonding -= taken;
        rewards += reward;
        pot += taken - reward;
        emit Seized(operator, taken, reward);
    }

    /// @inheritdoc IStakeManager
    function release(address operator) external nonReentrant onlySlashingManager {
        _validators[operator].settled = true;
        emit Released(operator);
    }

    /// @inheritdoc IStakeManager
    function payReward(address to, uint256 amount) external nonReentrant onlySlashingManager {
        rewards -= amount;
        emit RewardPaid(to, amount);
        token.safeTransfer(to, amount);
    }

    /// @inheritdoc IStakeManager
    function flushPot() external nonReentrant returns (uint256 amount) {
        amount = pot;
        if (amount == 0) revert ZeroAmount();
        pot = 0;
        emit PotFlushed(sink, amount);
        token.safeTransfer(sink, amount);
    }

    // Views

    /// @inheritdoc IStakeManager
    function validatorSet(uint32 epoch) external view returns (ValidatorSet memory) {
        return _validatorSet(epoch);
    }

    /// @inheritdoc IStakeManager
    function totalPower(uint32 epoch) external view returns (uint64) {
        return _totalPower(epoch);
    }

    /// @inheritdoc IStakeManager
    function validatorOf(address operator) external view returns (Validator memory) {
        return _validators[operator];
    }

    /// @inheritdoc IStakeManager
    function unbondRequestsOf(address operator) external view returns (UnbondRequest[] memory) {
        return _requests[operator];
    }

    /// @inheritdoc IStakeManager
    function consensusKeyOf(address operator) external view returns (bytes32) {
        return _keys[_registered(operator).keyIndex];
    }

    /// @inheritdoc IStakeManager
    function checkpointKeyOf(address operator) external view returns (bytes memory) {
        return _checkpointKey(_registered(operator).keyIndex);
    }

    /// @inheritdoc IStakeManager
    function seats() external view returns (uint32) {
        return _seats;
    }

    /// @inheritdoc IStakeManager
    function checkpointKeyBeside(bytes32 consensusKey) external view returns (bytes memory) {
        return _checkpointKey(_keyRecords[consensusKey].keyIndex);
    }

    /// @inheritdoc IStakeManager
    function keyRecord(bytes32 consensusKey) external view returns (KeyRecord memory) {
        return _keyRecords[consensusKey];
    }

    // Accounts

    function _registered(address operator) private view returns (Validator storage v) {
        v = _validators[operator];
        if (v.keyIndex == 0) revert NotRegistered(operator);
    }

    function _active(address operator) private view returns (Validator storage v) {
        v = _registered(operator);
        if (v.tombstoned) revert IsTombstoned(operator);
    }

    function _bond(Validator storage v, uint128 amount) private {
        uint256 bonded = uint256(v.bonded) + amount;
        if (bonded > maximumStake) revert StakeTooLarge(bonded, maximumStake);
        v.bonded = uint128(bonded);
        totalBonded += amount;
        emit Deposited(msg.sender, amount, bonded);
    }

    function _announce(string calldata addresses) private {
        if (bytes(addresses).length > MAX_ADDRESSES_BYTES) {
            revert AddressesTooLong(bytes(addresses).length, MAX_ADDRESSES_BYTES);
        }
        emit Announced(msg.sender, addresses);
    }

    /// @dev Whoever enters the set begins a new incarnation.
    function _seatIfFree(Validator storage v) private returns (bool) {
        uint32 seat = _takeFreeSeat();
        if (seat == 0) return false;
        v.seat = seat;
        v.incarnation++;
        _reviveKey(_keys[v.keyIndex]);
        _writeSeat(v);
        return true;
    }

    function _leaveSeat(Validator storage v) private {
        uint32 seat = v.seat;
        v.seat = 0;
        _freeSeat(seat);
        _retireKey(_keys[v.keyIndex]);
    }

    function _writeSeat(Validator storage v) private {
        _setSeat(v.seat, v.keyIndex, v.incarnation, uint64(v.bonded / powerUnit));
    }

    function _receive(uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert UnexpectedTransfer(received, amount);
    }
}
