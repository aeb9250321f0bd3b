//! Handing checkpoints to the light client, and asking it what is final.
//!
//! A checkpoint is checked against the set of an epoch, which somebody registers once: [`register_set`]. Several relayers do
//! not harm each other. What is known already, or older than what is known, is an ordinary outcome: [`Posting`]. Nothing here
//! repeats or waits.

use crate::contracts::SequencerLightClient::{
    self, Checkpoint as L1Checkpoint, HeadPath as L1HeadPath, SequencerLightClientErrors, submitCall,
};
use crate::contracts::SlashingManager::submitEvidenceCall;
use crate::deployment::Contracts;
use crate::endpoint::read;
use crate::epoch::Epoch;
use crate::error::{CallError, Refusal};
use crate::keys::unpadded;
use crate::sending::send;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::{BlockId, TransactionReceipt};
use alloy_sol_types::SolCall as _;
use fairlane_checkpoint::{CheckpointSet, CheckpointSetError, PublicKey};
use fairlane_types::checkpoint::{
    Checkpoint, CheckpointCertificate, CheckpointConflict, CheckpointPublicKey, CheckpointSignature,
};
use fairlane_types::codec::Encode as _;
use fairlane_types::heads::HeadPath;
use fairlane_types::validator::ValidatorSet;

fn word(bytes: &[u8; 32]) -> B256 {
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

/// Submits a checkpoint from `sender`, whose key `provider` signs with, to be checked against the set of `epoch`.
pub async fn submit(
    provider: &DynProvider,
    contracts: &Contracts,
    certificate: &CheckpointCertificate,
    epoch: Epoch,
    sender: Address,
) -> Result<Posting, CallError> {
    let latest = latest(provider, contracts).await?;
    if latest.is_some_and(|latest| latest.height >= certificate.checkpoint.height.get()) {
        return Ok(Posting::Stale { latest: latest.map_or(0, |latest| latest.height) });
    }
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let call = submission(certificate, epoch);
    let call = client.submit(call.checkpoint, call.epoch, call.signers, call.signature);
    match send("submitting a checkpoint", provider, call.from(sender).into_transaction_request()).await {
        Ok(receipt) => Ok(Posting::Mined(Box::new(receipt))),
        Err(error) => match error.refusal() {
            Some(Refusal::LightClient(SequencerLightClientErrors::StaleCheckpoint(stale))) => {
                Ok(Posting::Stale { latest: stale.latest })
            }
            _ => Err(error),
        },
    }
}

/// Registers the set of an epoch, if nobody has. Running it again changes nothing.
pub async fn register_set(
    provider: &DynProvider,
    contracts: &Contracts,
    epoch: Epoch,
    sender: Address,
) -> Result<(), CallError> {
    const WHAT: &str = "registering a validator set";
    let client = SequencerLightClient::new(contracts.light_client, provider);
    if read(WHAT, client.setHash(epoch.0), BlockId::latest()).await? != B256::ZERO {
        return Ok(());
    }
    let call = client.registerSet(epoch.0);
    send(WHAT, provider, call.from(sender).into_transaction_request()).await.map(|_| ())
}

/// The newest checkpoint of the light client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Its number, by which proofs name it.
    pub number: u64,
    /// Its height.
    pub height: u64,
    /// Keccak-256 of its fields in the ABI's encoding.
    pub digest: B256,
}

/// The newest checkpoint in the newest state; `None` before the first.
pub async fn latest(provider: &DynProvider, contracts: &Contracts) -> Result<Option<Latest>, CallError> {
    let client = SequencerLightClient::new(contracts.light_client, provider);
    let found = read("asking for the newest checkpoint", client.latest(), BlockId::latest()).await?;
    let latest = Latest { number: found.number, height: found.height, digest: found.digest };
    Ok((latest.number != 0).then_some(latest))
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

/// The call data of evidence for the SlashingManager; `reporter` gets the reward.
pub fn conflict_call_data(conflict: &CheckpointConflict, reporter: Address) -> Bytes {
    submitEvidenceCall { evidence: conflict.to_bytes().into(), reporter }.abi_encode().into()
}
