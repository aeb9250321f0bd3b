//! What happens, step by step.

use super::crossing::{BOB, CALLER, Crossing, HashLock, Offer};
use super::ground::Ground;
use crate::clock::unix_nanos;
use crate::evm::stage::ETHEREUMJS;
use crate::l1::demo::{POLL, STEP_LIMIT};
use alloy_primitives::{B256, U256};
use alloy_provider::Provider as _;
use eyre::{OptionExt as _, ensure};
use fairlane_l1::dev::balance_of;
use fairlane_l1::escrow::{self, FinalItem, ItemProof, Release};
use fairlane_l1::{Address, CallError};
use std::time::{Duration, Instant};

/// What Alice brings in.
const UNITS: u64 = 1_000;
/// Long enough for everything, and short enough to wait for.
const LATE: [u64; 2] = [1_800, 3_600];
const SOON: [u64; 2] = [40, 60];

/// Tells it; fails when a step does not come to pass.
pub(super) async fn tell(mut ground: Ground<'_>) -> eyre::Result<()> {
    println!("Creates    the escrow {} on Ethereum, a lock {} in the EVM", ground.escrow, ground.hash_lock);
    ground.fund(UNITS).await?;
    println!("Funds      Alice with {UNITS} units in the proven rollup");

    let offer = |nonce, units, seconds| Offer { units, nonce, wei: 10_000 * units, seconds };
    let through = locked(&mut ground, "one", offer(0, 100, LATE)).await?;
    let given_up = locked(&mut ground, "another, which Alice will give up", offer(1, 50, SOON)).await?;
    // The nonce is wrong, so the proven rollup will skip it.
    let void = locked(&mut ground, "a third, in which Alice's leg is void", offer(9, 30, LATE)).await?;
    ground.executed().await?;
    for crossing in [&through, &given_up, &void] {
        ensure!(ground.locked(crossing).await? > 0, "Bob's leg was skipped");
    }
    ground.settled().await?;
    println!("Settles    Alice's legs; Bob's wait in the EVM, as both clients say");

    goes_through(&mut ground, &through, &given_up).await?;
    comes_to_nothing(&mut ground, &void).await?;
    is_given_up(&mut ground, &given_up).await?;
    ground.stop().await?;
    println!("Stops      all parts cleanly");
    Ok(())
}

/// Both legs in one bundle.
async fn locked(ground: &mut Ground<'_>, what: &str, offer: Offer) -> eyre::Result<Crossing> {
    let crossing = Crossing::agree(ground, offer).await?;
    let height = ground.together(&crossing.bundle).await?;
    println!(
        "Orders     {what}: {} units for {} wei, both legs at height {height}, by one certificate",
        offer.units, offer.wei
    );
    Ok(crossing)
}

/// Bob sees the withdrawal and confirms, Alice shows the secret to get hers, and Bob uses it to get his.
async fn goes_through(ground: &mut Ground<'_>, crossing: &Crossing, other: &Crossing) -> eyre::Result<()> {
    let wei = ground.locked(crossing).await?;
    let (_, _, own) = ground.withdrawal(crossing).await?.ok_or_eyre("Alice's leg was skipped")?;
    ground.call(CALLER, crossing.claiming()).await?;
    ensure!(ground.locked(crossing).await? == wei, "Alice was paid before Bob confirmed");
    ground.call(BOB, crossing.confirming()).await?;
    ground.call(CALLER, crossing.claiming()).await?;
    for reader in &ground.evm.readers {
        let paid = reader.get_balance(crossing.alice).await?;
        ensure!(paid == U256::from(wei), "Alice has {paid} of {wei} wei");
    }
    println!("Claims     {wei} wei in the EVM, for Alice, with the secret, once Bob had confirmed");

    let secret = seen(ground, crossing).await?;
    let leg = ground.other_leg(crossing).await?;
    refuses(ground, crossing, other, (&own, &leg)).await?;
    let release = Release { terms: crossing.terms.clone(), secret, own, other: leg };
    let paid = escrow::release(&ground.caller, ground.escrow, ground.sender, &release).await?;
    let units = units_of(ground, crossing.terms.receiver).await?;
    ensure!(units == U256::from(100), "Bob has {units} units");
    println!(
        "Releases   {units} units on Ethereum, for Bob, with the secret that he saw, {} gas",
        paid.gas_used
    );
    Ok(())
}

