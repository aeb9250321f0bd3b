//! What happens, step by step.

use super::STEP_LIMIT;
use super::accounts::{ALICE, BOB, NOISE, RECEIVER, transfer};
use super::ground::Ground;
use crate::l1::demo::{POLL, all_go_on};
use crate::zk::stage::{PROOF_LIMIT, Stage};
use eyre::WrapErr as _;
use fairlane_l1::checkpoint::Sender;
use fairlane_l1::dev::{balance_of, set_block_time, waiting_call};
use fairlane_l1::settlement::{self, Finality, Progress, Transition};
use fairlane_l1::{Address, B256, CallError, U256};
use fairlane_rollup_adapter::{Event, MemoryCursor, Subscriber, Tier};
use fairlane_zk_rollup::{Context, Destination};
use serde_json::{Value, json};
use std::time::Instant;

/// How often an adapter and a prover are killed.
const KILLS: u32 = 6;

/// Tells it; fails when a step does not come to pass.
pub(super) async fn tell(mut ground: Ground<'_>) -> eyre::Result<()> {
    println!(
        "Ethereum   {}, ZkRollupSettlement {}, keys of a single party, for tests only",
        ground.chain().url(),
        ground.stage.record.settlement
    );
    // In any order: the adapter's workers come before it.
    ground.stage.start_prover()?;
    ground.stage.start_adapter()?;
    ground.start_relayer()?;
    let context = ground.stage.context();
    begins(&mut ground).await?;
    the_prover_is_killed(&mut ground, context).await?;
    the_adapter_is_killed_after_a_lease(&mut ground, context).await?;
    pays(&mut ground).await?;
    killed_with_a_proof(&mut ground, context).await?;
    killed_with_a_transaction(&mut ground, context).await?;
    a_node_is_away(&mut ground, context).await?;
    the_registry_names_another_key(&mut ground, context).await?;
    subscribers_are_told(&mut ground).await?;
    counts(&mut ground).await?;
    ground.stage.stop().await?;
    ground.stop_relayer().await?;
    println!("Stops      all parts cleanly");
    println!("Ordering   goes on, on all nodes: height {}", all_go_on(ground.network).await?);
    Ok(())
}

/// Deposits, and a first batch, with which they become due.
async fn begins(ground: &mut Ground<'_>) -> eyre::Result<()> {
    ground.deposit(ALICE, 1_000).await?;
    let gas = ground.deposit(BOB, 10).await?;
    println!("Deposits   1000 and 10 units on Ethereum, {gas} gas");
    let begun = Instant::now();
    ground.order(vec![b"hello".to_vec()]).await?;
    let index = ground.all_settled().await?.index;
    let (took, gas) = (begun.elapsed().as_secs_f64(), ground.stage.gas_of(index).await?);
    println!("Settles    batch {index}, {took:.1} s after it was sent, {gas} gas");
    Ok(())
}

async fn leased(ground: &mut Ground<'_>) -> eyre::Result<()> {
    let leased = |status: &Value| status["jobs_leased"].as_u64() > Some(0);
    ground.stage.wait("leased", PROOF_LIMIT, leased).await.map(drop)
}

/// Good transfers and bad ones; the prover dies over them, and another one gets the job.
async fn the_prover_is_killed(ground: &mut Ground<'_>, context: Context) -> eyre::Result<()> {
    let to_bob = transfer(&context, ALICE, Destination::Account(BOB), 250, 0);
    let mut forged = transfer(&context, ALICE, Destination::Account(BOB), 500, 1);
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    let out = transfer(&context, ALICE, Destination::Ethereum(RECEIVER), 300, 1);
    ground.order(vec![to_bob.clone(), forged, out, to_bob]).await?;
    leased(ground).await?;
    ground.stage.kill_prover().await?;
    println!("Kills      the prover, with a lease: another one gets the job");
    ground.stage.start_prover()?;
    let standing = ground.all_settled().await?;
    let gas = ground.stage.gas_of(standing.index).await?;
    println!(
        "Settles    a transfer, a forgery, a withdrawal and a repetition: batch {}, {gas} gas",
        standing.index
    );
    Ok(())
}

/// A batch that is too large for one proof; the adapter dies over it.
async fn the_adapter_is_killed_after_a_lease(ground: &mut Ground<'_>, context: Context) -> eyre::Result<()> {
    let out = transfer(&context, BOB, Destination::Ethereum(RECEIVER), 260, 0);
    ground.order(vec![out, vec![0xee; NOISE]]).await?;
    leased(ground).await?;
    ground.stage.kill_adapter().await?;
    println!("Kills      the adapter, with a lease given: the prover goes on");
    ground.stage.start_adapter()?;
    let standing = ground.all_settled().await?;
    println!("Settles    a withdrawal and {NOISE} bytes of nothing, in pieces: batch {}", standing.index);
    Ok(())
}

