//! LDAP connections: in clear text with StartTLS, and within TLS from the first byte.

use super::error::ConfigError;
use super::lanes::Lanes;
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
    lanes: Arc<Lanes>,
    patience: Duration,
}

impl Ldap {
    /// The face over that core.
    pub fn new(
        core: &Arc<Core>,
        limits: &Limits,
        gate: Arc<Gate>,
        lanes: Arc<Lanes>,
        certificate: Option<&Arc<Certificate>>,
    ) -> Result<Self, ConfigError> {
        let tls = certificate.map(|certificate| certificate.acceptor(&[])).transpose()?;
        Ok(Self { app: App::new(Arc::clone(core), (&limits.ldap).into(), tls.clone()), tls, gate, lanes, patience: limits.handshake() })
    }

    /// Serves the sockets in clear text, where StartTLS is offered, and those within TLS.
    pub fn serve(&self, plain: Vec<TcpListener>, secure: Vec<TcpListener>, life: &Life) {
        for socket in plain {
            let (app, stopping, lanes) = (Arc::clone(&self.app), life.token(), Arc::clone(&self.lanes));
            let serve = move |stream, peer| {
                let (app, stopping, lanes) = (Arc::clone(&app), stopping.clone(), Arc::clone(&lanes));
                async move { lanes.serve(stream, move |stream| serve_connection(stream, peer, Transport::Plain, app, stopping)).await }
            };
            life.spawn(accept(socket, Arc::clone(&self.gate), life.clone(), serve));
        }
        let Some(tls) = &self.tls else { return };
        for socket in secure {
            let (app, stopping, lanes) = (Arc::clone(&self.app), life.token(), Arc::clone(&self.lanes));
            let (tls, patience) = (tls.clone(), self.patience);
            let serve = move |stream, peer| {
                let (app, stopping, lanes, tls) = (Arc::clone(&app), stopping.clone(), Arc::clone(&lanes), tls.clone());
                let encrypted = async move |stream| match tokio::time::timeout(patience, tls.accept(stream)).await {
                    Ok(Ok(stream)) => serve_connection(stream, peer, Transport::Tls, app, stopping).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
                    Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
                };
                async move { lanes.serve(stream, encrypted).await }
            };
            life.spawn(accept(socket, Arc::clone(&self.gate), life.clone(), serve));
        }
    }
}
