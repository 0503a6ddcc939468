//! pysaml2 as service provider; xmlsec1 signs and verifies for it.

use crate::harness::Program;
use crate::saml::Make;

pub const PYSAML2: Make = Make { program: || Program::python("pysaml2_sp.py"), mail_by_oid: "mail" };

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_signed_is_signed() {
    PYSAML2.signatures().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_attributes() {
    PYSAML2.names_and_attributes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_requests() {
    PYSAML2.signed_requests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_responses() {
    PYSAML2.tampered_responses().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passive_and_forced() {
    PYSAML2.passive_and_forced().await;
}
