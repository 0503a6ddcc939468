//! The oidc room.
