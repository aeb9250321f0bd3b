//! Secret keys of Ethereum accounts: from a file that only its owner may read, or from the environment. Never from
//! an argument, because others can read those.
//!
//! The file holds the key in hexadecimal digits, or is an encrypted keystore (Web3 Secret Storage, version 3, as wallets
//! and `cast wallet` make it), whose password comes from the environment or is asked for on the terminal.

use alloy_signer_local::PrivateKeySigner;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// Neither a file nor the variable is there.
    #[error("name the key of the {whose}: {option} FILE, or {variable} in the environment")]
    Missing {
        /// Whose key it is.
        whose: &'static str,
        /// The option that names a file.
        option: &'static str,
        /// The environment variable.
        variable: &'static str,
    },
    /// The file cannot be read.
    #[error("key file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("others may read key file {path}: run `chmod 600 {path}`")]
    Permissions {
        /// The file.
        path: PathBuf,
    },
    /// The keystore's password is not given.
    #[error(
        "the key of the {whose} is encrypted: give its password in {variable}, or run this in a terminal"
    )]
    NoPassword {
        /// Whose key it is.
        whose: &'static str,
        /// The environment variable.
        variable: String,
    },
    /// The keystore does not open.
    #[error(
        "the keystore {path} of the {whose} does not open: the password is wrong, or the file is damaged"
    )]
    Locked {
        /// Whose key it is.
        whose: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("the key of the {whose} must be 64 hexadecimal digits")]
    Format {
        /// Whose key it is.
        whose: &'static str,
    },
}

/// Where a key may come from, and what it is called in errors.
#[derive(Clone, Copy, Debug)]
pub struct KeySource {
    /// Whose key it is, as in "operator".
    pub whose: &'static str,
    /// The option that names a file.
    pub option: &'static str,
    /// The environment variable that is looked at without a file.
    pub variable: &'static str,
}

impl KeySource {
    /// Reads the key from `file`, or without one from the environment.
    pub fn read(&self, file: Option<&Path>) -> Result<PrivateKeySigner, WalletError> {
        let Self { whose, option, variable } = *self;
        self.read_if_any(file)?.ok_or(WalletError::Missing { whose, option, variable })
    }

    /// Like [`Self::read`]; `None` where neither is there.
    pub fn read_if_any(&self, file: Option<&Path>) -> Result<Option<PrivateKeySigner>, WalletError> {
        let text = match file {
            Some(path) => {
                let text = read_private(path)?;
                if text.trim_start().starts_with('{') {
                    return self.unlock(path, &self.password()?).map(Some);
                }
                text
            }
            None => match std::env::var(self.variable) {
                Ok(text) => Zeroizing::new(text),
                Err(_) => return Ok(None),
            },
        };
        // The parser's own error would repeat part of the key.
        text.trim().parse().map(Some).map_err(|_| WalletError::Format { whose: self.whose })
    }

    fn unlock(&self, path: &Path, password: &str) -> Result<PrivateKeySigner, WalletError> {
        let whose = self.whose;
        // The library's own error may repeat part of the file.
        PrivateKeySigner::decrypt_keystore(path, password.as_bytes())
            .map_err(|_| WalletError::Locked { whose, path: path.to_owned() })
    }

    fn password(&self) -> Result<Zeroizing<String>, WalletError> {
        let (whose, variable) = (self.whose, format!("{}_PASSWORD", self.variable));
        if let Ok(password) = std::env::var(&variable) {
            return Ok(Zeroizing::new(password));
        }
        let asked = std::io::stdin()
            .is_terminal()
            .then(|| rpassword::prompt_password(format!("Password of the {whose}'s keystore: ")));
        match asked {
            Some(Ok(password)) => Ok(Zeroizing::new(password)),
            Some(Err(_)) | None => Err(WalletError::NoPassword { whose, variable }),
        }
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, WalletError> {
    let read = |source| WalletError::Read { path: path.to_owned(), source };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map_err(read)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(WalletError::Permissions { path: path.to_owned() });
        }
    }
    Ok(Zeroizing::new(std::fs::read_to_string(path).map_err(read)?))
}

#[cfg(test)]
#[path = "wallet_tests.rs"]
mod tests;
