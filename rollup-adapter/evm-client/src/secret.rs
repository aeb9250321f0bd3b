//! The secret of the Engine API, from a file that only its owner may read.

use eyre::{WrapErr as _, ensure, eyre};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Reads 64 hexadecimal digits.
pub(crate) fn read(path: &Path) -> eyre::Result<[u8; 32]> {
    let shown = path.display();
    let mode = std::fs::metadata(path).wrap_err_with(|| format!("secret file {shown}"))?.permissions().mode();
    ensure!(mode & 0o077 == 0, "others may read secret file {shown}: run `chmod 600 {shown}`");
    let text = std::fs::read_to_string(path).wrap_err_with(|| format!("secret file {shown}"))?;
    let digits = text.trim();
    let mut secret = [0; 32];
    // The decoder's own error would repeat part of the secret.
    hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), &mut secret)
        .map_err(|_| eyre!("secret file {shown} must have 64 hexadecimal digits"))?;
    Ok(secret)
}
