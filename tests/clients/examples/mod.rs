//! The programs of `examples/`, run as a reader would run them, and what they refuse.

mod forged;
mod ldap;
mod oidc;
mod saml;

use crate::harness::{Conversation, Program};

/// An example that serves web pages.
struct WebApp {
    process: Conversation,
    url: String,
}

impl WebApp {
    /// Starts it on a free port.
    async fn start(program: &mut Program) -> Self {
        let mut process = program.arguments(["--port", "0"]).variable("NO_PROXY", "localhost").start();
        let url = process.hear(|line| line.strip_prefix("Open ").map(str::to_owned)).await;
        Self { process, url }
    }

    /// The next line in which it tells of a login.
    async fn told(&mut self) -> String {
        self.process.hear(|line| line.ends_with(" logged in").then(|| line.to_owned())).await
    }
}
