//! The home of the proven rollup's adapter.

use super::PrepareArgs;
use crate::l1::staking::{DEPLOYMENT, write_key};
use eyre::WrapErr as _;
use fairlane_l1::PrivateKeySigner;
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{Genesis, RollupId};

/// Writes all that `fairlane-adapter run` needs into a home that lacks it, but for the record of the settlement contract,
/// which `fairlane-adapter deploy` writes beside.
pub(super) fn furnish(
    args: &PrepareArgs,
    rollup: u64,
    key: &PrivateKeySigner,
    genesis: &Genesis,
) -> eyre::Result<()> {
    let home = args.out.join("adapter");
    let config = home.join("adapter.toml");
    if config.exists() {
        return Ok(());
    }
    let id = RollupId::new(rollup);
    eyre::ensure!(
        genesis.rollups.iter().any(|rollup| rollup.id == id),
        "--proven {rollup}: genesis has no such rollup"
    );
    genesis_file::write(&home.join("genesis.json"), genesis)?;
    std::fs::copy(args.out.join("shared").join(DEPLOYMENT), home.join(DEPLOYMENT))
        .wrap_err("copying the deployment's record")?;
    write_key(key, &home.join("adapter.key"))?;
    std::fs::write(&config, text(args, rollup)).wrap_err_with(|| format!("writing {}", config.display()))
}

fn text(args: &PrepareArgs, rollup: u64) -> String {
    format!(
        r#"data = "data"

[sequencer]
genesis = "genesis.json"
endpoints = {nodes:?}
rollup = {rollup}

[ethereum]
rpc_urls = [{rpc:?}]
deployment = {DEPLOYMENT:?}
settlement = "settlement.json"
key_file = "adapter.key"
# Blocks of a development node are final at once.
confirmations = 1
poll = "2s"

[prover]
listen = "0.0.0.0:26680"
slots = {slots}

[http]
listen = "0.0.0.0:26681"
"#,
        nodes = args.nodes,
        rpc = args.rpc,
        slots = args.slots,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use fairlane_adapter::config::Config;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: PrepareArgs,
    }

    #[test]
    fn the_adapter_takes_what_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adapter.toml");
        let words = "prepare --rpc http://l1:8545 --out /network --validator 10.88.0.10 --rollups 3 --proven 3 \
                     --slots 4 --node http://validator0:26660 --node http://validator1:26660";
        let command = Command::parse_from(words.split_whitespace());
        std::fs::write(&path, text(&command.args, 3)).unwrap();
        let config = Config::load(&path).unwrap();
        let (prover, ethereum) = (config.prover.unwrap(), config.ethereum.unwrap());
        assert_eq!((config.sequencer.rollup, prover.slots), (3, 4));
        assert_eq!(config.sequencer.endpoints, command.args.nodes);
        assert_eq!(ethereum.deployment, folder.path().join(DEPLOYMENT));
        assert_eq!(ethereum.key_file, Some(folder.path().join("adapter.key")));
    }

    #[test]
    fn a_proven_rollup_needs_a_node() {
        let words = "prepare --rpc http://l1:8545 --out /network --validator 10.88.0.10 --proven 2";
        assert!(Command::try_parse_from(words.split_whitespace()).is_err());
    }
}
