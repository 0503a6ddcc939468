//! Files and folders of the data folder that are no records.

use super::error::ConfigError;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Writes a file that only its owner can read; complete and on disk under that name, or not there.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Removes the files of a folder.
pub fn remove_files(folder: &Path) -> Result<(), ConfigError> {
    let remove = || std::fs::read_dir(folder)?.try_for_each(|file| std::fs::remove_file(file?.path()));
    remove().map_err(|error: io::Error| ConfigError::new(format!("folder {}: {error}", folder.display())))
}

/// Makes a folder if it is not there, open to its owner alone. One that is there stays as the
/// operator has made it.
pub fn make_private_folder(path: &Path) -> Result<(), ConfigError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| ConfigError::new(format!("folder {}: {error}", path.display())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn what_an_import_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            std::fs::write(folder.path().join(name), "userPassword: secret").unwrap();
        }
        remove_files(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(remove_files(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
