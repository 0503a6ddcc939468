//! The LDAP face: what legacy applications bind to and search.

pub mod codec;
