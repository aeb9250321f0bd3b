//! Handing checkpoints to the light client, and asking it what is final.
//!
//! A checkpoint is checked against the set of an epoch, which somebody registers once: [`register_set`]. Several relayers do
//! not harm each other. What is known already, or older than what is known, is an ordinary outcome: [`Posting`]. Nothing here
//! repeats or waits. Prices are the most wei that a unit of gas may cost.

use crate::contracts::SequencerLightClient::{
    self, Checkpoint as L1Checkpoint, CheckpointAccepted, HeadPath as L1HeadPath, SequencerLightClientErrors,
    SetRegistered, submitCall,
};
use crate::contracts::SlashingManager::submitEvidenceCall;
use crate::deployment::Contracts;
use crate::endpoint::read;
use crate::epoch::Epoch;
use crate::error::{CallError, Refusal};
use crate::evidence::{Submission, submit_bytes};
use crate::keys::unpadded;
use crate::sending::send_within;
use crate::transactions::Transactions;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_provider::{DynProvider, Provider as _};
use alloy_rpc_types_eth::{BlockId, Filter, TransactionReceipt};
use alloy_sol_types::{SolCall as _, SolEvent as _, SolValue as _};
use fairlane_checkpoint::{CheckpointSet, CheckpointSetError, PublicKey};
use fairlane_types::checkpoint::{
    Checkpoint, CheckpointCertificate, CheckpointConflict, CheckpointPublicKey, CheckpointSignature,
};
use fairlane_types::codec::Encode as _;
use fairlane_types::crypto::Hash32;
use fairlane_types::heads::HeadPath;
use fairlane_types::validator::ValidatorSet;

pub(crate) fn word(bytes: &[u8; 32]) -> B256 {
    B256::new(*bytes)
}

/// A checkpoint as the contract takes it. The network is the contract's own.
pub fn to_contract(checkpoint: &Checkpoint) -> L1Checkpoint {
    L1Checkpoint {
        height: checkpoint.height.get(),
        blockId: word(checkpoint.block.as_bytes()),
        headsRoot: word(checkpoint.heads_root.as_bytes()),
        validatorsHash: word(checkpoint.validators_hash.as_bytes()),
        nextValidatorsHash: word(checkpoint.next_validators_hash.as_bytes()),
    }
}

/// What the light client keeps of a checkpoint: Keccak-256 of its fields in the ABI's encoding.
pub fn digest(checkpoint: &Checkpoint) -> B256 {
    keccak256(to_contract(checkpoint).abi_encode())
}

fn path_to_contract(path: &HeadPath) -> L1HeadPath {
    L1HeadPath {
        rollup: path.leaf.rollup.get(),
        index: path.leaf.index.get(),
        head: word(path.leaf.head.as_bytes()),
        lastHeight: path.leaf.last_height.get(),
        position: path.position,
        size: path.size,
        siblings: path.siblings.iter().map(|sibling| word(sibling.as_bytes())).collect(),
    }
}

fn signature_words(signature: &CheckpointSignature) -> [B256; 6] {
    let mut words = [B256::ZERO; 6];
    for (word, bytes) in words.iter_mut().zip(signature.as_bytes().chunks_exact(32)) {
        *word = B256::from_slice(bytes);
    }
    words
}

fn submission(certificate: &CheckpointCertificate, epoch: Epoch) -> submitCall {
    submitCall {
        checkpoint: to_contract(&certificate.checkpoint),
        epoch: epoch.0,
        signers: U256::from_be_bytes(*certificate.signers.as_bytes()),
        signature: signature_words(&certificate.signature),
    }
}

/// The call data of a submission, for who sends transactions in its own way.
pub fn call_data(certificate: &CheckpointCertificate, epoch: Epoch) -> Bytes {
    submission(certificate, epoch).abi_encode().into()
}

/// What became of a submission.
#[derive(Clone, Debug)]
pub enum Posting {
    /// The transaction is mined. If somebody was faster, it changed nothing.
    Mined(Box<TransactionReceipt>),
    /// The light client has one of this height or a later one. Nothing was sent.
    Stale {
        /// The newest height there.
        latest: u64,
    },
}

