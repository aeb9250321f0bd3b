// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RollupRegistry} from "../src/RollupRegistry.sol";
import {IRollupRegistry, Rollup, RollupSettings} from "../src/interfaces/IRollupRegistry.sol";
import {Fixture} from "./Fixture.sol";

contract RollupRegistryTest is Fixture {
    address private constant OWNER = address(0x0e4);
    address private constant OTHER = address(0x07e);

    RollupRegistry private registry;
    RollupSettings private settings = RollupSettings(address(0x5e7), new bytes32[](2), "ipfs://rollup");

    function setUp() public {
        _setUp(4);
        registry = contracts.rollupRegistry;
        for (uint256 i = 0; i < 2; i++) {
            address owner = i == 0 ? OWNER : OTHER;
            token.mint(owner, 10 ether);
            vm.prank(owner);
            token.approve(address(registry), type(uint256).max);
        }
    }

    function test_registrationCountsThreeEpochsLater() public {
        _advance(2);
        vm.expectEmit(address(registry));
        emit IRollupRegistry.RollupRegistered(7, OWNER, 3, 96, 5);
        vm.expectEmit(address(registry));
        emit IRollupRegistry.RollupConfigured(7, settings, 5);
        vm.prank(OWNER);
        registry.register(7, 3, 96, settings);
        Rollup memory rollup = registry.rollupOf(7);
        vm.assertEq(rollup.owner, OWNER);
        vm.assertEq(rollup.group, 3);
        vm.assertEq(rollup.legBytes, 96);
        vm.assertEq(rollup.fromEpoch, 5);
        vm.assertEq(rollup.settings.settlement, address(0x5e7));
        vm.assertEq(rollup.settings.verificationKeys.length, 2);
        vm.assertEq(token.balanceOf(SINK), 1 ether);
    }

    function test_idsAreTakenOnce() public {
        _register(7);
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IRollupRegistry.RollupExists.selector, 7, OWNER));
        registry.register(7, 0, 0, settings);
    }

    function test_idsAreListedInPages() public {
        uint64[3] memory rollups = [uint64(9), 2, type(uint64).max];
        for (uint256 i = 0; i < 3; i++) {
            _register(rollups[i]);
        }
        vm.assertEq(registry.count(), 3);
        uint64[] memory page = registry.ids(1, 10);
        vm.assertEq(page.length, 2);
        vm.assertEq(page[0], 2);
        vm.assertEq(page[1], type(uint64).max);
        vm.assertEq(registry.ids(0, 1)[0], 9);
        vm.assertEq(registry.ids(3, 1).length, 0);
        vm.assertEq(registry.ids(type(uint256).max, type(uint256).max).length, 0);
    }

    function test_onlyTheOwnerConfigures() public {
        _register(7);
        RollupSettings memory changed = settings;
        changed.settlement = address(5);
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IRollupRegistry.NotRollupOwner.selector, 7, OTHER, OWNER));
        registry.configure(7, changed);
        vm.prank(OWNER);
        registry.configure(7, changed);
        vm.assertEq(registry.rollupOf(7).settings.settlement, address(5));
        changed.metadata = string(new bytes(1025));
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IRollupRegistry.MetadataTooLong.selector, 1025, 1024));
        registry.configure(7, changed);
    }

    function test_ownershipIsOfferedAndTaken() public {
        _register(7);
        vm.prank(OWNER);
        registry.offerOwnership(7, OTHER);
        vm.expectRevert(abi.encodeWithSelector(IRollupRegistry.NotPendingOwner.selector, 7, address(this), OTHER));
        registry.takeOwnership(7);
        vm.prank(OTHER);
        registry.takeOwnership(7);
        vm.assertEq(registry.rollupOf(7).owner, OTHER);
        vm.assertEq(registry.rollupOf(7).pendingOwner, address(0));
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IRollupRegistry.NotRollupOwner.selector, 7, OWNER, OTHER));
        registry.close(7);
    }

    function test_closingIsForEver() public {
        _register(7);
        _advance(3);
        vm.prank(OWNER);
        registry.close(7);
        vm.assertEq(registry.rollupOf(7).closedFrom, 6);
        bytes memory reason = abi.encodeWithSelector(IRollupRegistry.AlreadyClosed.selector, 7, 6);
        vm.prank(OWNER);
        vm.expectRevert(reason);
        registry.close(7);
        vm.prank(OWNER);
        vm.expectRevert(reason);
        registry.configure(7, settings);
    }

    function test_namesAtMostEightVerificationKeys() public {
        RollupSettings memory named = settings;
        named.verificationKeys = new bytes32[](9);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IRollupRegistry.TooManyKeys.selector, 9, 8));
        registry.register(7, 0, 0, named);
        _register(7);
        named.verificationKeys = new bytes32[](8);
        named.verificationKeys[7] = keccak256("key");
        vm.prank(OWNER);
        registry.configure(7, named);
        vm.assertEq(registry.rollupOf(7).settings.verificationKeys[7], keccak256("key"));
    }

    function test_unknownRollups() public {
        bytes memory reason = abi.encodeWithSelector(IRollupRegistry.UnknownRollup.selector, 1);
        vm.expectRevert(reason);
        registry.rollupOf(1);
        vm.expectRevert(reason);
        registry.takeOwnership(1);
        vm.expectRevert(reason);
        registry.close(1);
    }

    function _register(uint64 rollup) private {
        vm.prank(OWNER);
        registry.register(rollup, 0, 0, settings);
    }
}
