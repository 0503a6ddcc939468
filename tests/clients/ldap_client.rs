//! LDAP through the `ldap3` crate, over StartTLS with certificate verification on.

use crate::harness::TestServer;
use ldap3::controls::{Control, ControlType, PagedResults};
use ldap3::exop::{PasswordModify, WhoAmI};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapResult, Mod, Scope, SearchEntry};
use std::collections::HashSet;
use std::net::SocketAddr;

/// Result codes (RFC 4511, appendix A).
pub mod code {
    pub const SUCCESS: u32 = 0;
    pub const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub const COMPARE_FALSE: u32 = 5;
    pub const COMPARE_TRUE: u32 = 6;
    pub const NO_SUCH_ATTRIBUTE: u32 = 16;
    pub const CONSTRAINT_VIOLATION: u32 = 19;
    pub const NO_SUCH_OBJECT: u32 = 32;
    pub const INVALID_CREDENTIALS: u32 = 49;
    pub const INSUFFICIENT_ACCESS: u32 = 50;
    pub const UNWILLING: u32 = 53;
}

/// A result as it came over the wire: code, matchedDN, diagnostic message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub code: u32,
    pub matched: String,
    pub text: String,
}

impl Answer {
    /// The same with a name in it replaced, so that answers about different names can be compared.
    pub fn without(&self, name: &str) -> Self {
        let hide = |text: &str| text.replace(name, "…");
        Self { code: self.code, matched: hide(&self.matched), text: hide(&self.text) }
    }
}

impl From<LdapResult> for Answer {
    fn from(result: LdapResult) -> Self {
        Self { code: result.rc, matched: result.matched, text: result.text }
    }
}

/// A connection.
pub struct Directory(Ldap);

impl Directory {
    /// A connection on which nobody has bound.
    pub async fn connect(server: &TestServer) -> Self {
        let settings = LdapConnSettings::new().set_starttls(true).set_config(server.trust());
        let (connection, ldap) = LdapConnAsync::with_settings(settings, &server.ldap()).await.unwrap();
        // Its end shows in the operations.
        tokio::spawn(connection.drive());
        Self(ldap)
    }

    /// A connection in clear text, which a server takes on loopback.
    pub async fn plain(address: SocketAddr) -> Self {
        let (connection, ldap) = LdapConnAsync::new(&format!("ldap://{address}")).await.unwrap();
        tokio::spawn(connection.drive());
        Self(ldap)
    }

    /// A connection that is bound as that name.
    pub async fn bound(server: &TestServer, name: &str, password: &str) -> Self {
        let mut directory = Self::connect(server).await;
        let answer = directory.bind(name, password).await;
        assert_eq!(answer.code, code::SUCCESS, "{name}: {answer:?}");
        directory
    }

    pub async fn bind(&mut self, name: &str, password: &str) -> Answer {
        self.0.simple_bind(name, password).await.unwrap().into()
    }

    /// Searches and gives the entries in the order of their names.
    pub async fn search(&mut self, base: &str, scope: Scope, filter: &str, attributes: &[&str]) -> (Vec<SearchEntry>, Answer) {
        let found = self.0.search(base, scope, filter, attributes).await.unwrap();
        let mut entries: Vec<_> = found.0.into_iter().map(SearchEntry::construct).collect();
        entries.sort_by(|left, right| left.dn.cmp(&right.dn));
        (entries, found.1.into())
    }

    /// The names of the entries that match.
    pub async fn names(&mut self, base: &str, filter: &str) -> Vec<String> {
        let (entries, answer) = self.search(base, Scope::Subtree, filter, &["1.1"]).await;
        assert_eq!(answer.code, code::SUCCESS, "{filter}: {answer:?}");
        entries.into_iter().map(|entry| entry.dn).collect()
    }

    /// One entry, if it is to be seen.
    pub async fn entry(&mut self, name: &str, attributes: &[&str]) -> Option<SearchEntry> {
        self.search(name, Scope::Base, "(objectClass=*)", attributes).await.0.pop()
    }

