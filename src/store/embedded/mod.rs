//! The embedded engine: sled under a commit protocol of our own.

use super::{Changes, CommitError, Feed, Key, Options, Prefix, ReadError, Row, ServerChanges, ServerKey, ServerPrefix, Statistics};
use crate::model::{PoolId, Sequence, Timestamp};
use std::path::Path;

pub(super) struct Embedded;

impl Embedded {
    pub(super) fn open(_folder: &Path, _options: Options) -> Result<Self, ReadError> {
        todo!()
    }
    pub(super) fn get(&self, _pool: PoolId, _key: &Key) -> Result<Option<Row>, ReadError> {
        todo!()
    }
    pub(super) fn server_get(&self, _key: &ServerKey) -> Result<Option<Row>, ReadError> {
        todo!()
    }
    pub(super) fn scan(
        &self,
        _pool: PoolId,
        _prefix: &Prefix,
        _after: Option<&Key>,
    ) -> impl Iterator<Item = Result<(Key, Row), ReadError>> + use<> {
        std::iter::empty()
    }
    pub(super) fn server_scan(
        &self,
        _prefix: &ServerPrefix,
        _after: Option<&ServerKey>,
    ) -> impl Iterator<Item = Result<(ServerKey, Row), ReadError>> + use<> {
        std::iter::empty()
    }
    pub(super) async fn commit(&self, _pool: PoolId, _changes: Changes, _server: ServerChanges) -> Result<Sequence, CommitError> {
        todo!()
    }
    pub(super) fn commit_blocking(&self, _pool: PoolId, _changes: Changes, _server: ServerChanges) -> Result<Sequence, CommitError> {
        todo!()
    }
    pub(super) async fn remove_pool_rows(&self, _pool: PoolId, _limit: usize) -> Result<usize, CommitError> {
        todo!()
    }
    pub(super) async fn sweep(&self, _now: Timestamp, _limit: usize) -> Result<usize, CommitError> {
        todo!()
    }
    pub(super) fn statistics(&self) -> Statistics {
        todo!()
    }
    pub(super) fn stopped(&self) -> Option<String> {
        todo!()
    }
    pub(super) fn close(&self) {}
    pub(super) fn latest(&self) -> Sequence {
        todo!()
    }
    pub(super) fn feed(&self, _pool: PoolId, _after: Sequence, _limit: usize) -> Result<Feed, ReadError> {
        todo!()
    }
    pub(super) fn consumer(&self, _pool: PoolId, _after: Sequence) -> Consumer {
        todo!()
    }
}

/// A reader of a pool's change feed for which the journal is kept.
pub struct Consumer;