/// Everything that was withdrawn is paid, and nothing else.
async fn pays(ground: &mut Ground<'_>) -> eyre::Result<()> {
    let mut withdrawals = ground.stage.withdrawals().await?;
    withdrawals.sort_unstable();
    let amounts: Vec<u64> = withdrawals.iter().map(|[_, _, amount]| *amount).collect();
    eyre::ensure!(amounts == [300, 260], "withdrawals of {amounts:?}");
    for [index, place, _] in &withdrawals {
        ground.stage.claim(*index, *place).await?;
        eyre::ensure!(ground.stage.claim(*index, *place).await.is_err(), "a withdrawal was paid twice");
    }
    let unit = U256::from(ground.stage.record.params.unit);
    let paid = balance_of(&ground.stage.provider, Address::from(RECEIVER)).await? / unit;
    let held = balance_of(&ground.stage.provider, ground.stage.record.settlement).await? / unit;
    eyre::ensure!(paid == U256::from(560) && held == U256::from(450), "{paid} paid, {held} left");
    println!("Pays       {paid} units on Ethereum, each withdrawal once; {held} are left in the rollup");
    Ok(())
}

/// No relayer, so no checkpoint: the adapter dies with a proof, and no prover is there to make it again.
async fn killed_with_a_proof(ground: &mut Ground<'_>, context: Context) -> eyre::Result<()> {
    ground.stop_relayer().await?;
    ground.order(vec![transfer(&context, ALICE, Destination::Account(BOB), 1, 2)]).await?;
    let next = ground.batches().await?;
    let waiting = json!({ "awaiting_checkpoint": next });
    ground.stage.wait("proven", PROOF_LIMIT, |status| status["step"] == waiting).await?;
    ground.stage.kill_adapter().await?;
    ground.stage.kill_prover().await?;
    println!("Kills      the adapter, with a proof and no checkpoint, and the prover");
    ground.start_relayer()?;
    rehearses(ground).await?;
    ground.stage.start_adapter()?;
    let standing = ground.all_settled().await?;
    println!("Settles    batch {} with the proof from before", standing.index);
    Ok(())
}

/// A dry run goes as far as settling, and sends nothing.
async fn rehearses(ground: &mut Ground<'_>) -> eyre::Result<()> {
    let sent = ground.chain().transactions_of(ground.stage.account).await?;
    ground.stage.rehearse()?;
    let would_settle = |status: &Value| status["step"]["would_settle"].is_array();
    let status = ground.stage.wait("rehearsed", PROOF_LIMIT, would_settle).await?;
    ground.stage.stop_adapter().await?;
    let after = ground.chain().transactions_of(ground.stage.account).await?;
    eyre::ensure!(after == sent, "a dry run has sent {} transactions", after - sent);
    let [index, gas] = [0, 1].map(|at| &status["step"]["would_settle"][at]);
    println!("Rehearses  batch {index} with the proof from before, for {gas} gas, and sends nothing");
    Ok(())
}

/// No blocks on Ethereum: lies are refused, and the adapter dies with its transaction in the pool.
async fn killed_with_a_transaction(ground: &mut Ground<'_>, context: Context) -> eyre::Result<()> {
    let height = ground.order(vec![transfer(&context, ALICE, Destination::Account(BOB), 1, 3)]).await?;
    ground.checkpointed(height).await?;
    set_block_time(&ground.stage.provider, 0).await?;
    ground.stage.start_prover()?;
    let (from, transition, finality) = waiting_settlement(ground).await?;
    refuses(ground, &from, &transition, &finality).await?;
    ground.stage.kill_adapter().await?;
    println!("Kills      the adapter, with its transaction in the pool");
    ground.stage.start_adapter()?;
    set_block_time(&ground.stage.provider, 1).await?;
    let standing = ground.all_settled().await?;
    println!("Settles    batch {} once", standing.index);
    Ok(())
}

/// What the adapter has sent, and is in no block.
async fn waiting_settlement(ground: &mut Ground<'_>) -> eyre::Result<(Progress, Transition, Finality)> {
    let deadline = Instant::now() + PROOF_LIMIT;
    loop {
        if let Some(call) = waiting_call(&ground.stage.provider, ground.stage.account).await? {
            let read = settlement::read_settling(&call);
            return read.ok_or_else(|| eyre::eyre!("the adapter sends something else"));
        }
        eyre::ensure!(Instant::now() < deadline, "the adapter sends nothing in time");
        tokio::time::sleep(POLL).await;
    }
}

/// The settlement with one thing changed.
async fn refuses(
    ground: &Ground<'_>,
    from: &Progress,
    honest: &Transition,
    finality: &Finality,
) -> eyre::Result<()> {
    let other = |change: fn(&mut Transition)| {
        let mut other = honest.clone();
        change(&mut other);
        other
    };
    let word = B256::with_last_byte(7);
    let lies = [
        ("another proof", other(|lie| lie.proof.swap(0, 1))),
        ("another head", Transition { position: word, ..honest.clone() }),
        ("another state", Transition { root: word, ..honest.clone() }),
    ];
    for (what, lie) in lies {
        let refusal = refused(ground, from.clone(), lie, finality.clone()).await?;
        println!("Refuses    {what}: {refusal}");
    }
    let mut later = finality.clone();
    later.path.index += 1;
    let refusal = refused(ground, from.clone(), honest.clone(), later).await?;
    println!("Refuses    a head that is not final: {refusal}");
    Ok(())
}

