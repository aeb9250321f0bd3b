//! The rollup's state: accounts, and what deposits and transfers do to them. This is the rule; the circuit proves it.
//!
//! Every transfer, whatever its bytes, is applied or skipped, and nothing but the bytes and the state decides which.

use crate::field::Field;
use crate::keys::{Context, PublicKey};
use crate::poseidon::{self, Purpose};
use crate::transfer::{AccountId, Fields};
use crate::tree::{ACCOUNTS, Path, Tree};
use std::collections::BTreeMap;

/// One account. All that nobody opened are zero.
///
/// All balances together are what was deposited and not withdrawn, which the contract keeps below 2^64: sums of balances
/// do not overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Who signs for it. An account without a key that can sign neither pays nor receives.
    pub key: PublicKey,
    /// In units of the contract.
    pub balance: u64,
    /// Transfers that it made.
    pub nonce: u64,
}

impl Account {
    pub(crate) fn leaf(&self) -> Field {
        let elements = [self.key.x, self.key.y, Field::from(self.balance), Field::from(self.nonce)];
        poseidon::hash(Purpose::Leaf, &elements)
    }
}

/// Value that came in on Ethereum. It opens the account, or adds to it if it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deposit {
    /// The account that the contract assigned to the key.
    pub account: AccountId,
    /// The key. Of an open account it changes nothing.
    pub key: PublicKey,
    /// In units of the contract.
    pub amount: u64,
}

/// What an item is, as far as its form says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It has not the length of a transfer.
    Malformed,
    /// A transaction of its own.
    Alone,
    /// A leg of a bundle.
    Leg,
}

/// Why a transfer does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The item has not the length of a transfer.
    Malformed,
    /// The payload begins with none of the kinds of transfers.
    UnknownKind,
    /// The transfer is for a bundle and stands alone, or the other way round.
    Misplaced,
    /// The sender's number is out of range.
    UnknownSender,
    /// The destination is no account that is open.
    UnknownReceiver,
    /// The nonce is not the sender's next.
    WrongNonce,
    /// The sender has less.
    InsufficientBalance,
    /// The signature is not the sender's, or the sender has no key that can sign.
    InvalidSignature,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The transfer took place; the value is in another account.
    Transferred,
    /// The transfer took place; the value can be claimed on Ethereum.
    Withdrawn,
    /// Nothing happened.
    Skipped(Skip),
}

/// An account and its way to the root, as they were at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) account: Account,
    pub(crate) path: Path,
}

/// All accounts.
#[derive(Clone, Debug)]
pub struct State {
    accounts: BTreeMap<u32, Account>,
    tree: Tree,
}

impl Default for State {
    /// The state in which nobody has opened an account.
    fn default() -> Self {
        Self { accounts: BTreeMap::new(), tree: Tree::new(Account::default().leaf()) }
    }
}

impl State {
    /// The commitment to all accounts.
    pub fn root(&self) -> Field {
        self.tree.root()
    }

    /// One account.
    pub fn account(&self, id: AccountId) -> Account {
        self.at(id.into())
    }

    /// All accounts that anything happened to, with their numbers.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, Account)> + '_ {
        self.accounts.iter().map(|(number, account)| ((number % ACCOUNTS) as AccountId, *account))
    }

    /// The state with these accounts, and no others.
    pub fn with_accounts(accounts: impl IntoIterator<Item = (AccountId, Account)>) -> Self {
        let mut state = Self::default();
        for (number, account) in accounts {
            state.put(number.into(), account);
        }
        state
    }

    /// The account that the end of a number names.
    fn at(&self, number: u32) -> Account {
        self.accounts.get(&(number % ACCOUNTS)).copied().unwrap_or_default()
    }

    fn open(&self, number: u32) -> Opening {
        Opening { account: self.at(number), path: self.tree.path(number) }
    }

    fn put(&mut self, number: u32, account: Account) {
        self.accounts.insert(number % ACCOUNTS, account);
        self.tree.set(number, account.leaf());
    }

    /// Takes in a deposit. What the account was before comes back.
    pub(crate) fn deposit(&mut self, deposit: &Deposit) -> Opening {
        let opening = self.open(deposit.account.into());
        let mut account = opening.account;
        if account.key == PublicKey::default() {
            account.key = deposit.key;
        }
        account.balance = account.balance.saturating_add(deposit.amount);
        if account != opening.account {
            self.put(deposit.account.into(), account);
        }
        opening
    }

    /// Takes in a payload. What both accounts were before each was touched comes back.
    pub(crate) fn transfer(
        &mut self,
        context: &Context,
        fields: &Fields,
        form: Form,
    ) -> (Outcome, [Opening; 2]) {
        let outcome = self.judge(context, fields, form);
        let applied = !matches!(outcome, Outcome::Skipped(_));
        let sender = self.open(fields.sender());
        if applied {
            let mut account = sender.account;
            account.balance = account.balance.saturating_sub(fields.amount);
            account.nonce = account.nonce.saturating_add(1);
            self.put(fields.sender(), account);
        }
        let receiver = self.open(fields.receiver());
        if outcome == Outcome::Transferred {
            let mut account = receiver.account;
            account.balance = account.balance.saturating_add(fields.amount);
            self.put(fields.receiver(), account);
        }
        (outcome, [sender, receiver])
    }

    fn judge(&self, context: &Context, fields: &Fields, form: Form) -> Outcome {
        let to_account = match (form, fields.kind) {
            (Form::Malformed, _) => return Outcome::Skipped(Skip::Malformed),
            (Form::Alone, 0) | (Form::Leg, 2) => true,
            (Form::Alone, 1) | (Form::Leg, 3) => false,
            (_, 0..4) => return Outcome::Skipped(Skip::Misplaced),
            _ => return Outcome::Skipped(Skip::UnknownKind),
        };
        if fields.from >= ACCOUNTS {
            return Outcome::Skipped(Skip::UnknownSender);
        }
        if to_account && !(fields.names_account() && self.at(fields.receiver()).key.is_on_curve()) {
            return Outcome::Skipped(Skip::UnknownReceiver);
        }
        let sender = self.at(fields.sender());
        if sender.nonce != u64::from(fields.nonce) {
            return Outcome::Skipped(Skip::WrongNonce);
        }
        if sender.balance < fields.amount {
            return Outcome::Skipped(Skip::InsufficientBalance);
        }
        if !fields.signature.is_valid(context, &sender.key, fields.message) {
            return Outcome::Skipped(Skip::InvalidSignature);
        }
        if to_account { Outcome::Transferred } else { Outcome::Withdrawn }
    }
}
