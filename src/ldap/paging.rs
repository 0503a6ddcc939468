//! Cookies of paged searches (RFC 2696): where the next page begins, under a MAC over who asked
//! what.
//!
//! The server keeps nothing between two pages. A cookie works for the identity, the pool and the
//! query that it was made for, until the server restarts.

use crate::crypto::digest;
use crate::model::{EntryId, PoolId};

const ID: usize = size_of::<u64>();

/// What a cookie is bound to.
pub(super) struct Query<'a> {
    /// The key of this server.
    pub key: &'a [u8; 32],
    /// The pool that is searched.
    pub pool: PoolId,
    /// Who searches.
    pub who: Option<EntryId>,
    /// The search as sent.
    pub request: &'a [u8],
}

impl Query<'_> {
    /// The cookie of the page after this entry.
    pub fn cookie(&self, last: EntryId) -> Vec<u8> {
        let id = last.get().to_be_bytes();
        let mut cookie = id.to_vec();
        cookie.extend_from_slice(&self.mac(&id));
        cookie
    }

    /// The entry after which the page of that cookie begins; `None` if the cookie was not made for
    /// this query.
    pub fn open(&self, cookie: &[u8]) -> Option<EntryId> {
        let (id, mac) = cookie.split_first_chunk::<ID>()?;
        digest::equal(&self.mac(id), mac).then(|| EntryId::new(u64::from_be_bytes(*id)))
    }

    fn mac(&self, id: &[u8; ID]) -> [u8; 32] {
        let mut bound = Vec::with_capacity(64);
        bound.extend_from_slice(&self.pool.get().to_be_bytes());
        bound.extend_from_slice(&self.who.map_or(0, EntryId::get).to_be_bytes());
        bound.extend_from_slice(id);
        bound.extend_from_slice(&digest::sha256(self.request));
        digest::hmac(self.key, &bound)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn query<'a>(key: &'a [u8; 32], pool: u32, who: u64, request: &'a [u8]) -> Query<'a> {
        Query { key, pool: PoolId::new(pool), who: Some(EntryId::new(who)), request }
    }

    #[test]
    fn a_cookie_serves_its_own_query_only() {
        let key = [7; 32];
        let cookie = query(&key, 1, 2, b"(uid=*)").cookie(EntryId::new(99));
        assert_eq!(query(&key, 1, 2, b"(uid=*)").open(&cookie), Some(EntryId::new(99)));
        for other in
            [query(&key, 2, 2, b"(uid=*)"), query(&key, 1, 3, b"(uid=*)"), query(&key, 1, 2, b"(cn=*)"), query(&[8; 32], 1, 2, b"(uid=*)")]
        {
            assert_eq!(other.open(&cookie), None);
        }
    }

    #[test]
    fn a_cookie_cannot_be_changed() {
        let query = query(&[7; 32], 1, 2, b"(uid=*)");
        let cookie = query.cookie(EntryId::new(99));
        for index in 0..cookie.len() {
            let mut forged = cookie.clone();
            forged[index] ^= 1;
            assert_eq!(query.open(&forged), None);
        }
        assert_eq!(query.open(&cookie[..cookie.len() - 1]), None);
        assert_eq!(query.open(&[]), None);
    }
}
