//! The escrow, in which value waits that one leg of a bundle withdrew from a proven rollup, until the other leg is final.
//!
//! `docs/rollups/crossing.md` has the steps. As for settlement, nothing here waits, and what the contract would refuse is not
//! sent.

pub use crate::contracts::BundleEscrow::{FinalItem, ItemProof, Terms, releaseCall as Release};

use crate::checkpoint::{Sender, word};
use crate::contracts::BundleEscrow::{self, BundleEscrowInstance, Finality as EscrowFinality};
use crate::contracts::ZkRollupSettlement::claimCall;
use crate::creating::{Start, has_code};
use crate::deploy::DeployError;
use crate::endpoint::read;
use crate::error::CallError;
use crate::sending::send_within;
use crate::settlement::{Finality, batch_fields};
use crate::transactions::Transactions;
use alloy_primitives::Address;
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::{BlockId, TransactionReceipt};
use alloy_sol_types::{SolCall as _, SolValue};
use fairlane_types::{Batch, Encode as _, merkle};

const RELEASING: &str = "releasing from a vault";

/// Creates the contract from `deployer`, whose key `provider` signs with. It has no parameters and keeps nothing, so one serves
/// everybody on its chain.
pub async fn deploy(provider: &DynProvider, deployer: Address) -> Result<Address, DeployError> {
    let start = Start::now(provider, deployer).await?;
    let escrow = deployer.create(start.first_nonce);
    let creation = BundleEscrow::deploy_builder(provider);
    start.create_missing(provider, [("BundleEscrow", escrow, creation)]).await?;
    match has_code(provider, escrow).await? {
        true => Ok(escrow),
        false => Err(DeployError::Missing { contract: "BundleEscrow", address: escrow }),
    }
}

/// The address that the withdrawing leg names.
pub async fn vault(provider: &DynProvider, escrow: Address, terms: &Terms) -> Result<Address, CallError> {
    read("asking for a vault", at(provider, escrow).vault(terms.clone()), BlockId::latest()).await
}

/// The withdrawal that a [`claim_call`](crate::settlement::claim_call) pays; `None` if it is another call.
pub fn withdrawal_of(claim: &[u8]) -> Option<ItemProof> {
    let claim = claimCall::abi_decode(claim).ok()?;
    same(&claim.proof)
}

/// An item of a batch that is final; `None` where the batch has no such place.
pub fn final_item(batch: &Batch, place: usize, finality: &Finality) -> Option<FinalItem> {
    let (header, item) = (batch.header(), batch.items().get(place)?);
    let siblings = merkle::Tree::new(batch.item_leaves()).path(place)?;
    Some(FinalItem {
        index: header.index.get(),
        previous: word(header.previous_head.as_bytes()),
        batch: same(&batch_fields(header))?,
        place: place.try_into().ok()?,
        item: item.to_bytes().into(),
        siblings: siblings.iter().map(|sibling| word(sibling.as_bytes())).collect(),
        finality: same::<_, EscrowFinality>(finality)?,
    })
}

/// One struct of Solidity is a type of its own in each contract that takes it: the same, by its encoding.
fn same<A: SolValue, B: SolValue + From<<B::SolType as alloy_sol_types::SolType>::RustType>>(
    value: &A,
) -> Option<B> {
    B::abi_decode(&value.abi_encode()).ok()
}

fn at(provider: &DynProvider, escrow: Address) -> BundleEscrowInstance<&DynProvider> {
    BundleEscrow::new(escrow, provider)
}

/// Pays the receiver.
pub async fn release(
    provider: &DynProvider,
    escrow: Address,
    sender: Sender,
    release: &Release,
) -> Result<TransactionReceipt, CallError> {
    let contract = at(provider, escrow);
    let call = contract.call_builder(release).from(sender.account);
    send_within(RELEASING, provider, call.into_transaction_request(), sender.max_fee).await
}

/// What [`release`] would send: nothing is sent.
pub fn releasing<'a>(
    provider: &'a DynProvider,
    escrow: Address,
    sender: Sender,
    release: &Release,
) -> Transactions<'a> {
    let contract = at(provider, escrow);
    Transactions::new(provider, sender.account).then(RELEASING, contract.call_builder(release))
}

/// Pays the sender back.
pub async fn refund(
    provider: &DynProvider,
    escrow: Address,
    sender: Sender,
    terms: Terms,
) -> Result<TransactionReceipt, CallError> {
    let contract = at(provider, escrow);
    let call = contract.refund(terms).from(sender.account);
    send_within("refunding from a vault", provider, call.into_transaction_request(), sender.max_fee).await
}
