//! The server against clients that nobody here wrote: one module for each. And its promises over
//! the wire: one module for each of those, too.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod access;
mod bridge;
mod browser;
mod chromium;
mod cli;
mod curl;
mod demo;
mod elsewhere;
mod examples;
mod harness;
mod import_crash;
mod isolation;
mod ldap_client;
mod ldap_utils;
mod ldap_wire;
mod node_saml;
mod openid_client;
mod openid_connect;
mod operation;
mod operator;
mod policy_matrix;
mod pools;
mod pysaml2;
mod rivals;
mod saml;
mod served;
mod transfer;
mod updates;
mod web_client;
