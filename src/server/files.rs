//! Files of the data folder that are no records: the master key.

use super::config::ConfigError;
use crate::model::{Entropy, Secret, entropy};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Writes a file that only its owner can read; complete and on disk under that name, or not there.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Reads the master key; makes it when `may_make` says so and there is none.
pub fn master_key(path: &Path, may_make: bool, source: &dyn Entropy) -> Result<Secret<[u8; 32]>, ConfigError> {
    let failed = |error: io::Error| ConfigError::new(format!("master key {}: {error}", path.display()));
    if may_make && !path.exists() {
        let key = Zeroizing::new(entropy::random::<32>(source));
        let text = Zeroizing::new(STANDARD.encode(*key));
        write_private(path, text.as_bytes()).map_err(failed)?;
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).unwrap_or_default());
    let key = <[u8; 32]>::try_from(bytes.as_slice());
    key.map(Secret::new).map_err(|_| ConfigError::new(format!("master key {}: must hold 32 bytes in base64", path.display())))
}
