//! What happens, step by step.

use super::ground::Ground;
use crate::evm::accounts::{Accounts, SENDERS};
use crate::evm::stage::{ETHEREUMJS, ETHREX, NAMES};
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{Bytes, TxKind, U256, keccak256};
use alloy_provider::Provider as _;
use alloy_sol_types::SolCall as _;
use eyre::{OptionExt as _, ensure};
use std::time::Instant;

/// In how many parts the transactions are sent. After some of them something is killed.
const PARTS: u32 = 10;
/// Good transactions of a batch that is poisoned in each position.
const BATCH: usize = 8;
/// How often a batch may fall into two blocks of the sequencer.
const ATTEMPTS: usize = 20;

alloy_sol_types::sol!(
    #[sol(rpc)]
    Tally,
    "../rollup-adapter/evm-rollup/contracts/Tally.json"
);

/// Tells it; fails when a step does not come to pass.
pub(super) async fn tell(mut ground: Ground<'_>, transactions: u32) -> eyre::Result<()> {
    let mut accounts = Accounts::new();
    let zero = ground.stage.furnish(ground.network, &accounts)?;
    // In any order: the adapter waits for its clients.
    ground.stage.start_adapter()?;
    ground.stage.start_client(ETHEREUMJS)?;
    ground.stage.start_client(ETHREX)?;
    println!("Starts     the adapter, {} and {}, with block zero {zero}", NAMES[ETHREX], NAMES[ETHEREUMJS]);
    transfers(&mut ground, &mut accounts, transactions).await?;
    poisons(&mut ground, &mut accounts).await?;
    contract(&mut ground, &mut accounts).await?;
    ground.all_settled().await?;
    adds_up(&ground, &accounts).await?;
    ground.stop().await?;
    println!("Stops      all parts cleanly");
    Ok(())
}

