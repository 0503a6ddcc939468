//! The saml room.
