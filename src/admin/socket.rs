//! Where the admin API's unix socket lies: the server binds it, the commands connect to it. Both must come to the same path.

use crate::model::{Error, Result};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest path that a unix socket may have, in bytes, on Linux.
pub const MAX_SOCKET_PATH: usize = 107;

/// The path of the socket of the server on that data folder: within the folder, or a short one elsewhere when that would be too long.
///
/// The file's permission is the credential, so the folder elsewhere must be ours alone.
pub fn path(data: &Path) -> Result<PathBuf> {
    let data = std::path::absolute(data).map_err(|error| Error::internal(format!("{}: {error}", data.display())))?;
    let within = data.join("admin.sock");
    if within.as_os_str().as_bytes().len() <= MAX_SOCKET_PATH {
        return Ok(within);
    }
    let folder = private_folder()?;
    let mut name = DefaultHasher::new();
    data.hash(&mut name);
    Ok(folder.join(format!("{:016x}.sock", name.finish())))
}

fn private_folder() -> Result<PathBuf> {
    let own = |path: &Path| {
        std::fs::metadata(path).map(|found| found.uid()).map_err(|error| Error::internal(format!("{}: {error}", path.display())))
    };
    let user = own(Path::new("/proc/self"))?;
    let folder = PathBuf::from(format!("/tmp/poolgate-{user}"));
    if !folder.exists() {
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| Error::internal(format!("{}: {error}", folder.display())))?;
    }
    let found = std::fs::symlink_metadata(&folder).map_err(|error| Error::internal(format!("{}: {error}", folder.display())))?;
    if found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0 {
        return Ok(folder);
    }
    Err(Error::not_allowed(format!("{} must be a folder that only user {user} can open; remove it", folder.display())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_short_folder_holds_its_socket() {
        assert_eq!(path(Path::new("/var/lib/poolgate")).unwrap(), Path::new("/var/lib/poolgate/admin.sock"));
    }

    #[test]
    fn a_long_folder_has_a_short_one_elsewhere() {
        let long = PathBuf::from("/").join("a".repeat(120));
        let socket = path(&long).unwrap();
        assert!(socket.as_os_str().as_bytes().len() <= MAX_SOCKET_PATH);
        assert_eq!(socket, path(&long).unwrap());
        assert_ne!(socket, path(&long.join("b")).unwrap());
    }
}