/// Who posts, and what it may cost.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// The account, whose key the connection signs with.
    pub account: Address,
    /// The most that a unit of gas may cost, in wei.
    pub max_fee: u128,
}

/// Blocks whose events are asked for at a time: endpoints allow about so many.
const LOG_BLOCKS: u64 = 5_000;

const SUBMITTING: &str = "submitting a checkpoint";
const REGISTERING: &str = "registering a validator set";

/// Submits a checkpoint, to be checked against the set of `epoch`. Sends nothing where the light client has one of this
/// height or a later one, or is about to have it from somebody else's transaction that waits.
pub async fn submit(
    provider: &DynProvider,
    contracts: &Contracts,
    certificate: &CheckpointCertificate,
    epoch: Epoch,
    sender: Sender,
) -> Result<Posting, CallError> {
    let (height, latest) = (certificate.checkpoint.height.get(), latest(provider, contracts).await?);
    if let Some(latest) = latest.filter(|latest| latest.height >= height) {
        return Ok(Posting::Stale { latest: latest.height });
    }
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let call = submission(certificate, epoch);
    let call = client
        .submit(call.checkpoint, call.epoch, call.signers, call.signature)
        .from(sender.account)
        .block(BlockId::pending());
    let is_new = match call.call().await {
        Ok(is_new) => Ok(is_new),
        Err(error) => Err(CallError::contract(SUBMITTING, error)),
    };
    let sent = match is_new {
        Ok(false) => return Ok(Posting::Stale { latest: height }),
        Ok(true) => send_within(SUBMITTING, provider, call.into_transaction_request(), sender.max_fee).await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(receipt) => Ok(Posting::Mined(Box::new(receipt))),
        Err(error) => match error.refusal() {
            Some(Refusal::LightClient(SequencerLightClientErrors::StaleCheckpoint(stale))) => {
                Ok(Posting::Stale { latest: stale.latest })
            }
            _ => Err(error),
        },
    }
}

/// Registers the set of an epoch, if nobody has. Running it again changes nothing. Gives the receipt where it was sent.
pub async fn register_set(
    provider: &DynProvider,
    contracts: &Contracts,
    epoch: Epoch,
    sender: Sender,
) -> Result<Option<TransactionReceipt>, CallError> {
    if set_hash(provider, contracts, epoch).await?.is_some() {
        return Ok(None);
    }
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let call = client.registerSet(epoch.0).from(sender.account).into_transaction_request();
    send_within(REGISTERING, provider, call, sender.max_fee).await.map(Some)
}

/// What posting a checkpoint would send: nothing is sent. The set is registered along with it where nobody has.
pub async fn posting<'a>(
    provider: &'a DynProvider,
    contracts: &Contracts,
    certificate: &CheckpointCertificate,
    epoch: Epoch,
    sender: Address,
) -> Result<Transactions<'a>, CallError> {
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let mut transactions = Transactions::new(provider, sender);
    if set_hash(provider, contracts, epoch).await?.is_none() {
        transactions = transactions.then(REGISTERING, client.registerSet(epoch.0));
    }
    let call = submission(certificate, epoch);
    let call = client.submit(call.checkpoint, call.epoch, call.signers, call.signature);
    Ok(transactions.then(SUBMITTING, call))
}

/// The hash of an epoch's set, if somebody has registered it with the light client.
pub async fn set_hash(
    provider: &DynProvider,
    contracts: &Contracts,
    epoch: Epoch,
) -> Result<Option<Hash32>, CallError> {
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let hash = read("asking for a registered set", client.setHash(epoch.0), BlockId::latest()).await?;
    Ok((hash != B256::ZERO).then(|| Hash32::from_bytes(hash.0)))
}

/// For how many epochs after its own the light client trusts a set.
pub async fn trust_epochs(provider: &DynProvider, contracts: &Contracts) -> Result<u32, CallError> {
    let client = SequencerLightClient::new(contracts.light_client, provider);
    read("asking how long sets are trusted", client.trustEpochs(), BlockId::latest()).await
}

