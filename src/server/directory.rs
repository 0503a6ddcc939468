//! LDAP connections: in clear text with StartTLS, and within TLS from the first byte.

use super::error::ConfigError;
use super::lanes::Lanes;
use super::life::Life;
use super::limits::Limits;
use super::listener::{Door, accept};
use super::tls::Certificate;
use crate::authn::Core;
use crate::ldap::{App, Peer, Transport, serve_connection};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The LDAP face and its sockets.
pub struct Ldap {
    app: Arc<App>,
    tls: Option<TlsAcceptor>,
    door: Door,
    lanes: Arc<Lanes>,
    patience: Duration,
}

impl Ldap {
    /// The face over that core.
    pub fn new(
        core: &Arc<Core>,
        limits: &Limits,
        door: Door,
        lanes: Arc<Lanes>,
        certificate: Option<&Arc<Certificate>>,
    ) -> Result<Self, ConfigError> {
        let tls = certificate.map(|certificate| certificate.acceptor(&[])).transpose()?;
        Ok(Self { app: App::new(Arc::clone(core), (&limits.ldap).into(), tls.clone()), tls, door, lanes, patience: limits.handshake() })
    }

    /// Serves the sockets in clear text, where StartTLS is offered, and those within TLS.
    pub fn serve(&self, plain: Vec<TcpListener>, secure: Vec<TcpListener>, life: &Life) {
        for socket in plain {
            let (app, stopping, lanes) = (Arc::clone(&self.app), life.token(), Arc::clone(&self.lanes));
            let serve = move |stream, peer: SocketAddr, guest| {
                let (app, stopping, lanes) = (Arc::clone(&app), stopping.clone(), Arc::clone(&lanes));
                let plain = move |stream, _| serve_connection(stream, Peer { address: peer, guest }, Transport::Plain, app, stopping);
                async move { lanes.serve(stream, Some(peer.ip()), plain).await }
            };
            life.spawn(accept(socket, self.door.clone(), life.clone(), serve));
        }
        let Some(tls) = &self.tls else { return };
        for socket in secure {
            let (app, stopping, lanes) = (Arc::clone(&self.app), life.token(), Arc::clone(&self.lanes));
            let (tls, patience) = (tls.clone(), self.patience);
            let serve = move |stream, peer: SocketAddr, guest| {
                let (app, stopping, lanes, tls) = (Arc::clone(&app), stopping.clone(), Arc::clone(&lanes), tls.clone());
                let encrypted = async move |stream, _| match tokio::time::timeout(patience, Box::pin(tls.accept(stream))).await {
                    Ok(Ok(stream)) => serve_connection(stream, Peer { address: peer, guest }, Transport::Tls, app, stopping).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
                    Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
                };
                async move { lanes.serve(stream, Some(peer.ip()), encrypted).await }
            };
            life.spawn(accept(socket, self.door.clone(), life.clone(), serve));
        }
    }
}
