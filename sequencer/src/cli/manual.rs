//! `fairlane completions` and `fairlane man`: what packagers install beside the binary, made from the command line itself.

use clap::{Args, Command};
use clap_complete::Shell;
use eyre::WrapErr as _;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, mut command: Command) -> eyre::Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, "fairlane", &mut text);
        std::io::stdout().write_all(&text)?;
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write a page for each command into this directory, which must exist, instead.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, command: Command) -> eyre::Result<()> {
        match self.out {
            Some(directory) => clap_mangen::generate_to(command, &directory)
                .wrap_err_with(|| format!("{} cannot be written to", directory.display())),
            None => Ok(clap_mangen::Man::new(command).render(&mut std::io::stdout())?),
        }
    }
}