/// What a unit of gas costs in the newest block at least, in wei.
pub async fn base_fee(provider: &DynProvider) -> Result<u128, CallError> {
    const WHAT: &str = "asking for the price of gas";
    let block = provider.get_block(BlockId::latest()).await;
    let block = block.map_err(|error| CallError::transport(WHAT, error))?;
    Ok(block.and_then(|block| block.header.base_fee_per_gas).map_or(0, u128::from))
}

/// A checkpoint that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its number, by which proofs name it.
    pub number: u64,
    /// Its height.
    pub height: u64,
    /// The transaction.
    pub transaction: B256,
    /// Who sent it.
    pub sender: Address,
    /// What it used.
    pub gas_used: u64,
}

/// The checkpoints that were accepted from a block on, in their order. Endpoints limit how many blocks they look through.
pub async fn accepted_since(
    provider: &DynProvider,
    contracts: &Contracts,
    block: u64,
) -> Result<Vec<Accepted>, CallError> {
    const WHAT: &str = "asking for accepted checkpoints";
    let transport = |error| CallError::transport(WHAT, error);
    let nonsense = |why: String| CallError::Nonsense { what: WHAT, why };
    let filter = Filter::new()
        .address(contracts.light_client)
        .event_signature(CheckpointAccepted::SIGNATURE_HASH)
        .from_block(block);
    let mut found = Vec::new();
    for log in provider.get_logs(&filter).await.map_err(transport)? {
        let event =
            CheckpointAccepted::decode_log(&log.inner).map_err(|error| nonsense(error.to_string()))?;
        let transaction = log.transaction_hash.unwrap_or_default();
        let receipt = provider.get_transaction_receipt(transaction).await.map_err(transport)?;
        let receipt = receipt.ok_or_else(|| nonsense(format!("{transaction} has no receipt")))?;
        found.push(Accepted {
            number: event.number,
            height: event.checkpoint.height,
            transaction,
            sender: receipt.from,
            gas_used: receipt.gas_used,
        });
    }
    Ok(found)
}

/// How many validator sets were registered from a block on. Endpoints limit how many blocks they look through.
pub async fn sets_registered_since(
    provider: &DynProvider,
    contracts: &Contracts,
    block: u64,
) -> Result<usize, CallError> {
    let filter = Filter::new()
        .address(contracts.light_client)
        .event_signature(SetRegistered::SIGNATURE_HASH)
        .from_block(block);
    let logs = provider.get_logs(&filter).await;
    Ok(logs.map_err(|error| CallError::transport("asking for registered sets", error))?.len())
}

/// The newest checkpoint of the light client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Its number, by which proofs name it.
    pub number: u64,
    /// Its height.
    pub height: u64,
    /// Its [`digest`].
    pub digest: B256,
}

impl Latest {
    /// In place of the height once contradicting checkpoints were shown.
    const HALTED: u64 = (1 << 40) - 1;

    /// Whether the light client has stopped for ever, because it was shown checkpoints that contradict each other.
    pub fn is_halted(&self) -> bool {
        self.height == Self::HALTED
    }
}

/// The newest checkpoint in the newest state; `None` before the first.
pub async fn latest(provider: &DynProvider, contracts: &Contracts) -> Result<Option<Latest>, CallError> {
    latest_at(provider, contracts, BlockId::latest()).await
}

/// The newest checkpoint that the light client had after block `number`.
pub async fn latest_after(
    provider: &DynProvider,
    contracts: &Contracts,
    number: u64,
) -> Result<Option<Latest>, CallError> {
    latest_at(provider, contracts, BlockId::number(number)).await
}

async fn latest_at(
    provider: &DynProvider,
    contracts: &Contracts,
    at: BlockId,
) -> Result<Option<Latest>, CallError> {
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let found = read("asking for the newest checkpoint", client.latest(), at).await?;
    let latest = Latest { number: found.number, height: found.height, digest: found.digest };
    Ok((latest.number != 0).then_some(latest))
}

