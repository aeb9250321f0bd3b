//! The relayer: brings checkpoints from the network to the light client on Ethereum (docs/protocol.md, "Relaying").
//!
//! It trusts nobody: certificates come from any nodes, and are checked against the sets and keys that Ethereum has before
//! anything is sent. It keeps nothing: where the light client stands says what comes next, so a crash or a restart loses
//! nothing and posts nothing twice. Several relayers take turns that a hash gives, and whoever comes second sends nothing.
//!
//! [`Relayer::step`] is one round; [`Relayer::run`] repeats it. `sources` asks nodes, `sets` finds out which epoch's set
//! signed, `turns` says whose turn it is, `conflicts` shows the light client what contradicts it.
//!
//! Not its job: signing and collecting (`crate::checkpoints`), and what the contracts check (`fairlane-l1`).

mod conflicts;
mod page;
mod sets;
mod sources;
#[cfg(test)]
mod tests;
mod turns;

pub use page::serve;
pub use sources::Sources;

use crate::metrics::{ReasonLabel, RelayerMetrics};
use fairlane_checkpoint::verify_certificate;
use fairlane_l1::checkpoint::{self as contract, Latest, Posting, Sender, SetKeysError};
use fairlane_l1::transactions::Rehearsal;
use fairlane_l1::{
    CallError, Deployment, DynProvider, Endpoints, Epoch, Pause, TransactionReceipt, UnfitEndpoint,
};
use fairlane_types::{Checkpoint, CheckpointCertificate, NetworkId};
use sets::Sets;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Where and as whom a relayer posts.
#[derive(Debug)]
pub struct Ethereum {
    /// Endpoints, with the key of the account that pays.
    pub endpoints: Endpoints,
    /// The contracts.
    pub deployment: Deployment,
    /// The network that they were opened for.
    pub network: NetworkId,
    /// The most that a unit of gas may cost, in wei.
    pub max_fee: u128,
}

/// The endpoint of a round, found to be of the right chain, contracts and network.
#[derive(Clone, Debug)]
struct Connection {
    /// Signs with the account's key.
    provider: DynProvider,
    sender: Sender,
}

/// When a relayer posts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How much time of the chain lies between two posted checkpoints at least.
    pub interval: Duration,
    /// How long a turn lasts, where several relayers take turns; zero where there is one.
    pub turn: Duration,
    /// How often to look.
    pub poll: Duration,
}

/// What one round came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The light client has all there is.
    UpToDate,
    /// There is a newer checkpoint, and it is not worth posting before so much more time of the chain has passed.
    NotDue(Duration),
    /// Others come first. This relayer's turn comes after so long.
    NotOurTurn(Duration),
    /// A unit of gas costs so many wei, and that is too much.
    TooExpensive(u128),
    /// A checkpoint of this height was posted.
    Posted {
        /// The height.
        height: u64,
        /// Gas that it used.
        gas_used: u64,
    },
    /// Somebody posted one of this height or a later one meanwhile.
    Overtaken(u64),
    /// The light client was shown a checkpoint of this height that contradicts the one that it has, and has stopped.
    Reported {
        /// The height.
        height: u64,
        /// Gas that it used.
        gas_used: u64,
    },
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Ethereum.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The endpoint.
    #[error(transparent)]
    Unfit(#[from] UnfitEndpoint),
    /// The members' keys.
    #[error(transparent)]
    Keys(#[from] SetKeysError),
    /// No node has a certificate that could be used.
    #[error("no node answered with a checkpoint")]
    NoAnswer,
    /// The set that signed is none that Ethereum lets the light client trust.
    #[error(
        "the checkpoint at height {height} is signed by a validator set of no epoch from {first} to {last}: no set that \
         the light client trusts now"
    )]
    UnknownSet {
        /// The checkpoint's height.
        height: u64,
        /// The first epoch whose set is trusted.
        first: Epoch,
        /// The present one.
        last: Epoch,
    },
    /// What nodes gave proves nothing.
    #[error("a node's certificate does not verify: {0}")]
    Invalid(#[from] fairlane_checkpoint::CheckpointError),
    /// The light client was shown a contradiction.
    #[error("the light client was shown checkpoints that contradict each other, and has stopped for ever")]
    Halted,
}

