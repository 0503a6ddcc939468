//! Accepting connections: bounded in number, for all and for each address, and drained when the
//! server stops.

use super::error::ConfigError;
use super::life::Life;
use super::network::Network;
use crate::model::address::subscriber;
use std::collections::HashMap;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long to wait after an accept failed for want of a resource, such as file descriptors.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How many connections of a kind are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// In all.
    pub connections: usize,
    /// From one network address.
    pub per_address: usize,
}

/// Counts connections of one kind.
pub struct Gate {
    room: Room,
    /// Whoever stands before many others is not counted as one address.
    proxies: Vec<Network>,
    open: Mutex<Open>,
    refused: AtomicU64,
}

#[derive(Default)]
struct Open {
    all: usize,
    /// Of each address, with what tells them to go, in the order in which they came.
    by_address: HashMap<IpAddr, Vec<(u64, CancellationToken)>>,
    entered: u64,
}

/// A place in the gate, given back when dropped.
pub struct Pass {
    gate: Arc<Gate>,
    /// Under which it is counted.
    address: Option<IpAddr>,
    number: u64,
    goes: CancellationToken,
}

impl Pass {
    /// Completes when the place is another's.
    async fn displaced(&self) {
        self.goes.cancelled().await;
    }
}

impl Gate {
    /// A gate for that many connections; those that come through one of the proxies count for all
    /// only.
    pub fn new(room: Room, proxies: Vec<Network>) -> Arc<Self> {
        Arc::new(Self { room, proxies, open: Mutex::default(), refused: AtomicU64::new(0) })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// How many connections found no place.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A place for a connection from that address, if there is one.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Pass> {
        let is_proxy = self.proxies.iter().any(|network| network.contains(address));
        let address = (!is_proxy).then(|| subscriber(address));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let from_address = address.and_then(|address| open.by_address.get(&address).map(Vec::len)).unwrap_or(0);
        if from_address >= self.room.per_address || !open.has_room(self.room.connections, from_address) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        open.all += 1;
        open.entered += 1;
        let (number, goes) = (open.entered, CancellationToken::new());
        if let Some(address) = address {
            open.by_address.entry(address).or_default().push((number, goes.clone()));
        }
        Some(Pass { gate: Arc::clone(self), address, number, goes })
    }
}

impl Open {
    /// Whether there is room for a connection of an address that has so many. Where there is none,
    /// the newest of the address that has most gives way to one that has fewer.
    fn has_room(&mut self, most: usize, from_address: usize) -> bool {
        if self.all < most {
            return true;
        }
        let largest = self.by_address.iter_mut().max_by_key(|(_, passes)| passes.len());
        let Some((_, passes)) = largest.filter(|(_, passes)| passes.len() > from_address + 1) else { return false };
        let Some((_, goes)) = passes.pop() else { return false };
        goes.cancel();
        self.all -= 1;
        true
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.gate.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.goes.is_cancelled() {
            // It was given to somebody else already.
            return;
        }
        open.all -= 1;
        let Some(address) = self.address else { return };
        if let Some(passes) = open.by_address.get_mut(&address) {
            passes.retain(|(number, _)| *number != self.number);
            if passes.is_empty() {
                open.by_address.remove(&address);
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
            tracing::info!(%peer, "a connection over the limit is closed");
            continue;
        };
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let served = serve(stream, peer);
        life.spawn(async move {
            tokio::select! {
                () = served => {}
                () = pass.displaced() => {
                    tracing::info!(%peer, "a connection of the address that has most gives way to another one's");
                }
            }
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

    fn gate(connections: usize, per_address: usize) -> Arc<Gate> {
        Gate::new(Room { connections, per_address }, vec!["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn a_proxy_stands_for_many() {
        let (gate, proxy) = (gate(3, 1), "10.0.0.1".parse().unwrap());
        let passes = [gate.enter(proxy).unwrap(), gate.enter(proxy).unwrap(), gate.enter("192.0.2.1".parse().unwrap()).unwrap()];
        assert!(gate.enter(proxy).is_none(), "three in all");
        assert_eq!((gate.open(), gate.refused()), (3, 1));
        drop(passes);
        assert_eq!(gate.open(), 0);
    }

    #[test]
    fn the_gate_counts_all_and_each_address() {
        let gate = gate(3, 2);
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
    fn whoever_has_most_gives_way_to_others() {
        let gate = gate(6, 4);
        let from = |number: u8| gate.enter([192, 0, 2, number].into());
        let (many, few): (Vec<_>, Vec<_>) = ((0..4).map(|_| from(1).unwrap()).collect(), (0..2).map(|_| from(2).unwrap()).collect());
        let gone = |passes: &[Pass]| passes.iter().map(|pass| pass.goes.is_cancelled()).collect::<Vec<_>>();
        let third = from(3).unwrap();
        assert_eq!((gone(&many), gate.open()), (vec![false, false, false, true], 6), "the newest of theirs");
        let fourth = from(2);
        assert!(fourth.is_none(), "who has as many but one would only take turns with them");
        let again = from(3).unwrap();
        assert_eq!((gone(&many), gone(&few)), (vec![false, false, true, true], vec![false, false]));
        assert!(from(4).is_some());
        drop((many, few, third, again));
        assert_eq!(gate.open(), 0, "each place was given back once");
        assert!(gate.open.lock().unwrap().by_address.values().all(Vec::is_empty));
    }

    #[test]
    fn the_gate_takes_a_network_of_one_subscriber_for_one_address() {
        let gate = gate(3, 1);
        let _first = gate.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert!(gate.enter("2001:db8::2".parse().unwrap()).is_none());
        assert!(gate.enter("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