/// The light client's newest checkpoint in full, from the event that told of it.
pub async fn accepted(
    provider: &DynProvider,
    contracts: &Contracts,
    latest: &Latest,
) -> Result<L1Checkpoint, CallError> {
    const WHAT: &str = "asking for an accepted checkpoint";
    let transport = |error| CallError::transport(WHAT, error);
    let filter = Filter::new()
        .address(contracts.light_client)
        .event_signature(CheckpointAccepted::SIGNATURE_HASH)
        .topic1(U256::from(latest.number));
    let mut end = provider.get_block_number().await.map_err(transport)?;
    loop {
        let begin = end.saturating_sub(LOG_BLOCKS - 1);
        let logs = provider.get_logs(&filter.clone().from_block(begin).to_block(end)).await;
        let logs = logs.map_err(transport)?;
        let events = logs.iter().filter_map(|log| CheckpointAccepted::decode_log(&log.inner).ok());
        let mut found = events.map(|event| event.data.checkpoint);
        if let Some(found) = found.find(|found| keccak256(found.abi_encode()) == latest.digest) {
            return Ok(found);
        }
        if begin == 0 {
            let why = format!("checkpoint {} has no event", latest.number);
            return Err(CallError::Nonsense { what: WHAT, why });
        }
        end = begin - 1;
    }
}

/// Shows the light client a checkpoint that contradicts the accepted one with this number. It stops for ever.
pub async fn report_conflict(
    provider: &DynProvider,
    contracts: &Contracts,
    (number, accepted): (u64, L1Checkpoint),
    other: &CheckpointCertificate,
    epoch: Epoch,
    sender: Sender,
) -> Result<TransactionReceipt, CallError> {
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let call = submission(other, epoch);
    let call = client
        .reportConflict(number, accepted, call.checkpoint, call.epoch, call.signers, call.signature)
        .from(sender.account);
    send_within("reporting a contradiction", provider, call.into_transaction_request(), sender.max_fee).await
}

/// Asks the light client whether a rollup's head is final by the checkpoint with this number. An error says why not.
pub async fn prove(
    provider: &DynProvider,
    contracts: &Contracts,
    number: u64,
    checkpoint: &Checkpoint,
    path: &HeadPath,
) -> Result<(), CallError> {
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let call = client.prove(number, to_contract(checkpoint), path_to_contract(path));
    read("proving a head", call, BlockId::latest()).await.map(|_| ())
}

/// Why the keys of a set are not known.
#[derive(Debug, thiserror::Error)]
pub enum SetKeysError {
    /// The endpoint or the contract said no.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A member has no usable key.
    #[error(transparent)]
    Set(#[from] CheckpointSetError),
}

/// The BLS keys of a set's members, as they registered them. They never change, whatever state is asked.
pub async fn keys_of(
    provider: &DynProvider,
    contracts: &Contracts,
    validators: ValidatorSet,
) -> Result<CheckpointSet, SetKeysError> {
    let stake = crate::contracts::StakeManager::new(contracts.stake_manager, provider);
    let mut keys = Vec::with_capacity(validators.len());
    for member in validators.members() {
        let call = stake.checkpointKeyBeside(word(member.id.as_bytes()));
        let key = read("asking for a checkpoint key", call, BlockId::latest()).await?;
        let key = unpadded(&key).map(CheckpointPublicKey::from_bytes);
        keys.push(key.and_then(|key| PublicKey::decode(&key).ok()));
    }
    let places = validators.clone();
    Ok(CheckpointSet::new(validators, |id| keys.get(places.index_of(id)?).copied().flatten())?)
}

/// The name of an offence in the contracts.
pub fn conflict_slot(conflict: &CheckpointConflict) -> B256 {
    keccak256(conflict.slot())
}

/// Submits evidence from `sender`, whose key `provider` signs with; `reporter` gets the reward.
pub async fn submit_conflict(
    provider: &DynProvider,
    contracts: &Contracts,
    conflict: &CheckpointConflict,
    sender: Address,
    reporter: Address,
) -> Result<Submission, CallError> {
    let proof = (conflict_slot(conflict), conflict.to_bytes().into());
    submit_bytes(provider, contracts, proof, sender, reporter).await
}

/// The call data of evidence for the SlashingManager; `reporter` gets the reward.
pub fn conflict_call_data(conflict: &CheckpointConflict, reporter: Address) -> Bytes {
    submitEvidenceCall { evidence: conflict.to_bytes().into(), reporter }.abi_encode().into()
}
