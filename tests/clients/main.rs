//! The server against clients that nobody here wrote: one module for each.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bridge;
mod browser;
mod chromium;
mod curl;
mod demo;
mod harness;
mod ldap_utils;
mod node_saml;
mod openid_client;
mod openid_connect;
mod pysaml2;
mod saml;
