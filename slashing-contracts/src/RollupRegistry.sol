// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IEpochs} from "./interfaces/IEpochs.sol";
import {IRollupRegistry, Rollup, RollupSettings} from "./interfaces/IRollupRegistry.sol";

/// @title The rollups that the network orders for
/// @notice Implements `IRollupRegistry`. Every rollup is a leaf of the heads tree for ever, so registering one costs a fee,
/// which goes where penalties go.
contract RollupRegistry is IRollupRegistry {
    using SafeERC20 for IERC20;

    /// @dev The protocol's limit.
    uint256 private constant MAX_ROLLUPS = 65_536;
    uint256 private constant MAX_METADATA_BYTES = 1024;
    uint256 private constant MAX_KEYS = 8;

    /// @notice The clock.
    IEpochs public immutable epochs;
    /// @notice What fees are paid in.
    IERC20 public immutable token;
    /// @notice What a registration costs, in the token's smallest unit.
    uint256 public immutable fee;
    /// @notice Where fees go.
    address public immutable sink;

    mapping(uint64 rollup => Rollup) private _rollups;
    uint64[] private _ids;

    /// @param epochs_ The clock: the StakeManager.
    /// @param sink_ Where fees go.
    constructor(IEpochs epochs_, IERC20 token_, uint256 fee_, address sink_) {
        if (address(epochs_).code.length == 0) revert InvalidParameter("epochs");
        if (address(token_).code.length == 0) revert InvalidParameter("token");
        if (sink_ == address(0)) revert InvalidParameter("sink");
        epochs = epochs_;
        token = token_;
        fee = fee_;
        sink = sink_;
    }

    modifier onlyOwner(uint64 rollup) {
        address owner = _existing(rollup).owner;
        if (msg.sender != owner) revert NotRollupOwner(rollup, msg.sender, owner);
        _;
    }

    /// @inheritdoc IRollupRegistry
    function register(uint64 rollup, uint32 group, uint32 legBytes, RollupSettings calldata settings) external {
        Rollup storage r = _rollups[rollup];
        if (r.owner != address(0)) revert RollupExists(rollup, r.owner);
        if (_ids.length == MAX_ROLLUPS) revert TooManyRollups(MAX_ROLLUPS);
        _ids.push(rollup);
        r.owner = msg.sender;
        r.group = group;
        r.legBytes = legBytes;
        r.fromEpoch = epochs.effectiveEpoch();
        emit RollupRegistered(rollup, msg.sender, group, legBytes, r.fromEpoch);
        _configure(rollup, settings);
        if (fee != 0) token.safeTransferFrom(msg.sender, sink, fee);
    }

    /// @inheritdoc IRollupRegistry
    function configure(uint64 rollup, RollupSettings calldata settings) external onlyOwner(rollup) {
        _requireOpen(rollup);
        _configure(rollup, settings);
    }

    /// @inheritdoc IRollupRegistry
    function close(uint64 rollup) external onlyOwner(rollup) {
        _requireOpen(rollup);
        uint32 fromEpoch = epochs.effectiveEpoch();
        _rollups[rollup].closedFrom = fromEpoch;
        emit RollupClosed(rollup, fromEpoch);
    }

    /// @inheritdoc IRollupRegistry
    function offerOwnership(uint64 rollup, address to) external onlyOwner(rollup) {
        _rollups[rollup].pendingOwner = to;
        emit OwnershipOffered(rollup, to);
    }

    /// @inheritdoc IRollupRegistry
    function takeOwnership(uint64 rollup) external {
        Rollup storage r = _existing(rollup);
        if (msg.sender != r.pendingOwner) revert NotPendingOwner(rollup, msg.sender, r.pendingOwner);
        r.owner = msg.sender;
        r.pendingOwner = address(0);
        emit OwnershipTaken(rollup, msg.sender);
    }

    /// @inheritdoc IRollupRegistry
    function rollupOf(uint64 rollup) external view returns (Rollup memory) {
        return _existing(rollup);
    }

    /// @inheritdoc IRollupRegistry
    function count() external view returns (uint256) {
        return _ids.length;
    }

    /// @inheritdoc IRollupRegistry
    function ids(uint256 start, uint256 limit) external view returns (uint64[] memory page) {
        uint256 left = start < _ids.length ? _ids.length - start : 0;
        page = new uint64[](left < limit ? left : limit);
        for (uint256 i = 0; i < page.length; i++) {
            page[i] = _ids[start + i];
        }
    }

    function _existing(uint64 rollup) private view returns (Rollup storage r) {
        r = _rollups[rollup];
        if (r.owner == address(0)) revert UnknownRollup(rollup);
    }

    function _requireOpen(uint64 rollup) private view {
        uint32 closedFrom = _rollups[rollup].closedFrom;
        if (closedFrom != 0) revert AlreadyClosed(rollup, closedFrom);
    }

    function _configure(uint64 rollup, RollupSettings calldata settings) private {
        uint256 length = bytes(settings.metadata).length;
        if (length > MAX_METADATA_BYTES) revert MetadataTooLong(length, MAX_METADATA_BYTES);
        uint256 keys = settings.verificationKeys.length;
        if (keys > MAX_KEYS) revert TooManyKeys(keys, MAX_KEYS);
        _rollups[rollup].settings = settings;
        emit RollupConfigured(rollup, settings, epochs.effectiveEpoch());
    }
}
