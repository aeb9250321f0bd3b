// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FinalItem, IBundleEscrow, Terms} from "../src/interfaces/IBundleEscrow.sol";
import {IZkRollupSettlement, ItemProof} from "../src/interfaces/IZkRollupSettlement.sol";
import {Vault} from "../src/settlement/Vault.sol";
import {EscrowFixture} from "./EscrowFixture.sol";

contract BundleEscrowTest is EscrowFixture {
    function setUp() public {
        _setUpEscrow();
    }

    /// The vectors withdraw to this vault; `story.rs` of the example `zk_vectors` has its address.
    function test_vectorsWithdrawToTheVault() public {
        _ordered();
        (address to, uint64 amount) = rollup.withdrawal(_item(4, 0));
        vm.assertEq(to, escrow.vault(_terms()));
        vm.assertEq(amount, 100);
    }

    // Released

    function test_paysTheReceiver() public {
        FinalItem memory other = _ordered();
        Terms memory terms = _terms();
        vm.expectEmit(address(escrow));
        emit IBundleEscrow.Released(keccak256(abi.encode(terms)), BUNDLE, SECRET, 100 * UNIT);
        escrow.release(terms, SECRET, _item(4, 0), other);
        vm.assertEq(TO.balance, 100 * UNIT);
        vm.assertTrue(rollup.isClaimed(4, 0));
    }

    function test_paysWhatOthersCollected() public {
        FinalItem memory other = _ordered();
        rollup.claim(_item(4, 0));
        vm.assertEq(escrow.vault(_terms()).balance, 100 * UNIT);
        escrow.release(_terms(), SECRET, _item(4, 0), other);
        vm.assertEq(TO.balance, 100 * UNIT);
    }

    function test_paysOnce() public {
        FinalItem memory other = _ordered();
        ItemProof memory own = _item(4, 0);
        escrow.release(_terms(), SECRET, own, other);
        _refuses(abi.encodeWithSelector(IBundleEscrow.NothingHeld.selector, escrow.vault(_terms())), SECRET, own, other);
        vm.warp(DEADLINE + 1);
        _refusesToRefund(abi.encodeWithSelector(IBundleEscrow.NothingHeld.selector, escrow.vault(_terms())));
        vm.assertEq(TO.balance, 100 * UNIT);
    }

    // Refunded

    function test_paysBackAfterTheDeadline() public {
        FinalItem memory other = _ordered();
        ItemProof memory own = _item(4, 0);
        rollup.claim(own);
        vm.warp(DEADLINE);
        _refusesToRefund(abi.encodeWithSelector(IBundleEscrow.TooEarly.selector, DEADLINE, DEADLINE));
        vm.warp(DEADLINE + 1);
        _refuses(abi.encodeWithSelector(IBundleEscrow.TooLate.selector, DEADLINE, DEADLINE + 1), SECRET, own, other);
        vm.expectEmit(address(escrow));
        emit IBundleEscrow.Refunded(keccak256(abi.encode(_terms())), 100 * UNIT);
        escrow.refund(_terms());
        vm.assertEq(BACK_TO.balance, 100 * UNIT);
        vm.assertEq(TO.balance, 0);
    }

    // Refused

    function test_refusesOtherSecrets() public {
        FinalItem memory other = _ordered();
        bytes32 wrong = sha256(abi.encodePacked(keccak256("guess")));
        bytes memory why = abi.encodeWithSelector(IBundleEscrow.WrongSecret.selector, wrong, _terms().lock);
        _refuses(why, keccak256("guess"), _item(4, 0), other);
    }

    /// One leg is settled, and the other one is not final: nothing is paid.
    function test_refusesWhatIsNotFinal() public {
        FinalItem memory other = _ordered();
        other.batch.time++;
        _refuses(IZkRollupSettlement.WrongHead.selector, other);
        other = _alone(_leg(BUNDLE, "lock"));
        _refuses(IZkRollupSettlement.WrongRollup.selector, other);
    }

    /// The other leg is final, and the withdrawal is not settled, or is none.
    function test_refusesWhatIsNotSettled() public {
        FinalItem memory other = _ordered();
        ItemProof memory own = _item(4, 0);
        own.batch.count++;
        Terms memory terms = _terms();
        vm.expectRevert();
        escrow.release(terms, SECRET, own, other);
        bytes memory why = abi.encodeWithSelector(IZkRollupSettlement.NoWithdrawal.selector, 2, 0);
        _refuses(why, SECRET, _item(2, 0), other);
    }

    function test_refusesWithdrawalsToElsewhere() public {
        FinalItem memory other = _ordered();
        bytes memory why = abi.encodeWithSelector(IBundleEscrow.WrongVault.selector, RECEIVER, escrow.vault(_terms()));
        _refuses(why, SECRET, _item(2, 2), other);
        // Other terms have another vault.
        Terms memory terms = _terms();
        terms.receiver = address(0xbad);
        ItemProof memory own = _item(4, 0);
        (address to,) = rollup.withdrawal(own);
        vm.expectRevert(abi.encodeWithSelector(IBundleEscrow.WrongVault.selector, to, escrow.vault(terms)));
        escrow.release(terms, SECRET, own, other);
    }

    function test_refusesOtherLegs() public {
        _third();
        FinalItem memory other = _alone(_leg(BUNDLE, "another lock"));
        _settleBoth(other);
        bytes memory why =
            abi.encodeWithSelector(IBundleEscrow.WrongLeg.selector, sha256("another lock"), sha256("lock"));
        _refuses(why, SECRET, _item(4, 0), other);
        // The agreed leg is not at that place.
        other.item = _leg(BUNDLE, "lock");
        _refuses(IBundleEscrow.WrongPlace.selector, other);
    }

    /// The very same leg, final, from another bundle, or from none.
    function test_refusesLegsOfOtherBundles() public {
        _third();
        bytes32 elsewhere = keccak256("bundle");
        FinalItem memory other = _alone(_leg(elsewhere, "lock"));
        _settleBoth(other);
        bytes memory why = abi.encodeWithSelector(IBundleEscrow.NotOneBundle.selector, BUNDLE, elsewhere);
        _refuses(why, SECRET, _item(4, 0), other);
    }

    function test_onlyTheEscrowPaysFromVaults() public {
        FinalItem memory other = _ordered();
        escrow.release(_terms(), SECRET, _item(4, 0), other);
        Vault vault = Vault(payable(escrow.vault(_terms())));
        vm.expectRevert(abi.encodeWithSelector(Vault.NotOwner.selector, address(this)));
        vault.pay(address(this));
    }

    function test_saysThatAReceiverRefuses() public {
        _ordered();
        rollup.claim(_item(4, 0));
        vm.etch(BACK_TO, hex"fe");
        vm.warp(DEADLINE + 1);
        _refusesToRefund(abi.encodeWithSelector(Vault.PaymentFailed.selector, BACK_TO, 100 * UNIT));
    }

    // What tests say often

    function _refuses(bytes memory why, bytes32 secret, ItemProof memory own, FinalItem memory other) private {
        Terms memory terms = _terms();
        vm.expectRevert(why);
        escrow.release(terms, secret, own, other);
    }

    function _refusesToRefund(bytes memory why) private {
        Terms memory terms = _terms();
        vm.expectRevert(why);
        escrow.refund(terms);
    }

    function _refuses(bytes4 selector, FinalItem memory other) private {
        try escrow.release(_terms(), SECRET, _item(4, 0), other) {
            vm.assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(selector));
        }
        vm.assertEq(TO.balance, 0);
    }
}
