//! Running the server: what operators watch, what requests it refuses, signals, files and logs.

mod clock;
mod crowds;
mod logs;
mod master_key;
mod process;
mod refusals;
mod tls;
mod unreadable;
mod watching;

use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends bytes and gives everything that comes back until the server closes the connection.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A server that has heard enough may cut the connection after its answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The same over a new connection.
pub async fn exchange_with(address: SocketAddr, request: impl AsRef<[u8]>) -> String {
    exchange(TcpStream::connect(address).await.unwrap(), request.as_ref()).await
}

/// The status of an answer.
#[track_caller]
pub fn status(answer: &str) -> u16 {
    let code = answer.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
    code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"))
}