/// Many transfers, while each part is killed once.
async fn transfers(ground: &mut Ground<'_>, accounts: &mut Accounts, transactions: u32) -> eyre::Result<()> {
    let begun = Instant::now();
    for part in 0..PARTS {
        let mut payloads: Vec<Bytes> = Vec::new();
        for _ in 0..transactions / PARTS {
            payloads.push(accounts.transfer()?);
        }
        match part {
            3 => killing_a_client(ground, ETHREX, payloads).await?,
            5 => killing_a_client(ground, ETHEREUMJS, payloads).await?,
            7 => killing_the_adapter(ground, payloads).await?,
            _ => ground.order(payloads).await?,
        }
    }
    ground.all_executed().await?;
    let (number, _, root) = ground.stage.agreed().await?;
    println!(
        "Executes   {} transactions in {number} blocks, {:.1} s, kills included; both clients at state {root}",
        accounts.sent,
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn killing_a_client(ground: &mut Ground<'_>, client: usize, payloads: Vec<Bytes>) -> eyre::Result<()> {
    ground.stage.kill_client(client).await?;
    ground.order(payloads).await?;
    ground.stage.start_client(client)?;
    ground.all_executed().await?;
    let (number, ..) = ground.stage.agreed().await?;
    println!(
        "Kills      {}: it is given again what it lost and missed, and is at block {number}",
        NAMES[client]
    );
    Ok(())
}

async fn killing_the_adapter(ground: &mut Ground<'_>, payloads: Vec<Bytes>) -> eyre::Result<()> {
    ground.order(payloads).await?;
    ground.stage.kill_adapter().await?;
    ground.stage.start_adapter()?;
    ground.all_executed().await?;
    let (number, ..) = ground.stage.agreed().await?;
    println!("Kills      the adapter, with batches under way: it goes on to block {number}");
    Ok(())
}

/// In each position of a batch something that is no good transaction. All others are executed, in one block.
async fn poisons(ground: &mut Ground<'_>, accounts: &mut Accounts) -> eyre::Result<()> {
    let mut kinds = Vec::new();
    for position in 0..=BATCH {
        let mut attempts = 0;
        loop {
            let (kind, poison) = accounts.poison(position)?;
            let mut payloads = Vec::new();
            for _ in 0..BATCH {
                payloads.push(accounts.transfer()?);
            }
            payloads.insert(position, poison);
            ground.order(payloads).await?;
            ground.all_executed().await?;
            let newest = ground.stage.readers[ETHREX].get_block_by_number(BlockNumberOrTag::Latest).await?;
            attempts += 1;
            if newest.ok_or_eyre("there is no newest block")?.transactions.len() == BATCH {
                kinds.push(kind);
                break;
            }
            ensure!(attempts < ATTEMPTS, "{BATCH} transactions never come in one block");
        }
    }
    println!("Skips      in each position of a batch: {}", kinds.join(", "));
    Ok(())
}

/// A contract, created and called through the sequencer, and read as any Ethereum library reads.
async fn contract(ground: &mut Ground<'_>, accounts: &mut Accounts) -> eyre::Result<()> {
    let (creator, nonce) = accounts.senders().next().ok_or_eyre("there are no senders")?;
    let address = creator.create(nonce);
    let creation = accounts.call(0, TxKind::Create, 0, Tally::BYTECODE.clone())?;
    let mut payloads = vec![creation.clone()];
    for sender in 0..SENDERS {
        let amount = U256::from(sender + 1);
        let input = Tally::addCall { amount }.abi_encode();
        payloads.push(accounts.call(sender, TxKind::Call(address), 0, input.into())?);
    }
    ground.order(payloads).await?;
    ground.all_executed().await?;
    let mut found = Vec::new();
    for (name, reader) in NAMES.iter().zip(&ground.stage.readers) {
        let tally = Tally::new(address, reader);
        let (total, own) = (tally.total().call().await?, tally.addedBy(creator).call().await?);
        ensure!(
            total == U256::from(55) && own == U256::from(1),
            "{name}: {total} in all, {own} of the first"
        );
        let newest = reader.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let newest = newest.ok_or_eyre("there is no newest block")?.header;
        let head = tally.headAt(U256::from(newest.timestamp)).call().await?;
        ensure!(newest.extra_data.as_ref() == head.as_slice(), "{name}: the contract sees another head");
        found.push(total);
    }
    // ethrex finds the first receipt of a block alone, while its store is in memory.
    let reader = &ground.stage.readers[ETHEREUMJS];
    let receipt = reader.get_transaction_receipt(keccak256(&creation)).await?;
    let created = receipt.ok_or_eyre("the contract's creation has no receipt")?.contract_address;
    ensure!(created == Some(address), "the contract is at {created:?}, not at {address}");
    let logs = Tally::new(address, reader).Added_filter().from_block(0).query().await?;
    ensure!(logs.len() == SENDERS, "{} events", logs.len());
    println!(
        "Calls      the contract {address}: {} in all, {} events, and the batch's head",
        found[0],
        logs.len()
    );
    Ok(())
}

/// Every transaction is in a block once, and everybody has what they should have, by both clients.
async fn adds_up(ground: &Ground<'_>, accounts: &Accounts) -> eyre::Result<()> {
    let (number, hash, root) = ground.stage.agreed().await?;
    for (name, reader) in NAMES.iter().zip(&ground.stage.readers) {
        let mut transactions = 0;
        for block in 1..=number {
            let count = reader.get_block_transaction_count_by_number(block.into()).await?;
            transactions += count.ok_or_eyre("a block is missing")?;
        }
        ensure!(transactions == accounts.sent, "{name}: {transactions} transactions of {}", accounts.sent);
        for (sender, nonce) in accounts.senders() {
            let found = reader.get_transaction_count(sender).await?;
            ensure!(found == nonce, "{name}: {sender} has sent {found} of {nonce}");
        }
        for (account, paid) in &accounts.paid {
            let found = reader.get_balance(*account).await?;
            ensure!(found == U256::from(*paid), "{name}: {account} has {found} of {paid}");
        }
        for tag in [BlockNumberOrTag::Safe, BlockNumberOrTag::Finalized] {
            let block = reader.get_block_by_number(tag).await?;
            let found = block.ok_or_eyre("a client has no such block")?.header.number;
            ensure!(found == number, "{name}: block {found} is {tag}, of {number}");
        }
    }
    println!(
        "Adds up    {} transactions in {number} blocks, each once, and all balances; both clients at block {hash}",
        accounts.sent
    );
    println!("           state {root}, re-executed by two clients, not proven");
    Ok(())
}