impl RelayError {
    /// Whether another round can come to something.
    fn is_fatal(&self) -> bool {
        matches!(self, Self::Halted | Self::Call(CallError::Unsigned { .. } | CallError::NoContract { .. }))
    }

    /// Whether another endpoint may do better.
    fn is_endpoints(&self) -> bool {
        match self {
            Self::Call(error) | Self::Keys(SetKeysError::Call(error)) => error.is_endpoints(),
            Self::Unfit(_) => true,
            _ => false,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Call(error) | Self::Keys(SetKeysError::Call(error)) => error.name(),
            Self::Unfit(error) => error.name(),
            Self::Keys(SetKeysError::Set(_)) => "no_key",
            Self::NoAnswer => "no_answer",
            Self::UnknownSet { .. } => "unknown_set",
            Self::Invalid(_) => "invalid",
            Self::Halted => "halted",
        }
    }
}

/// A verified checkpoint that the light client does not have, and how to show it.
struct Found {
    certificate: CheckpointCertificate,
    /// The newest epoch whose set signed it.
    epochs: Vec<Epoch>,
    now: Epoch,
}

/// A relayer.
#[derive(Debug)]
pub struct Relayer {
    sources: Sources,
    ethereum: Ethereum,
    pace: Pace,
    sets: Sets,
    metrics: RelayerMetrics,
    /// By the number of the newest checkpoint: since when a next one is due.
    due_since: Option<(u64, Instant)>,
}

impl Relayer {
    /// A relayer that has looked at nothing yet.
    pub fn new(sources: Sources, ethereum: Ethereum, pace: Pace, metrics: RelayerMetrics) -> Self {
        let sets = Sets::new(ethereum.deployment.contracts);
        Self { sources, ethereum, pace, sets, metrics, due_since: None }
    }

