use super::*;
use std::path::Path;

fn parse(text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("home/config.toml"), overrides)
}

fn env(pairs: &[(&str, &str)]) -> Overrides {
    Overrides::from_env(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn the_template_says_what_it_was_made_from() {
    let mut config = Config::default();
    assert_eq!(parse(&template(&config), &Overrides::default()).unwrap(), config);
    config.node.moniker = "a \"quoted\" name".to_owned();
    config.segments.peers =
        vec!["/dns/a.example/tcp/1".parse().unwrap(), "/ip4/1.2.3.4/tcp/2".parse().unwrap()];
    config.segments.interval = Duration::from_millis(35);
    config.store.cache = ByteSize::mib(77);
    config.store.pruning = Pruning::Minimal;
    config.l1.rpc_urls = vec!["http://a.example/key".to_owned(), "https://b.example".to_owned()];
    config.l1.reporter_key = "keys/reporter.key".into();
    config.l1.confirmations = 3;
    config.log.format = LogFormat::Json;
    assert_eq!(parse(&template(&config), &Overrides::default()).unwrap(), config);
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(parse("", &Overrides::default()).unwrap(), Config::default());
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let file = "[rpc]\nlisten = \"127.0.0.1:1\"\nmax_connections = 5\n[node]\nmoniker = \"file\"\n";
    let overrides = env(&[
        ("FAIRLANE_RPC_LISTEN", "127.0.0.1:2"),
        ("FAIRLANE_NODE_MONIKER", "variable"),
        ("FAIRLANE_CONSENSUS_PEERS", "/ip4/1.1.1.1/tcp/1, /ip4/2.2.2.2/tcp/2"),
        ("FAIRLANE_L1_RPC_URLS", "http://a.example, http://b.example"),
        ("FAIRLANE_HOME", "/elsewhere"),
        ("PATH", "/bin"),
    ])
    .with_flags(&["rpc.listen=127.0.0.1:3".to_owned(), "segments.startup_check=false".to_owned()])
    .unwrap();
    let config = parse(file, &overrides).unwrap();
    assert_eq!(config.rpc.listen.port(), 3);
    assert_eq!(config.rpc.max_connections, 5);
    assert_eq!(config.node.moniker, "variable");
    assert_eq!(config.consensus.peers.len(), 2);
    assert_eq!(config.l1.rpc_urls, ["http://a.example", "http://b.example"]);
    assert!(!config.segments.startup_check);
}

#[test]
fn errors_in_the_file_name_file_key_and_what_is_allowed() {
    let cases = [
        ("[rpc]\nlissten = \"127.0.0.1:1\"", vec!["config.toml", "lissten", "`listen`"]),
        ("[rcp]", vec!["config.toml", "rcp", "`rpc`"]),
        ("[rpc]\nlisten = 5", vec!["config.toml", "listen = 5"]),
        ("[segments]\ninterval = \"20 parsecs\"", vec!["config.toml", "interval", "parsecs"]),
        ("[segments]\nlisten = \"localhost:1\"", vec!["config.toml", "localhost:1", "/ip4/"]),
        ("[store]\ncache = \"many\"", vec!["config.toml", "many", "64MiB"]),
        ("[log]\nformat = \"xml\"", vec!["config.toml", "xml", "`json`"]),
        ("[store]\npruning = \"some\"", vec!["config.toml", "some", "`minimal`"]),
        ("[store]\nkeep_blocks = 0", vec!["config.toml", "store.keep_blocks", "\"archive\""]),
        ("[store]\nkeep_for = \"1h\"", vec!["config.toml", "store.keep_for", "store.pruning"]),
    ];
    for (text, wanted) in cases {
        let error = parse(text, &Overrides::default()).unwrap_err().to_string();
        for word in wanted {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
}

#[test]
fn values_that_are_not_allowed_name_their_key() {
    let id = libp2p::identity::Keypair::generate_ed25519().public().to_peer_id();
    let named_peer = format!("[consensus]\npeers = [\"/ip4/127.0.0.1/tcp/1/p2p/{id}\"]");
    let cases = [
        ("[admin]\nlisten = \"0.0.0.0:1\"", "admin.listen", "loopback"),
        ("[segments]\ninterval = \"0s\"", "segments.interval", "1ms"),
        ("[segments]\ninterval = \"2s\"", "segments.heartbeat", "below"),
        ("[store]\ncache = \"1MiB\"", "store.cache", "16MiB"),
        ("[rpc]\nmax_connections = 0", "rpc.max_connections", "above zero"),
        ("[node]\nmoniker = \"\"", "node.moniker", "1 to 64"),
        ("[log]\nfilter = \"a=b=c\"", "log.filter", "directives"),
        (&named_peer, "consensus.peers", "leave out"),
    ];
    for (text, key, allowed) in cases {
        let error = parse(text, &Overrides::default()).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(allowed), "{key}: {error}");
    }
}

#[test]
fn errors_in_overrides_name_the_variable_or_flag() {
    let error = parse("", &env(&[("FAIRLANE_RPC_LISTEN", "nowhere")])).unwrap_err().to_string();
    assert!(error.contains("FAIRLANE_RPC_LISTEN"), "{error}");
    let error = parse("", &env(&[("FAIRLANE_RPC_COLOUR", "red")])).unwrap_err().to_string();
    assert!(error.contains("FAIRLANE_RPC_COLOUR") && error.contains("colour"), "{error}");
    let error = parse("", &env(&[("FAIRLANE_STORE_KEEP_BLOCKS", "5")])).unwrap_err().to_string();
    assert!(error.contains("FAIRLANE_STORE_KEEP_BLOCKS") && error.contains("store.pruning"), "{error}");
    let flags = Overrides::default().with_flags(&["rpc.listen".to_owned()]);
    assert!(flags.unwrap_err().to_string().contains("section.key=value"));
}

#[test]
fn a_missing_file_says_how_to_make_one() {
    let error = Config::load(&Home::new("/nonexistent"), &Overrides::default()).unwrap_err();
    assert!(error.to_string().contains("fairlane init"));
}

#[test]
fn sizes_have_units() {
    for (text, bytes) in [("5", 5), ("2KiB", 2048), ("3 MiB", 3 << 20), ("1GiB", 1 << 30)] {
        assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes);
    }
    for text in ["", "MiB", "-1", "1.5MiB", "99999999999999GiB"] {
        assert!(text.parse::<ByteSize>().is_err(), "{text}");
    }
    assert_eq!(ByteSize::kib(1536).to_string(), "1536KiB");
    assert_eq!(ByteSize::new(0).to_string(), "0");
}
