//! What of the proven rollup survives a restart: the accounts at the settled head, and withdrawals.

use fairlane_types::{BatchIndex, Decode, DecodeError, Encode, Hash32, Reader, RollupHead, Writer};
use fairlane_zk_rollup::{Account, Context, Rollup, State, field};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError};
use std::sync::Arc;

/// Accounts by number.
const ACCOUNTS: TableDefinition<u16, &[u8]> = TableDefinition::new("zk_accounts");
/// The settled head.
const HEAD: TableDefinition<(), &[u8]> = TableDefinition::new("zk_head");
/// Withdrawals by batch and place.
const WITHDRAWALS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("zk_withdrawals");
/// How many withdrawals are kept, the oldest of which are forgotten first.
const KEPT: u64 = 10_000;
/// Larger calls are none.
const MAX_CALL: usize = 1 << 20;

/// Why the rollup's state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store failed.
    #[error("the store of the rollup's state failed: {0}")]
    Store(#[from] redb::Error),
    /// A record cannot be read.
    #[error("the store of the rollup's state is damaged: {0}")]
    Damaged(#[from] DecodeError),
    /// The accounts are others than the head says.
    #[error("the store of the rollup's state is damaged: its accounts lead to another root")]
    WrongRoot,
    /// It belongs to another rollup.
    #[error("the store is of rollup {} of network {}: use that rollup's data folder", .0.rollup, .0.network)]
    OtherRollup(Context),
}

/// A withdrawal that can be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The batch.
    pub index: u64,
    /// The item's place there.
    pub place: u32,
    /// Who is paid.
    pub to: [u8; 20],
    /// How much, in units of the contract.
    pub amount: u64,
    /// The call of the settlement contract that pays. Anyone may send it.
    pub call: Vec<u8>,
}

impl Encode for Withdrawal {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.index);
        out.u32(self.place);
        out.bytes(&self.to);
        out.u64(self.amount);
        out.var_bytes(&self.call);
    }
}

impl Decode for Withdrawal {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            index: input.take_u64()?,
            place: input.take_u32()?,
            to: input.array()?,
            amount: input.take_u64()?,
            call: input.var_bytes("call", MAX_CALL)?.to_vec(),
        })
    }
}

/// The rollup at its settled head.
pub(super) struct Found {
    pub(super) index: BatchIndex,
    pub(super) head: RollupHead,
    pub(super) state: State,
}

pub(super) struct Store(Arc<Database>);

impl Store {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self(database)
    }

    /// What was settled last; `None` before the first time.
    pub(super) fn load(&self, context: &Context) -> Result<Option<Found>, StoreError> {
        let Some((head, accounts)) = self.read()? else { return Ok(None) };
        let input = &mut Reader::new(head);
        let found = Context { network: Decode::decode(input)?, rollup: Decode::decode(input)? };
        if found != *context {
            return Err(StoreError::OtherRollup(found));
        }
        let (index, head) = (Decode::decode(input)?, Decode::decode(input)?);
        let root: Hash32 = Decode::decode(input)?;
        let accounts = accounts
            .into_iter()
            .map(|(number, bytes)| Ok((number, Account::from_bytes(bytes)?)))
            .collect::<Result<Vec<_>, DecodeError>>()?;
        let state = State::with_accounts(accounts);
        match field::to_bytes(&state.root()) == *root.as_bytes() {
            true => Ok(Some(Found { index, head, state })),
            false => Err(StoreError::WrongRoot),
        }
    }

    #[allow(clippy::type_complexity, reason = "what two tables hold, used once")]
    fn read(&self) -> Result<Option<(Vec<u8>, Vec<(u16, Vec<u8>)>)>, redb::Error> {
        let read = self.0.begin_read()?;
        let table = match read.open_table(HEAD) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            table => table?,
        };
        let Some(head) = table.get(())?.map(|value| value.value().to_vec()) else { return Ok(None) };
        let accounts = read.open_table(ACCOUNTS)?;
        let accounts = accounts.iter()?.map(|entry| {
            let (number, account) = entry?;
            Ok((number.value(), account.value().to_vec()))
        });
        Ok(Some((head, accounts.collect::<Result<_, redb::Error>>()?)))
    }

    /// Moves on by one batch, in one transaction.
    pub(super) fn settle(
        &self,
        index: BatchIndex,
        before: &Rollup,
        after: &Rollup,
        withdrawals: &[Withdrawal],
    ) -> Result<(), redb::Error> {
        let mut head = Writer::new();
        after.context().network.encode(&mut head);
        after.context().rollup.encode(&mut head);
        index.encode(&mut head);
        after.head().encode(&mut head);
        head.bytes(&field::to_bytes(&after.state().root()));
        let write = self.0.begin_write()?;
        {
            let mut accounts = write.open_table(ACCOUNTS)?;
            for (number, account) in after.state().accounts() {
                if before.state().account(number) != account {
                    accounts.insert(number, account.to_bytes().as_slice())?;
                }
            }
            write.open_table(HEAD)?.insert((), head.as_slice())?;
            let mut table = write.open_table(WITHDRAWALS)?;
            for withdrawal in withdrawals {
                table.insert((withdrawal.index, withdrawal.place), withdrawal.to_bytes().as_slice())?;
            }
            let mut count = table.iter()?.count() as u64;
            while count > KEPT && table.pop_first()?.is_some() {
                count -= 1;
            }
        }
        Ok(write.commit()?)
    }

    /// The newest withdrawals.
    pub(super) fn withdrawals(&self, most: usize) -> Result<Vec<Withdrawal>, StoreError> {
        let read = || -> Result<Vec<Vec<u8>>, redb::Error> {
            let read = self.0.begin_read()?;
            let table = match read.open_table(WITHDRAWALS) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                table => table?,
            };
            let newest = table.iter()?.rev().take(most);
            newest.map(|entry| Ok(entry?.1.value().to_vec())).collect()
        };
        Ok(read()?.into_iter().map(Withdrawal::from_bytes).collect::<Result<_, _>>()?)
    }
}
