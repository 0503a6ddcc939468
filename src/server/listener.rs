//! Accepting connections: bounded in number, for all and for each address, and drained when the
//! server stops.

use super::error::ConfigError;
use super::life::Life;
use super::limits::Limits;
use crate::model::address::subscriber;
use std::collections::HashMap;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long to wait after an accept failed for want of a resource, such as file descriptors.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Counts connections of one kind.
pub struct Gate {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place in the gate, given back when dropped.
pub struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// A gate for connections of one kind.
    pub fn of(limits: &Limits) -> Arc<Self> {
        Self::new(limits.connections.get(), limits.connections_per_address.get())
    }

    /// A gate for that many connections in all and from one address.
    fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, open: Mutex::default() })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// A place for a connection from that address, if there is one.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Pass> {
        let address = subscriber(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let from_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.all >= self.most || from_address >= self.most_per_address {
            return None;
        }
        open.all += 1;
        open.by_address.insert(address, from_address + 1);
        Some(Pass { gate: Arc::clone(self), address })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.gate.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// Binds the addresses. Port 0 takes a free port; `localhost_too` adds the IPv6 loopback on the
/// port of an IPv4 one, where the machine has it.
pub async fn bind(key: &str, addresses: &[SocketAddr], localhost_too: bool) -> Result<Vec<TcpListener>, ConfigError> {
    let mut sockets = Vec::new();
    for address in addresses {
        let failed = |error| ConfigError::new(format!("`listen.{key}`: {address}: {error}"));
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        sockets.push(socket);
        if localhost_too && address.ip().is_loopback() && address.is_ipv4() {
            match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
                Ok(socket) => sockets.push(socket),
                Err(error) if matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported) => {}
                Err(error) => tracing::warn!(port, %error, "`localhost` over IPv6 is not listened on"),
            }
        }
    }
    Ok(sockets)
}

/// Accepts until the server stops; `serve` runs for each connection that passes the gate, and the
/// pass lives as long as it does.
pub async fn accept<S, F>(socket: TcpListener, gate: Arc<Gate>, life: Life, serve: S)
where
    S: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    while let Some((stream, peer)) = next(&life, || socket.accept()).await {
        let Some(pass) = gate.enter(peer.ip()) else {
            tracing::debug!(%peer, "a connection over the limit is closed");
            continue;
        };
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let served = serve(stream, peer);
        life.spawn(async move {
            served.await;
            drop(pass);
        });
    }
}

/// The next connection of a socket; none when the server stops. What fails to be accepted is tried
/// again after a pause: it waits at the socket still.
pub async fn next<T, F: Future<Output = io::Result<T>>>(life: &Life, accept: impl Fn() -> F) -> Option<T> {
    loop {
        let accepted = tokio::select! {
            () = life.ending() => return None,
            accepted = accept() => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn an_accept_that_fails_is_not_tried_again_at_once() {
        let (life, tries) = (Life::default(), Cell::new(0));
        let accept = || {
            tries.set(tries.get() + 1);
            assert!(tries.get() < 20, "without a pause");
            std::future::ready(Err::<(), _>(io::Error::other("too many open files")))
        };
        let others_work = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = others_work => {}
            _ = next(&life, accept) => panic!("nothing was accepted"),
        }
    }

    #[test]
    fn the_gate_counts_all_and_each_address() {
        let gate = Gate::new(3, 2);
        let (one, two): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = gate.enter(one).unwrap();
        let _second = gate.enter(one).unwrap();
        assert!(gate.enter(one).is_none(), "two from one address");
        let _third = gate.enter(two).unwrap();
        assert!(gate.enter(two).is_none(), "three in all");
        drop(first);
        assert!(gate.enter(two).is_some());
    }

    #[test]
    fn the_gate_takes_a_network_of_one_subscriber_for_one_address() {
        let gate = Gate::new(3, 1);
        let _first = gate.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert!(gate.enter("2001:db8::2".parse().unwrap()).is_none());
        assert!(gate.enter("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
