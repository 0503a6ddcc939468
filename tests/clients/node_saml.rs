//! npm's `@node-saml/node-saml` as service provider.

use crate::harness::Program;
use crate::saml::Make;

pub const NODE_SAML: Make = Make { program: || Program::node("node_saml.mjs"), mail_by_oid: "urn:oid:0.9.2342.19200300.100.1.3" };

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_signed_is_signed() {
    NODE_SAML.signatures().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_attributes() {
    NODE_SAML.names_and_attributes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_requests() {
    NODE_SAML.signed_requests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_responses() {
    NODE_SAML.tampered_responses().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passive_and_forced() {
    NODE_SAML.passive_and_forced().await;
}