/// Everybody who reads the rollup learns the secret.
async fn seen(ground: &Ground<'_>, crossing: &Crossing) -> eyre::Result<B256> {
    let reader = &ground.evm.readers[ETHEREUMJS];
    let claims = HashLock::new(ground.hash_lock, reader).Claimed_filter().from_block(0).query().await?;
    let mut claims = claims.into_iter().map(|(claim, _)| claim);
    let claim = claims.find(|claim| claim.lock == crossing.terms.lock);
    Ok(claim.ok_or_eyre("nobody showed the secret")?.secret)
}

/// The contract on Ethereum pays for one bundle, both parts of it, or not at all.
async fn refuses(
    ground: &mut Ground<'_>,
    crossing: &Crossing,
    other: &Crossing,
    (own, leg): (&ItemProof, &FinalItem),
) -> eyre::Result<()> {
    let (_, _, other_own) = ground.withdrawal(other).await?.ok_or_eyre("Alice's leg was skipped")?;
    let other_leg = ground.other_leg(other).await?;
    let mut not_final = leg.clone();
    not_final.finality.path.index += 1;
    for (what, secret, own, leg) in [
        ("a guessed secret", B256::repeat_byte(1), own, leg),
        ("another bundle's withdrawal", crossing.secret, &other_own, leg),
        ("another bundle's other leg", crossing.secret, own, &other_leg),
        ("a leg that is not final", crossing.secret, own, &not_final),
    ] {
        let terms = crossing.terms.clone();
        let release = Release { terms, secret, own: own.clone(), other: leg.clone() };
        let lie = escrow::releasing(&ground.caller, ground.escrow, ground.sender, &release);
        match lie.rehearse().await {
            Err(CallError::Refused { why, .. }) => println!("Refuses    {what}: {why}"),
            accepted => eyre::bail!("{what} came to {accepted:?}"),
        }
    }
    Ok(())
}

/// Alice's leg did nothing, so Bob does not confirm, and takes back what is his at once.
async fn comes_to_nothing(ground: &mut Ground<'_>, crossing: &Crossing) -> eyre::Result<()> {
    ensure!(ground.withdrawal(crossing).await?.is_none(), "a void leg was carried out");
    ground.call(CALLER, crossing.claiming()).await?;
    ground.call(BOB, crossing.taking_back()).await?;
    ensure!(ground.locked(crossing).await? == 0, "Bob did not get his wei back");
    ensure!(ground.evm.readers[ETHEREUMJS].get_balance(crossing.alice).await?.is_zero(), "Alice was paid");
    let held = balance_of(&ground.zk.provider, crossing.vault).await?;
    ensure!(held.is_zero(), "the vault of a void leg has {held}");
    println!("Voids      the third: nobody confirms, and Bob has his wei back at once");
    Ok(())
}

/// Nobody shows the secret: after the deadlines both have back what they gave.
async fn is_given_up(ground: &mut Ground<'_>, crossing: &Crossing) -> eyre::Result<()> {
    let (index, place, _) = ground.withdrawal(crossing).await?.ok_or_eyre("Alice's leg was skipped")?;
    ground.call(BOB, crossing.confirming()).await?;
    until(crossing.back_at).await;
    ground.call(BOB, crossing.taking_back()).await?;
    ensure!(ground.locked(crossing).await? == 0, "Bob did not get his wei back");
    ground.call(CALLER, crossing.claiming()).await?;
    ensure!(ground.evm.readers[ETHEREUMJS].get_balance(crossing.alice).await?.is_zero(), "Alice was paid");
    // Whoever wants to, collects the withdrawal.
    ground.zk.claim(index, place).await?;
    until(crossing.terms.deadline).await;
    let deadline = Instant::now() + STEP_LIMIT;
    loop {
        let terms = crossing.terms.clone();
        match escrow::refund(&ground.caller, ground.escrow, ground.sender, terms).await {
            Ok(_) => break,
            // Ethereum's clock is its last block's.
            Err(CallError::Refused { .. }) if Instant::now() < deadline => tokio::time::sleep(POLL).await,
            Err(error) => return Err(error.into()),
        }
    }
    let units = units_of(ground, crossing.terms.sender).await?;
    ensure!(units == U256::from(50), "Alice has {units} units back");
    println!("Refunds    {units} units to Alice on Ethereum, and Bob's wei in the EVM, after the deadlines");
    Ok(())
}

async fn units_of(ground: &Ground<'_>, account: Address) -> eyre::Result<U256> {
    let balance = balance_of(&ground.zk.provider, account).await?;
    Ok(balance / U256::from(ground.zk.record.params.unit))
}

/// Waits until a Unix time, in seconds, is over.
async fn until(time: u64) {
    let now = unix_nanos() / 1_000_000_000;
    tokio::time::sleep(Duration::from_secs((time + 2).saturating_sub(now))).await;
}
