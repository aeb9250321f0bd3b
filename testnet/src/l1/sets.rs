//! The validator sets of a running network, as somebody follows them who trusts its genesis alone.

use eyre::WrapErr as _;
use fairlane_rollup_adapter::Client;
use fairlane_types::{Height, ValidatorId, ValidatorSet};
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Waits for a set that decides blocks, from the newest verified header on, and gives it with its first height.
pub(super) async fn wait_for(
    client: &Client,
    deadline: Instant,
    wanted: impl Fn(&ValidatorSet) -> bool,
) -> eyre::Result<(Height, ValidatorSet)> {
    loop {
        let header = client.header(Height::ZERO).await.wrap_err("a header that does not verify")?;
        if let Some((first, set)) = client.sets().at(header.height())
            && wanted(set)
        {
            return Ok((first, set.clone()));
        }
        let hash = header.header().validators_hash;
        let height = header.height();
        eyre::ensure!(Instant::now() < deadline, "block {height} is still decided by validators {hash}");
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until a validator decides blocks no more.
pub(super) async fn wait_until_left(
    client: &Client,
    deadline: Instant,
    validator: &ValidatorId,
) -> eyre::Result<(Height, ValidatorSet)> {
    wait_for(client, deadline, |set| set.get(validator).is_none()).await
}
