//! The ldap room.
