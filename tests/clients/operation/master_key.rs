//! The master key, when it is not the one that it should be.

use super::process::{configured, operate, refused};
use crate::served::{Served, serve};
use poolgate::store::{Options, SegmentSync, Store};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const OTHER: &str = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n";

/// The latest commit of the store, and what lies in the data folder beside it.
fn state(data: &Path) -> (u64, Vec<(String, Vec<u8>)>) {
    let store = Store::open(data, Options::default(), SegmentSync::install()).unwrap();
    let latest = store.latest().get();
    store.close();
    let mut files = Vec::new();
    for file in std::fs::read_dir(data).unwrap().map(|file| file.unwrap()).filter(|file| file.path().is_file()) {
        files.push((file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()));
    }
    files.sort();
    (latest, files)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_or_none_is_refused_and_nothing_is_written() {
    for has_pool in [false, true] {
        let (folder, file) = configured("");
        let (data, kept) = (folder.path().join("data"), folder.path().join("kept.key"));
        let key = data.join("master.key");
        let served = Served::start(&file, &[]).await;
        if has_pool {
            assert!(operate(&data, &["pool", "create", "acme"]).await.status.success());
        }
        served.stop().await;
        std::fs::rename(&key, &kept).unwrap();

        // None at all: it is not made anew.
        let before = state(&data);
        let (_, said) = refused(serve(&file, &[])).await;
        assert!(said.starts_with(&format!("poolgate: master key {}: the file is missing", key.display())), "{said}");
        assert!(said.contains("`master_key_file`") && said.lines().count() == 1, "{said}");
        assert_eq!(state(&data), before);
        assert!(!key.exists());

        // Another one, in its place or named.
        let elsewhere = folder.path().join("other.key");
        std::fs::write(&elsewhere, OTHER).unwrap();
        std::fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
        std::fs::copy(&elsewhere, &key).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        let before = state(&data);
        for (path, variables) in [(&key, vec![]), (&elsewhere, vec![("POOLGATE_MASTER_KEY_FILE", elsewhere.to_str().unwrap())])] {
            let (output, said) = refused(serve(&file, &variables)).await;
            let sentence =
                format!("poolgate: master key {}: it holds the key 976fd2fa, and the store is sealed with the key ", path.display());
            assert!(said.starts_with(&sentence) && said.contains("`master_key_file`"), "{said}");
            assert!(said.lines().count() == 1 && output.stdout.is_empty(), "{said}");
            assert_eq!(state(&data), before);
            assert_eq!(mode(&key), 0o644, "not even the mode of a file that is not ours");
        }

        // The right one, wherever it is.
        let named = [("POOLGATE_MASTER_KEY_FILE", kept.to_str().unwrap())];
        let served = Served::start(&file, &named).await;
        let listed = operate(&data, &["pool", "list"]).await;
        assert_eq!(String::from_utf8_lossy(&listed.stdout).contains("o=acme"), has_pool);
        served.stop().await;
        std::fs::copy(&kept, &key).unwrap();
        Served::start(&file, &[]).await.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_others_can_open_is_closed_or_warned_of() {
    let (folder, file) = configured("");
    let key = folder.path().join("data/master.key");
    let log = Served::start(&file, &[]).await.stop().await;
    assert!(!log.contains("master key"), "{log}");
    assert_eq!(mode(&key), 0o600);
    std::fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let log = Served::start(&file, &[]).await.stop().await;
    assert!(log.contains("could open the master key file until now") && log.contains("\"mode\":\"040\""), "{log}");
    assert_eq!(mode(&key), 0o600);

    // As Kubernetes mounts a secret for a group.
    let secret = folder.path().join("secret");
    std::fs::copy(&key, &secret).unwrap();
    std::fs::set_permissions(&secret, Permissions::from_mode(0o440)).unwrap();
    let log = Served::start(&file, &[("POOLGATE_MASTER_KEY_FILE", secret.to_str().unwrap())]).await.stop().await;
    assert!(log.contains("can open the master key file") && log.contains(secret.to_str().unwrap()), "{log}");
    assert_eq!(mode(&secret), 0o440);
}
