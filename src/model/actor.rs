//! Who acts, and through which face: what access rules judge and audit events name.

use super::id::EntryId;
use std::net::IpAddr;

/// What somebody is to a pool. Decided once, when they prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Nobody has proven anything.
    #[n(0)]
    Anonymous,
    /// A user of the pool.
    #[n(1)]
    User,
    /// A service account of the pool.
    #[n(2)]
    Service,
    /// A member of the pool's group of administrators.
    #[n(3)]
    Administrator,
    /// The operator of the server, through the admin API.
    #[n(4)]
    Operator,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Face {
    /// The LDAP directory.
    #[n(0)]
    Ldap,
    /// The OpenID Provider.
    #[n(1)]
    Oidc,
    /// The SAML Identity Provider.
    #[n(2)]
    Saml,
    /// The hosted pages.
    #[n(3)]
    Login,
    /// The admin API.
    #[n(4)]
    Admin,
    /// The server itself.
    #[n(5)]
    Server,
}

/// Somebody who acts in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What they are to the pool.
    pub role: Role,
    /// Their entry, if they have one.
    pub entry: Option<EntryId>,
    /// Their name as audit events and creatorsName show it: a DN, or `uid:1000` for an operator on
    /// the unix socket.
    pub name: String,
    /// Where they came in.
    pub face: Face,
    /// Their network address, if they came over a network.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Somebody who has proven nothing.
    pub fn anonymous(face: Face, address: Option<IpAddr>) -> Self {
        Self { role: Role::Anonymous, entry: None, name: String::new(), face, address }
    }
}
