//! What the adapter and the clients of the rollup that runs the EVM read.

use super::PrepareArgs;
use crate::evm::accounts::Accounts;
use crate::evm::files;
use crate::evm::stage::NAMES;
use crate::l1::staking::DEPLOYMENT;
use eyre::WrapErr as _;
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{Genesis, RollupId};

/// The network's genesis, beside the rollup's.
const NETWORK: &str = "network.json";

/// Writes all that they need into a folder that lacks it.
pub(super) fn furnish(args: &PrepareArgs, rollup: u64, genesis: &Genesis) -> eyre::Result<()> {
    let home = args.out.join("evm");
    let config = home.join("adapter.toml");
    if config.exists() {
        return Ok(());
    }
    let id = RollupId::new(rollup);
    eyre::ensure!(
        genesis.rollups.iter().any(|rollup| rollup.id == id),
        "--evm {rollup}: genesis has no such rollup"
    );
    if !home.join(NETWORK).exists() {
        genesis_file::write(&home.join(NETWORK), genesis)?;
    }
    std::fs::copy(args.out.join("shared").join(DEPLOYMENT), home.join(DEPLOYMENT))
        .wrap_err("copying the deployment's record")?;
    files::write(&home, &Accounts::known()?)?;
    std::fs::write(&config, text(args, rollup)).wrap_err_with(|| format!("writing {}", config.display()))
}

/// Each client is a host of its name.
fn text(args: &PrepareArgs, rollup: u64) -> String {
    let [builder, follower] = NAMES.map(|name| {
        format!(
            "name = {name:?}\nhttp_url = \"http://{name}:8545\"\nengine_url = \"http://{name}:8551\"\njwt_file = {:?}\n",
            files::SECRET
        )
    });
    format!(
        r#"# The folder is read by others, too: what the adapter keeps is elsewhere.
data = "/var/lib/fairlane/data"

[sequencer]
genesis = {NETWORK:?}
endpoints = {nodes:?}
rollup = {rollup}

[ethereum]
rpc_urls = [{rpc:?}]
deployment = {DEPLOYMENT:?}
# Blocks of a development node are final at once.
confirmations = 1
poll = "2s"

[evm]
rules = {rules:?}

[evm.builder]
{builder}
[[evm.followers]]
{follower}
[http]
listen = "0.0.0.0:26681"
"#,
        nodes = args.nodes,
        rpc = args.rpc,
        rules = files::RULES,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use fairlane_adapter::config::Config;
    use fairlane_evm_rollup::Rules;
    use std::path::Path;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: PrepareArgs,
    }

    #[test]
    fn adapter_and_clients_take_what_they_are_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adapter.toml");
        let words = "prepare --rpc http://l1:8545 --out /network --validator 10.88.0.10 --rollups 4 --evm 4 \
                     --node http://validator0:26660 --node http://validator1:26660";
        let command = Command::parse_from(words.split_whitespace());
        std::fs::write(&path, text(&command.args, 4)).unwrap();
        let config = Config::load(&path).unwrap();
        let evm = config.evm.unwrap();
        assert_eq!((config.sequencer.rollup, config.sequencer.endpoints), (4, command.args.nodes));
        assert_eq!(config.data, Path::new("/var/lib/fairlane/data"));
        assert_eq!(
            (evm.builder.name.as_str(), evm.builder.http_url.as_str()),
            ("ethrex", "http://ethrex:8545")
        );
        assert_eq!(evm.followers.len(), 1);
        assert_eq!(evm.followers[0].engine_url, "http://ethereumjs:8551");

        let zero = files::write(folder.path(), &Accounts::known().unwrap()).unwrap();
        let secret = std::fs::read(folder.path().join(files::SECRET)).unwrap();
        assert_eq!(Rules::load(&evm.rules).unwrap().genesis.hash_slow(), zero);
        assert_eq!(
            files::write(folder.path(), &Accounts::known().unwrap()).unwrap(),
            zero,
            "for ever the same"
        );
        assert_eq!(std::fs::read(&evm.builder.jwt_file).unwrap(), secret, "one secret for all, which stays");
    }

    #[test]
    fn a_rollup_that_runs_the_evm_needs_a_node() {
        let words = "prepare --rpc http://l1:8545 --out /network --validator 10.88.0.10 --evm 2";
        assert!(Command::try_parse_from(words.split_whitespace()).is_err());
    }
}