    /// One page of a search below that base, and the cookie of the next page.
    pub async fn page(&mut self, base: &str, cookie: &[u8]) -> (Vec<SearchEntry>, Answer, Vec<u8>) {
        self.0.with_controls(PagedResults { size: 1, cookie: cookie.to_vec() });
        let found = self.0.search(base, Scope::Subtree, "(objectClass=*)", vec!["1.1"]).await.unwrap();
        let cookie = found.1.ctrls.iter().find_map(|Control(kind, raw)| match kind {
            Some(ControlType::PagedResults) => Some(raw.parse::<PagedResults>().cookie),
            _ => None,
        });
        (found.0.into_iter().map(SearchEntry::construct).collect(), found.1.into(), cookie.unwrap_or_default())
    }

    pub async fn compare(&mut self, name: &str, attribute: &str, value: &str) -> Answer {
        self.0.compare(name, attribute, value).await.unwrap().0.into()
    }

    pub async fn add(&mut self, name: &str, attributes: &[(&str, &str)]) -> Answer {
        let attributes = attributes.iter().map(|(name, value)| (*name, HashSet::from([*value]))).collect();
        self.0.add(name, attributes).await.unwrap().into()
    }

    /// The same, of attributes with several values.
    pub async fn add_with(&mut self, name: &str, attributes: Vec<(&str, HashSet<&str>)>) -> Answer {
        self.0.add(name, attributes).await.unwrap().into()
    }

    /// Everything below a name that is to be read, as text.
    pub async fn dump(&mut self, base: &str) -> String {
        let (entries, answer) = self.search(base, Scope::Subtree, "(objectClass=*)", &["*", "+"]).await;
        assert_eq!(answer.code, code::SUCCESS, "{answer:?}");
        let mut lines = Vec::new();
        for entry in entries {
            let mut values: Vec<_> = entry.attrs.iter().map(|(name, values)| (name.clone(), format!("{values:?}"))).collect();
            values.extend(entry.bin_attrs.iter().map(|(name, values)| (name.clone(), format!("{values:?}"))));
            values.sort();
            lines.push(format!("{} {values:?}", entry.dn));
        }
        lines.join("\n")
    }

    /// Puts one value in the place of all values of an attribute.
    pub async fn replace(&mut self, name: &str, attribute: &str, value: &str) -> Answer {
        self.modify(name, Mod::Replace(attribute, HashSet::from([value]))).await
    }

    pub async fn modify(&mut self, name: &str, step: Mod<&str>) -> Answer {
        self.0.modify(name, vec![step]).await.unwrap().into()
    }

    pub async fn delete(&mut self, name: &str) -> Answer {
        self.0.delete(name).await.unwrap().into()
    }

    pub async fn rename(&mut self, name: &str, rdn: &str, parent: Option<&str>) -> Answer {
        self.0.modifydn(name, rdn, true, parent).await.unwrap().into()
    }

    /// Password modify (RFC 3062).
    pub async fn password(&mut self, user: Option<&str>, old: Option<&str>, new: Option<&str>) -> Answer {
        self.0.extended(PasswordModify { user_id: user, old_pass: old, new_pass: new }).await.unwrap().1.into()
    }

    /// Who am I (RFC 4532).
    pub async fn who_am_i(&mut self) -> String {
        let (value, answer) = {
            let answered = self.0.extended(WhoAmI).await.unwrap();
            (answered.0.val.unwrap_or_default(), answered.1)
        };
        assert_eq!(answer.rc, code::SUCCESS, "{answer:?}");
        String::from_utf8(value).unwrap()
    }

    /// The values of one attribute of the root DSE.
    pub async fn root(&mut self, attribute: &str) -> Vec<String> {
        let root = self.entry("", &[attribute]).await.unwrap();
        root.attrs.get(attribute).cloned().unwrap_or_default()
    }
}
