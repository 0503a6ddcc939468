//! Accepting connections: bounded in number, for all and for each address, and drained when the
//! server stops.

use super::error::ConfigError;
use super::life::Life;
use super::network::Network;
use crate::crowd::{Gate, Guest};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long to wait after an accept failed for want of a resource, such as file descriptors.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How many connections may wait to be accepted: as many as most systems allow. For one more the
/// client tries again, after a second.
const BACKLOG: u32 = 4096;

/// How long to wait where many have lost their place and hold a file descriptor still.
const PAUSE_FOR_LEAVING: Duration = Duration::from_millis(1);

/// The way in for connections of one kind.
#[derive(Clone)]
pub struct Door {
    /// Counts them.
    pub gate: Arc<Gate>,
    /// Whoever stands before many others is not counted as one address.
    pub proxies: Arc<[Network]>,
}

impl Door {
    /// By which address somebody is counted; by none where many stand behind it.
    pub fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let is_proxy = self.proxies.iter().any(|network| network.contains(address));
        (!is_proxy).then_some(address)
    }

    fn enter(&self, address: IpAddr) -> Option<Guest> {
        self.gate.enter(self.counted(address))
    }
}

/// Binds the addresses. Port 0 takes a free port; `localhost_too` adds the IPv6 loopback on the
/// port of an IPv4 one, where the machine has it.
pub async fn bind(key: &str, addresses: &[SocketAddr], localhost_too: bool) -> Result<Vec<TcpListener>, ConfigError> {
    let mut sockets = Vec::new();
    for address in addresses {
        let failed = |error| ConfigError::new(format!("`listen.{key}`: {address}: {error}"));
        let socket = listen(*address).map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        sockets.push(socket);
        if localhost_too && address.ip().is_loopback() && address.is_ipv4() {
            match listen((Ipv6Addr::LOCALHOST, port).into()) {
                Ok(socket) => sockets.push(socket),
                Err(error) if matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported) => {}
                Err(error) => tracing::warn!(port, %error, "`localhost` over IPv6 is not listened on"),
            }
        }
    }
    Ok(sockets)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until the server stops; `serve` runs for each connection that is let in.
pub async fn accept<S, F>(socket: TcpListener, door: Door, life: Life, serve: S)
where
    S: Fn(TcpStream, SocketAddr, Guest) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    while let Some((stream, peer)) = next(&life, || socket.accept()).await {
        while door.gate.many_leave() && !life.is_ending() {
            tokio::time::sleep(PAUSE_FOR_LEAVING).await;
        }
        let Some(guest) = door.enter(peer.ip()) else {
            tracing::info!(%peer, "a connection over the limit is closed");
            continue;
        };
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let served = serve(stream, peer, guest.clone());
        life.spawn(async move {
            tokio::select! {
                () = served => {}
                () = guest.displaced() => {
                    tracing::info!(%peer, "a connection gives way to another one");
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
    use crate::crowd::Room;
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

    /// What others open is never more than what was counted, and a little.
    #[tokio::test]
    async fn nobody_is_accepted_while_many_have_not_gone_who_have_lost_their_place() {
        let door = Door { gate: Gate::new(Room { places: 1, per_address: 1 }), proxies: Arc::new([]) };
        let leaving: Vec<_> =
            std::iter::from_fn(|| (!door.gate.many_leave()).then(|| door.enter("192.0.2.1".parse().unwrap()).unwrap())).collect();
        let (life, socket) = (Life::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let _client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        let serve = move |_, _, _| {
            let tell = tell.clone();
            async move { tell.send(()).await.unwrap() }
        };
        life.spawn(accept(socket, door, life.clone(), serve));
        tokio::time::sleep(PAUSE_FOR_LEAVING * 20).await;
        assert!(told.try_recv().is_err());
        drop(leaving);
        assert_eq!(told.recv().await, Some(()));
    }

    #[test]
    fn a_proxy_stands_for_many() {
        let proxies = Arc::new(["10.0.0.0/8".parse().unwrap()]);
        let door = Door { gate: Gate::new(Room { places: 3, per_address: 1 }), proxies };
        let (proxy, other) = ("10.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let _guests = [proxy, proxy, other, proxy].map(|address| door.enter(address).unwrap());
        assert_eq!((door.gate.taken(), door.gate.displaced()), (3, 1), "three of it, though there is one place for an address");
    }
}
