//! Peers that are connected and do not say what they want to hear.

use super::{IDLE, init_logs, load_until};
use crate::cluster::Cluster;
use fairlane_types::Height;
use libp2p::futures::StreamExt as _;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Swarm, SwarmBuilder, identify, noise, tcp, yamux};
use std::time::Duration;

/// A node of this network by its looks, which never subscribes to anything.
#[derive(NetworkBehaviour)]
struct Mute {
    identify: identify::Behaviour,
    broadcast: libp2p_scatter::Behaviour,
}

fn mute(protocol: String) -> Swarm<Mute> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("a transport")
        .with_behaviour(|key| Mute {
            identify: identify::Behaviour::new(identify::Config::new(protocol, key.public())),
            broadcast: libp2p_scatter::Behaviour::new(libp2p_scatter::Config::default()),
        })
        .expect("a behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(300)))
        .build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_peer_that_does_not_say_what_it_wants_to_hear_is_hung_up_on_and_nobody_else() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    for at in 0..4 {
        cluster.start(at).await;
    }
    cluster.wait(0, "its peers", |status| status.peers == 3).await;
    let mut mute = mute(cluster.protocol());
    mute.dial(cluster.address(0)).expect("it dials");
    let hung_up = tokio::spawn(async move {
        loop {
            if let SwarmEvent::ConnectionClosed { cause, .. } = mute.select_next_some().await {
                return cause;
            }
        }
    });
    cluster.wait(0, "a fourth peer", |status| status.peers == 4).await;
    cluster.wait(0, "hanging up on it", |status| status.hung_up == 1 && status.peers == 3).await;
    hung_up.await.expect("the connection is closed");

    let next = Height::new(cluster.finalized(0).get() + 10);
    load_until(&mut cluster, &[0, 1, 2, 3], next).await;
    let hung_up: Vec<u64> = (0..4).map(|at| cluster.status(at).hung_up).collect();
    assert_eq!(hung_up, [1, 0, 0, 0]);
    cluster.stop_all().await;
}
