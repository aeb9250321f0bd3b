//! `fairlane-adapter status`.

use clap::Args;
use eyre::{WrapErr as _, ensure};
use std::io::Write as _;

#[derive(Debug, Args)]
pub(super) struct StatusCommand {
    /// The daemon's pages.
    #[arg(long, default_value = "http://127.0.0.1:26681")]
    http: String,
}

impl StatusCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let text = page(&self.http, "status").await?;
        Ok(std::io::stdout().write_all(text.as_bytes())?)
    }
}

/// One page of a running daemon.
pub(super) async fn page(http: &str, name: &str) -> eyre::Result<String> {
    let url = format!("{}/{name}", http.trim_end_matches('/'));
    // An error means that the process has chosen a provider already, which serves as well.
    fairlane_l1::endpoint::connect(&url)?;
    let response =
        reqwest::get(&url).await.wrap_err("the adapter does not answer: does it run, with these pages?")?;
    let status = response.status();
    let text = response.text().await?;
    ensure!(status.is_success(), "the adapter answers {status}: {text}");
    Ok(text)
}
