//! Where the admin API's unix socket lies: the server binds it, the commands connect to it. Both
//! must come to the same path.

use crate::model::{Error, Result};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest path that a unix socket may have, in bytes, on Linux.
pub const MAX_SOCKET_PATH: usize = 107;

/// The path of the socket of the server on that data folder: within the folder, or a short one
/// elsewhere when that would be too long.
///
/// The file's permission is the credential, so the folder elsewhere must be ours alone. However the
/// folder is written, and by whatever links it is reached, the path is the same.
pub fn path(data: &Path) -> Result<PathBuf> {
    let real = std::fs::canonicalize(data).or_else(|_| std::path::absolute(data));
    let data = real.map_err(|error| Error::internal(format!("{}: {error}", data.display())))?;
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
    let folder = PathBuf::from(format!("/tmp/poolgate-{}", own_user()?));
    own_folder(&folder)?;
    Ok(folder)
}

/// Makes a folder that only we can open, if it is not there. Refuses one that is there and that
/// others can open or have made: in a place where everybody may write, somebody else may have been
/// quicker.
pub fn own_folder(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::internal(format!("{}: {error}", folder.display()));
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let (user, found) = (own_user()?, std::fs::symlink_metadata(folder).map_err(failed)?);
    if found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::not_allowed(format!("{} must be a folder that only user {user} can open; remove it or name another", folder.display())))
}

fn own_user() -> Result<u32> {
    let own = std::fs::metadata("/proc/self").map_err(|error| Error::internal(format!("/proc/self: {error}")))?;
    Ok(own.uid())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

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

    #[test]
    fn a_folder_that_others_can_open_is_not_ours() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("ours");
        for _ in 0..2 {
            own_folder(&folder).unwrap();
        }
        assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(own_folder(&folder).is_err());
        let link = parent.path().join("link");
        std::os::unix::fs::symlink(parent.path(), &link).unwrap();
        assert!(own_folder(&link).is_err(), "where it leads is for whoever made it to say");
        std::fs::write(parent.path().join("file"), "").unwrap();
        assert!(own_folder(&parent.path().join("file")).is_err());
    }
}
