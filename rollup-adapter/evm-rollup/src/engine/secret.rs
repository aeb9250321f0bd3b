//! The secret that the Engine API's tokens are made with (JWT, HS256), from a file that only its owner may read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("secret file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("others may read secret file {}: run `chmod 600 {}`", path.display(), path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("secret file {} must have 64 hexadecimal digits", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
}

/// The secret.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Takes the 32 bytes as they are.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, others may read it, or it is something else.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let read = |source| SecretError::Read { path: path.to_owned(), source };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path).map_err(read)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(SecretError::Permissions { path: path.to_owned() });
            }
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(read)?);
        let digits = text.trim();
        let mut bytes = Zeroizing::new([0; 32]);
        // The decoder's own error would repeat part of the secret.
        hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), bytes.as_mut_slice())
            .map_err(|_| SecretError::Format { path: path.to_owned() })?;
        Ok(Self(bytes))
    }

    /// A token that is valid for a minute around `now`, in seconds of the Unix epoch.
    pub(super) fn token(&self, now: u64) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let content = format!(
            "{}.{}",
            encode(r#"{"alg":"HS256","typ":"JWT"}"#),
            encode(&format!(r#"{{"iat":{now}}}"#))
        );
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length");
        mac.update(content.as_bytes());
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn write(text: &str, mode: u32) -> Result<Secret, SecretError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.hex");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Secret::read(&path)
    }

    #[test]
    fn files_are_for_their_owner_and_hold_64_digits() {
        let digits = "0b".repeat(32);
        assert!(write(&format!("0x{digits}\n"), 0o600).is_ok());
        assert!(matches!(write(&digits, 0o640), Err(SecretError::Permissions { .. })));
        let error = write("5ecre7", 0o600).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits") && !error.contains("5ecre7"), "{error}");
    }

    /// Made with Python's `hmac`.
    #[test]
    fn tokens_are_those_of_other_implementations() {
        let token = Secret::from_bytes([0x0b; 32]).token(1_700_000_000);
        let expected = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3MDAwMDAwMDB9.\
                        E_xavHVPgahvjgeASTu42Rwe9wBa4Ky-1GWsRWkCsK8";
        assert_eq!(token, expected);
    }
}