    /// Relays until it is told to stop.
    ///
    /// # Errors
    /// Nothing can be posted here, ever.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), RelayError> {
        let mut pause = Pause::new(self.pace.poll);
        loop {
            let step = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                step = self.step() => step,
            };
            let wait = match step {
                Ok(step) => {
                    pause.reset();
                    tell(&step);
                    self.pace.poll
                }
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    self.metrics.failures.get_or_create(&ReasonLabel { reason: error.name() }).inc();
                    let wait = pause.after_failure();
                    tracing::warn!(%error, retry_in = ?wait, "nothing is relayed now");
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One round: posts the newest checkpoint if there is a new one, it is due, it is this relayer's turn, and gas is cheap
    /// enough.
    pub async fn step(&mut self) -> Result<Step, RelayError> {
        let connection = self.connect().await?;
        self.step_by(&connection).await.inspect_err(|error| self.turn_away(error))
    }

    async fn step_by(&mut self, connection: &Connection) -> Result<Step, RelayError> {
        let head = self.head(connection).await?;
        if let Some(step) = self.report_conflict(connection, head).await? {
            return Ok(step);
        }
        let Some(found) = self.find(connection, head).await? else { return Ok(Step::UpToDate) };
        let missing = self.due_in(head, &found.certificate.checkpoint).await;
        if !missing.is_zero() {
            return Ok(Step::NotDue(missing));
        }
        let number = head.map_or(0, |head| head.number);
        let since = match self.due_since {
            Some((of, since)) if of == number => since,
            _ => self.due_since.insert((number, Instant::now())).1,
        };
        let own_turn = self.pace.turn.saturating_mul(turns::turn(&connection.sender.account, number));
        let missing = own_turn.saturating_sub(since.elapsed());
        if !missing.is_zero() {
            return Ok(Step::NotOurTurn(missing));
        }
        self.post(connection, &found).await
    }

    /// The endpoint to use in this round.
    async fn connect(&self) -> Result<Connection, RelayError> {
        let Ethereum { endpoints, deployment, network, max_fee } = &self.ethereum;
        let (place, _) = endpoints.reader();
        let fit = endpoints.check(place, deployment, network).await.map_err(RelayError::from);
        fit.inspect_err(|error| self.turn_away(error))?;
        let (provider, account) = endpoints.writer().ok_or_else(|| CallError::Unsigned {
            what: "relaying",
            why: "the endpoints were set up without a key".to_owned(),
        })?;
        let sender = Sender { account, max_fee: *max_fee };
        Ok(Connection { provider: provider.clone(), sender })
    }

    /// Moves on to the next endpoint where this one is to blame.
    fn turn_away(&self, error: &RelayError) {
        let (place, _) = self.ethereum.endpoints.reader();
        if error.is_endpoints()
            && let Some(next) = self.ethereum.endpoints.failed(place)
        {
            self.metrics.failovers.inc();
            tracing::warn!(from = place, to = next, "use another Ethereum endpoint");
        }
    }

    /// Posts the newest checkpoint if there is a new one, whether or not it is due and whoever's turn it is.
    pub async fn step_now(&mut self) -> Result<Step, RelayError> {
        let connection = self.connect().await?;
        let head = self.head(&connection).await?;
        if let Some(step) = self.report_conflict(&connection, head).await? {
            return Ok(step);
        }
        match self.find(&connection, head).await? {
            Some(found) => self.post(&connection, &found).await,
            None => Ok(Step::UpToDate),
        }
    }

    /// What posting the newest checkpoint would send, and its height; `None` where the light client has all there is.
    pub async fn rehearse(&mut self) -> Result<Option<(u64, Rehearsal)>, RelayError> {
        let connection = self.connect().await?;
        let head = self.head(&connection).await?;
        let Some(found) = self.find(&connection, head).await? else { return Ok(None) };
        let Connection { provider, sender } = &connection;
        let epoch = self.sets.usable(provider, &found.epochs, found.now).await?;
        let contracts = &self.ethereum.deployment.contracts;
        let posting =
            contract::posting(provider, contracts, &found.certificate, epoch, sender.account).await?;
        Ok(Some((found.certificate.checkpoint.height.get(), posting.rehearse().await?)))
    }

    async fn head(&self, connection: &Connection) -> Result<Option<Latest>, RelayError> {
        let head = contract::latest(&connection.provider, &self.ethereum.deployment.contracts).await?;
        if head.is_some_and(|head| head.is_halted()) {
            return Err(RelayError::Halted);
        }
        self.metrics.head.set(gauge(head.map_or(0, |head| head.height)));
        Ok(head)
    }

    /// The newest certificate of any node that verifies and that the light client does not have.
    async fn find(
        &mut self,
        connection: &Connection,
        head: Option<Latest>,
    ) -> Result<Option<Found>, RelayError> {
        let certificates = self.sources.newest().await;
        if certificates.is_empty() {
            return Err(RelayError::NoAnswer);
        }
        let height = head.map_or(0, |head| head.height);
        let mut refused = None;
        for certificate in certificates {
            if certificate.checkpoint.height.get() <= height {
                continue;
            }
            match self.verify(&connection.provider, certificate).await {
                Ok(found) => {
                    self.metrics.newest.set(gauge(found.certificate.checkpoint.height.get()));
                    return Ok(Some(found));
                }
                Err(error @ (RelayError::Invalid(_) | RelayError::UnknownSet { .. })) => {
                    tracing::warn!(%error, "a certificate is of no use");
                    refused = Some(error);
                }
                Err(other) => return Err(other),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    async fn verify(
        &mut self,
        provider: &DynProvider,
        certificate: CheckpointCertificate,
    ) -> Result<Found, RelayError> {
        let Checkpoint { height, validators_hash, .. } = certificate.checkpoint;
        let (now, epochs) = self.sets.epochs_of(provider, &validators_hash).await?;
        let Some(newest) = epochs.first() else {
            let first = self.sets.first_trusted(provider, now).await?;
            return Err(RelayError::UnknownSet { height: height.get(), first, last: now });
        };
        let set = self.sets.keys(provider, *newest).await?;
        verify_certificate(&certificate, &self.ethereum.network, &set)?;
        Ok(Found { certificate, epochs, now })
    }

    /// How much more time of the chain has to pass until a checkpoint is worth posting. The blocks' times come from nodes, and
    /// are those of the headers that were signed.
    async fn due_in(&mut self, head: Option<Latest>, next: &Checkpoint) -> Duration {
        let Some(head) = head else { return Duration::ZERO };
        let before = self.sources.header(head.height).await;
        let before = before.filter(|header| contract::digest(&Checkpoint::of(header)) == head.digest);
        let after = self.sources.header(next.height.get()).await;
        let after = after.filter(|header| Checkpoint::of(header) == *next);
        // Where nobody knows the block any more, it was long ago.
        let Some((before, after)) = before.zip(after) else { return Duration::ZERO };
        self.pace.interval.saturating_sub(Duration::from_nanos(after.time.since(before.time)))
    }

    async fn post(&mut self, connection: &Connection, found: &Found) -> Result<Step, RelayError> {
        let Connection { provider, sender } = connection;
        let contracts = self.ethereum.deployment.contracts;
        let base_fee = contract::base_fee(provider).await?;
        if base_fee > sender.max_fee {
            return Ok(Step::TooExpensive(base_fee));
        }
        let epoch = self.usable_set(connection, found).await?;
        match contract::submit(provider, &contracts, &found.certificate, epoch, *sender).await? {
            Posting::Mined(receipt) => Ok(self.posted(found, &receipt)),
            Posting::Stale { latest } => {
                self.metrics.overtaken.inc();
                Ok(Step::Overtaken(latest))
            }
        }
    }

    /// The epoch to show a certificate with, whose set is registered with the light client afterwards.
    async fn usable_set(&mut self, connection: &Connection, found: &Found) -> Result<Epoch, RelayError> {
        let Connection { provider, sender } = connection;
        let epoch = self.sets.usable(provider, &found.epochs, found.now).await?;
        let contracts = &self.ethereum.deployment.contracts;
        if let Some(receipt) = contract::register_set(provider, contracts, epoch, *sender).await? {
            self.metrics.sets.inc();
            self.metrics.gas.inc_by(receipt.gas_used);
            tracing::info!(%epoch, gas = receipt.gas_used, "registered a validator set with the light client");
        }
        Ok(epoch)
    }

    /// A transaction that came second changed nothing, and cost little.
    fn posted(&self, found: &Found, receipt: &TransactionReceipt) -> Step {
        self.metrics.gas.inc_by(receipt.gas_used);
        let height = found.certificate.checkpoint.height.get();
        if receipt.logs().is_empty() {
            self.metrics.overtaken.inc();
            return Step::Overtaken(height);
        }
        self.metrics.posted.inc();
        self.metrics.head.set(gauge(height));
        Step::Posted { height, gas_used: receipt.gas_used }
    }
}

fn tell(step: &Step) {
    match step {
        Step::Posted { height, gas_used } => tracing::info!(height, gas = gas_used, "posted a checkpoint"),
        Step::Reported { height, gas_used } => {
            tracing::error!(
                height,
                gas = gas_used,
                "showed the light client a contradiction: nothing is final there any more"
            );
        }
        Step::Overtaken(height) => tracing::info!(height, "somebody else posted a checkpoint first"),
        Step::TooExpensive(wei) => tracing::warn!(wei, "gas costs more than may be paid"),
        Step::UpToDate | Step::NotDue(_) | Step::NotOurTurn(_) => tracing::debug!(?step, "nothing to post"),
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
