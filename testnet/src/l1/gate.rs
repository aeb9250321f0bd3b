//! A way to the development node that can be shut: nodes see it as an endpoint that is down.

use eyre::WrapErr as _;
use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards connections while it is open. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Gate {
    address: SocketAddr,
    is_open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Gate {
    /// Opens a way to a server on this machine.
    pub(super) async fn open_to(url: &str) -> eyre::Result<Self> {
        let target = url.trim_start_matches("http://").to_owned();
        let listener =
            TcpListener::bind("127.0.0.1:0").await.wrap_err("asking the system for a free port")?;
        let address = listener.local_addr()?;
        let (is_open, watched) = watch::channel(true);
        let task = tokio::spawn(async move {
            // Whoever comes while it is shut is turned away at once, as by a machine on which nothing listens.
            while let Ok((client, _)) = listener.accept().await {
                if *watched.borrow() {
                    tokio::spawn(forward(client, target.clone(), watched.clone()));
                }
            }
        });
        Ok(Self { address, is_open, task })
    }

    /// The endpoint.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets connections through, or ends those that there are and lets none through.
    pub(super) fn set_open(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
        self.is_open.send_replace(false);
    }
}

async fn forward(mut client: TcpStream, target: String, mut is_open: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = is_open.wait_for(|is_open| !is_open) => {}
    }
}
