//! What of a new store is on disk when it gets its name.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Watches the folder in which a store is made.
pub struct Naming {
    /// What the folder is called first, and then.
    new: PathBuf,
    named: PathBuf,
    /// Calls so far.
    now: usize,
    /// The first and the last write to each file, and the last sync of each file and folder.
    written: HashMap<PathBuf, (usize, usize)>,
    synced: HashMap<PathBuf, usize>,
    unsynced: Option<Vec<PathBuf>>,
}

impl Naming {
    /// Of the store that will have that folder.
    pub fn of(named: &Path) -> Self {
        let new = named.with_extension("new");
        Self { new, named: named.into(), now: 0, written: HashMap::new(), synced: HashMap::new(), unsynced: None }
    }

    pub fn written(&mut self, path: &Path) {
        self.now += 1;
        self.written.entry(path.into()).or_insert((self.now, 0)).1 = self.now;
    }

    pub fn synced(&mut self, path: &Path) {
        self.now += 1;
        self.synced.insert(path.into(), self.now);
    }

    /// Something was renamed; the first time that the store is there by its name, it was the store.
    pub fn renamed(&mut self) {
        if self.unsynced.is_none() && self.named.exists() && self.written.keys().any(|path| path.starts_with(&self.new)) {
            let mut unsynced = Vec::new();
            self.look(Path::new(""), &mut unsynced);
            self.unsynced = Some(unsynced);
        }
    }

    /// Collects what is not on disk of a folder within the store: a file after its last write, a
    /// folder after the first to each file in it.
    fn look(&self, folder: &Path, unsynced: &mut Vec<PathBuf>) {
        let mut last = 0;
        for item in fs::read_dir(self.named.join(folder)).unwrap().map(Result::unwrap) {
            let path = folder.join(item.file_name());
            if item.file_type().unwrap().is_dir() {
                self.look(&path, unsynced);
                continue;
            }
            let (begun, ended) = self.written.get(&self.new.join(&path)).copied().unwrap_or_default();
            last = last.max(begun);
            self.check(path, ended, unsynced);
        }
        self.check(folder.into(), last, unsynced);
    }

    fn check(&self, path: PathBuf, written: usize, unsynced: &mut Vec<PathBuf>) {
        // Without the slash that joining an empty path leaves.
        let known: PathBuf = self.new.join(&path).components().collect();
        if self.synced.get(&known).is_none_or(|synced| *synced < written) {
            unsynced.push(path);
        }
    }

    /// What was not on disk when the store got its name, if it got it.
    pub fn unsynced(self) -> Option<Vec<PathBuf>> {
        self.unsynced
    }
}
