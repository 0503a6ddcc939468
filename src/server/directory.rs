//! LDAP connections: in clear text with StartTLS, and within TLS from the first byte.

use super::config::ConfigError;
use super::life::Life;
use super::limits::Limits;
use super::listener::{Gate, accept};
use super::tls::Certificate;
use crate::authn::Core;
use crate::ldap::{App, Transport, serve_connection};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The LDAP face and its sockets.
pub struct Ldap {
    app: Arc<App>,
    tls: Option<TlsAcceptor>,
    gate: Arc<Gate>,
    patience: Duration,
}

impl Ldap {
    /// The face over that core.
    pub fn new(core: &Arc<Core>, limits: &Limits, gate: Arc<Gate>, certificate: Option<&Arc<Certificate>>) -> Result<Self, ConfigError> {
        let tls = certificate.map(|certificate| certificate.acceptor(&[])).transpose()?;
        Ok(Self {
            app: App::new(Arc::clone(core), (&limits.ldap).into(), tls.clone()),
            tls,
            gate,
            patience: Duration::from_secs(limits.handshake_seconds),
        })
    }

    /// Serves the sockets in clear text, where StartTLS is offered, and those within TLS.
    pub fn serve(&self, plain: Vec<TcpListener>, secure: Vec<TcpListener>, life: &Life) {
        for socket in plain {
            let (app, stopping) = (Arc::clone(&self.app), life.token());
            let serve = move |stream, peer| serve_connection(stream, peer, Transport::Plain, Arc::clone(&app), stopping.clone());
            life.spawn(accept(socket, Arc::clone(&self.gate), life.clone(), serve));
        }
        let Some(tls) = &self.tls else { return };
        for socket in secure {
            let (app, stopping, tls, patience) = (Arc::clone(&self.app), life.token(), tls.clone(), self.patience);
            let serve = move |stream, peer| {
                let (app, stopping, tls) = (Arc::clone(&app), stopping.clone(), tls.clone());
                async move {
                    match tokio::time::timeout(patience, tls.accept(stream)).await {
                        Ok(Ok(stream)) => serve_connection(stream, peer, Transport::Tls, app, stopping).await,
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
                        Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
                    }
                }
            };
            life.spawn(accept(socket, Arc::clone(&self.gate), life.clone(), serve));
        }
    }
}
