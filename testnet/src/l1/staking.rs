//! Validators with stake on a development node, and the files by which their nodes and accounts know of it.

use fairlane_l1::dev::mine_to;
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::{Address, Deployment, DynProvider, Epoch, EpochClock, L1State, PrivateKeySigner};
use fairlane_sequencer::config::Home;
use fairlane_sequencer::keys;
use fairlane_types::ValidatorSet;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What each validator stakes, in the token's smallest unit: 2000 tokens.
pub(crate) const STAKE: u128 = 2_000_000_000_000_000_000_000;
/// The deployment's record in a node's home, as the configuration's default says.
pub(crate) const DEPLOYMENT: &str = "l1.json";
/// The reporter's key file in a node's home.
pub(crate) const REPORTER_KEY: &str = "keys/reporter.key";

/// Registers the validator of a home with stake, reachable at `place`.
pub(crate) async fn register(
    deployment: &Deployment,
    (provider, operator): (&DynProvider, Address),
    home: &Home,
    place: &str,
) -> eyre::Result<()> {
    let account = OperatorAccount { deployment, provider, operator };
    account.mint(STAKE).send().await?;
    let consensus = keys::read_consensus(&home.consensus_key())?;
    let checkpoint = keys::read_checkpoint(&home.checkpoint_key())?;
    account.register(&consensus, &checkpoint, STAKE, place).await?.send().await?;
    Ok(())
}

/// The epoch whose set is the first of all that have registered by now, and that set. The development node advances to the
/// block that `until` names for it.
pub(crate) async fn first_set(
    provider: &DynProvider,
    deployment: &Deployment,
    until: impl Fn(&EpochClock, Epoch) -> u64,
) -> eyre::Result<(Epoch, ValidatorSet)> {
    let state = L1State::newest(provider, &deployment.contracts);
    // What was done during an epoch is seen in the third after it.
    let epoch = Epoch(state.epoch().await?.0 + 3);
    mine_to(provider, until(&deployment.clock, epoch)).await?;
    let set = state.validator_set(epoch).await?;
    Ok((epoch, set.ok_or_else(|| eyre::eyre!("the set of epoch {epoch} is empty"))?))
}

/// Writes an account's secret key where it is missing, readable for its owner only.
pub(crate) fn write_key(key: &PrivateKeySigner, path: &Path) -> eyre::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(writeln!(file, "{:x}", key.to_bytes())?)
}