/// Why the contract refuses a settlement.
async fn refused(
    ground: &Ground<'_>,
    from: Progress,
    transition: Transition,
    finality: Finality,
) -> eyre::Result<String> {
    let Stage { provider, record, account, .. } = &ground.stage;
    let sender = Sender { account: *account, max_fee: u128::MAX };
    let lie = settlement::settling(provider, record, sender, from, transition, finality);
    match lie.rehearse().await {
        Err(CallError::Refused { why, .. }) => Ok(why.to_string()),
        other => eyre::bail!("a lie came to {other:?}"),
    }
}

/// The node that the adapter is subscribed to goes away, and so does its endpoint of Ethereum.
async fn a_node_is_away(ground: &mut Ground<'_>, context: Context) -> eyre::Result<()> {
    ground.network.nodes[0].kill().await;
    ground.chain().let_through([false, true]);
    println!("Loses      node 0, to which the adapter is subscribed, and its endpoint of Ethereum");
    ground.order(vec![transfer(&context, ALICE, Destination::Account(BOB), 1, 4)]).await?;
    let standing = ground.all_settled().await?;
    println!("Settles    batch {} by another node and another endpoint", standing.index);
    ground.chain().let_through([true, true]);
    ground.network.nodes[0].start()
}

/// The rollup's owner names another verification key, so the adapter does not settle; and then its own.
async fn the_registry_names_another_key(ground: &mut Ground<'_>, context: Context) -> eyre::Result<()> {
    let other = B256::repeat_byte(7);
    ground.stage.name_keys(ground.chain(), vec![other]).await?;
    ground.order(vec![transfer(&context, ALICE, Destination::Account(BOB), 1, 5)]).await?;
    let is_refused = |status: &Value| {
        let failure = status["failure"].as_str().unwrap_or_default();
        failure.contains("verification keys")
    };
    ground.stage.wait("refused", STEP_LIMIT, is_refused).await?;
    println!("Waits      the RollupRegistry names another verification key");
    ground.stage.name_keys(ground.chain(), vec![other, ground.stage.key_hash()]).await?;
    let standing = ground.all_settled().await?;
    println!("Settles    batch {} once its own is named, too", standing.index);
    Ok(())
}

/// Subscribers hear from a node how far the contract that the registry names has settled their rollup.
async fn subscribers_are_told(ground: &mut Ground<'_>) -> eyre::Result<()> {
    let settled = ground.stage.standing().await?.index;
    let mut subscription = Subscriber::new(ground.network.genesis.clone(), ground.stage.rollup())
        .endpoints([ground.network.nodes[1].endpoint()])
        .tiers([Tier::Settled])
        .open(MemoryCursor::default())
        .await?;
    let told = async {
        while let Some(event) = subscription.next_event().await {
            match event? {
                Event::Settled(index) if index.get() == settled => return Ok(()),
                Event::TierFailed(failed) => eyre::bail!("a node cannot tell what is settled: {failed:?}"),
                _ => {}
            }
        }
        eyre::bail!("the subscription has ended")
    };
    tokio::time::timeout(STEP_LIMIT, told).await.wrap_err("no subscriber is told what is settled")??;
    println!("Tells      a subscriber that batch {settled} is settled");
    Ok(())
}

/// Each batch is settled once, and nothing was sent that did not count.
async fn counts(ground: &mut Ground<'_>) -> eyre::Result<()> {
    let standing = ground.stage.standing().await?;
    let Stage { provider, record, account, .. } = &ground.stage;
    let mut pieces = 0;
    for index in 1..=standing.index {
        let settled = settlement::settled(provider, record, index).await?;
        eyre::ensure!(settled.is_some(), "batch {index} is settled, and nothing says so");
        pieces += settlement::advanced(provider, record, index).await?.len() as u64;
    }
    let settlements = settlement::settlements(provider, record).await?;
    eyre::ensure!(settlements == standing.index, "{settlements} settlements of {} batches", standing.index);
    // The contract and its verifier were created from this account, too.
    let sent = ground.chain().transactions_of(*account).await?;
    let vain = sent.saturating_sub(2 + settlements + pieces);
    println!(
        "Counts     {KILLS} kills, {settlements} batches settled in {} transactions, each once; {vain} transactions in vain",
        settlements + pieces
    );
    eyre::ensure!(vain == 0, "transactions were sent in vain");
    let status = ground.stage.wait("idle", STEP_LIMIT, |status| status["step"] == json!("idle")).await?;
    eyre::ensure!(status["jobs_stuck"] == 0 && status["failure"].is_null(), "not well: {status}");
    Ok(())
}
