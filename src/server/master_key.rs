//! The file with the master key: one of the operator's, or our own in the data folder.

use super::error::ConfigError;
use super::files::write_private;
use crate::crypto::sealed::MasterKey;
use crate::model::{Entropy, Secret};
use std::fmt::Display;
use std::fs::{File, Metadata, Permissions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The most bytes of a master key file: 32 as base64 are 44, with room for line breaks.
const MAX_FILE: u64 = 256;
/// What others than the owner may do with a file.
const OTHERS: u32 = 0o077;

/// Where the master key is.
#[derive(Clone, Debug)]
pub enum KeyFile {
    /// A file that the configuration names. The operator answers for it.
    Given(PathBuf),
    /// `master.key` in the data folder, which is made for a new store.
    Own(PathBuf),
}

/// A master key as its file holds it.
#[derive(Debug)]
pub struct Found {
    /// The key.
    pub key: MasterKey,
    /// What others than the file's owner may do with it.
    open_to_others: u32,
}

impl KeyFile {
    /// The file that is meant: the one that is named, or else our own.
    pub fn of(named: Option<&Path>, data: &Path) -> Self {
        named.map_or_else(|| Self::Own(data.join("master.key")), |path| Self::Given(path.to_owned()))
    }

    /// Reads the key. Our own is made if it is not there and no key was ever used for the store.
    pub fn read(&self, store_is_unused: bool, source: &dyn Entropy) -> Result<Found, ConfigError> {
        match (self, std::fs::symlink_metadata(self.path())) {
            (Self::Own(path), Err(error)) if error.kind() == ErrorKind::NotFound => {
                if !store_is_unused {
                    return Err(self.refuse(
                        &"the file is missing, and what the data folder holds is sealed with it; put it back from its backup, or name the file where it is now \
                          in `master_key_file`. A new key would open nothing, so none was made",
                    ));
                }
                let made = MasterKey::generate(source);
                write_private(path, made.to_text().expose().as_bytes()).map_err(|error| self.refuse(&error))?;
            }
            (Self::Own(_), Ok(found)) if found.is_symlink() => {
                return Err(self.refuse(&"it is a symbolic link; name the file that it leads to in `master_key_file`"));
            }
            _ => {}
        }
        let (text, found) = self.text()?;
        let key = MasterKey::parse(text.expose()).map_err(|error| self.refuse(&error))?;
        Ok(Found { key, open_to_others: found.permissions().mode() & OTHERS })
    }

    /// Closes our own file to others, and warns of one of the operator's that is open to them. To
    /// be called when the key has been found to be the store's.
    pub fn keep_private(&self, found: &Found) -> Result<(), ConfigError> {
        let (file, mode) = (self.path().display(), format!("{:03o}", found.open_to_others));
        match self {
            _ if found.open_to_others == 0 => Ok(()),
            Self::Given(_) => {
                tracing::warn!(%file, mode, "others than its owner can open the master key file; whoever reads it can open every sealed secret of the data");
                Ok(())
            }
            Self::Own(path) => {
                std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|error| {
                    self.refuse(&format!("others than its owner can open it, and that cannot be mended: {error}; chmod 600 it"))
                })?;
                tracing::warn!(%file, mode, "others than its owner could open the master key file until now");
                Ok(())
            }
        }
    }

    /// Why that key cannot be taken.
    pub fn refuse(&self, why: &dyn Display) -> ConfigError {
        ConfigError::new(format!("master key {}: {why}", self.path().display()))
    }

    fn path(&self) -> &Path {
        let (Self::Given(path) | Self::Own(path)) = self;
        path
    }

    fn text(&self) -> Result<(Secret<String>, Metadata), ConfigError> {
        let failed = |error: std::io::Error| self.refuse(&error);
        // Asked before it is opened: a pipe would keep whoever opens it waiting.
        let kind = std::fs::metadata(self.path()).map_err(failed)?;
        if !kind.is_file() {
            return Err(self.refuse(&if kind.is_dir() { "it is a folder, not a file" } else { "it is no regular file" }));
        }
        let file = File::open(self.path()).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(self.refuse(&format!("it has over {MAX_FILE} bytes; it must hold 32 bytes as base64 and nothing else")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| self.refuse(&"it is no text; it must hold 32 bytes as base64"))?;
        Ok((Secret::new(text.to_owned()), found))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::server::SystemEntropy;
    use std::os::unix::fs::symlink;

    const TEXT: &str = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

    fn read(file: &KeyFile, unused: bool) -> Result<Found, String> {
        file.read(unused, &SystemEntropy::default()).map_err(|error| error.to_string())
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn with_mode(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn our_own_key_is_made_once_and_for_an_unused_store_alone() {
        let data = tempfile::tempdir().unwrap();
        let own = KeyFile::of(None, data.path());
        let said = read(&own, false).unwrap_err();
        assert!(said.contains("master.key: the file is missing") && said.contains("master_key_file"), "{said}");
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "nothing was made");
        let made = read(&own, true).unwrap();
        assert_eq!(mode(&data.path().join("master.key")), 0o600);
        assert_eq!(read(&own, true).unwrap().key.id(), made.key.id());
        assert_eq!(read(&own, false).unwrap().key.id(), made.key.id());
    }

    #[test]
    fn a_file_that_the_operator_names_is_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let given = KeyFile::of(Some(&path), folder.path());
        assert!(read(&given, true).unwrap_err().contains("key: No such file"));
        assert!(!path.exists());
    }

    #[test]
    fn what_holds_no_key_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let (given, own) = (KeyFile::of(Some(&path), folder.path()), KeyFile::of(None, folder.path()));
        for (bytes, reason) in [
            (&b""[..], "the master key file is empty"),
            (b"\n", "the master key file is empty"),
            (b"QkJCQg==", "the master key file holds 4 bytes"),
            (b"not base64", "the master key file is no base64"),
            (&[0xff; 32], "it is no text"),
            (&[b'A'; 300], "it has over 256 bytes"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            for file in [&given, &own] {
                let said = read(file, true).unwrap_err();
                assert!(said.starts_with(&format!("master key {}: {reason}", path.display())), "{said}");
                assert!(said.contains("32 bytes as base64"), "{said}");
            }
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is left as it is");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(read(&given, true).unwrap_err().contains("it is a folder"));
        assert!(read(&own, true).unwrap_err().contains("it is a folder"));
        let device = KeyFile::Given("/dev/zero".into());
        assert!(read(&device, true).unwrap_err().contains("no regular file"));
    }

    #[test]
    fn line_breaks_at_the_end_are_no_part_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for end in ["", "\n", "\r\n", "\n\n"] {
            std::fs::write(&path, format!("{TEXT}{end}")).unwrap();
            assert_eq!(read(&KeyFile::Given(path.clone()), false).unwrap().key.id(), 0x976f_d2fa);
        }
    }

    #[test]
    fn a_link_is_followed_where_the_operator_has_named_it() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("secret"), folder.path().join("master.key"));
        std::fs::write(&target, TEXT).unwrap();
        symlink(&target, &link).unwrap();
        read(&KeyFile::of(Some(&link), folder.path()), false).unwrap();
        let own = KeyFile::of(None, folder.path());
        assert!(read(&own, true).unwrap_err().contains("symbolic link"));
        std::fs::remove_file(&target).unwrap();
        assert!(read(&own, true).unwrap_err().contains("symbolic link"), "one that leads nowhere too");
        assert!(link.is_symlink() && !target.exists());
    }

    #[test]
    fn our_own_file_is_closed_to_others_and_the_operators_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let (given, own) = (KeyFile::of(Some(&path), folder.path()), KeyFile::of(None, folder.path()));
        for open in [0o440, 0o644, 0o660, 0o604] {
            with_mode(&path, TEXT, open);
            given.keep_private(&read(&given, false).unwrap()).unwrap();
            let found = read(&own, false).unwrap();
            assert_eq!(mode(&path), open, "reading changes nothing");
            own.keep_private(&found).unwrap();
            assert_eq!(mode(&path), 0o600, "{open:o}");
        }
    }
}
