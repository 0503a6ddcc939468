//! The admin API on a unix socket. Who can open the socket is an operator; the actor is the peer's
//! user id.

use super::error::ConfigError;
use super::life::Life;
use super::listener;
use crate::admin::Caller;
use crate::web::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use warp::filters::BoxedFilter;
use warp::http::Request;

/// How long the head of a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Binds the socket. One that is left over from a process that is gone is replaced: the store's
/// lock has shown that nobody else runs.
pub fn bind(path: &Path) -> Result<UnixListener, ConfigError> {
    let failed = |error: std::io::Error| ConfigError::new(format!("{}: {error}", path.display()));
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let socket = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(socket)
}

/// Serves the socket until the server stops.
pub async fn serve(socket: UnixListener, routes: BoxedFilter<(Response,)>, life: Life) {
    while let Some((stream, _)) = listener::next(&life, || socket.accept()).await {
        life.spawn(exchange(stream, routes.clone(), life.clone()));
    }
}

async fn exchange(stream: UnixStream, routes: BoxedFilter<(Response,)>, life: Life) {
    let Ok(credentials) = stream.peer_cred() else { return };
    let caller = Caller::unix(credentials.uid());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        TowerToHyperService::new(warp::service(routes.clone())).call(request)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let ended = life.drain(connection, |connection| connection.graceful_shutdown()).await;
    if let Err(error) = ended {
        tracing::debug!(%error, "an operator's connection ended early");
    }
}
