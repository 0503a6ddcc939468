//! LDAP byte for byte: requests are written by hand, and answers are compared as they came.

use crate::harness::{HOME, TestServer};
use rustls_pki_types::ServerName;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const SEQUENCE: u8 = 0x30;
pub const INTEGER: u8 = 0x02;
pub const OCTETS: u8 = 0x04;
pub const BIND: u8 = 0x60;
pub const EXTENDED: u8 = 0x77;
pub const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
pub const WHO_AM_I: &[u8] = b"1.3.6.1.4.1.4203.1.11.3";
pub const PASSWORD_MODIFY: &[u8] = b"1.3.6.1.4.1.4203.1.11.1";
/// The name of the Notice of Disconnection (RFC 4511, section 4.4.1).
pub const NOTICE: &[u8] = b"1.3.6.1.4.1.1466.20036";

/// A connection within TLS, begun by StartTLS. Every request has the same message id, so that
/// answers to equal requests are equal bytes.
pub struct Wire(TlsStream<TcpStream>);

/// A tag, a length and a content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&header(tag, content.len()), content].concat()
}

/// A tag and a length.
pub fn header(tag: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=127) => bytes.push(short),
        _ => {
            let length = u32::try_from(length).unwrap().to_be_bytes();
            let length = &length[length.iter().position(|octet| *octet > 0).unwrap()..];
            bytes.push(0x80 | u8::try_from(length.len()).unwrap());
            bytes.extend_from_slice(length);
        }
    }
    bytes
}

/// A message around an operation.
pub fn message(operation: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[tlv(INTEGER, &[7]).as_slice(), operation].concat())
}

/// A simple bind.
pub fn bind(name: &str, password: &str) -> Vec<u8> {
    let fields = [tlv(INTEGER, &[3]), tlv(OCTETS, name.as_bytes()), tlv(0x80, password.as_bytes())];
    message(&tlv(BIND, &fields.concat()))
}

/// Password modify (RFC 3062) of that user, else of whoever asks.
pub fn password_modify(user: Option<&str>, old: Option<&str>, new: &str) -> Vec<u8> {
    let fields = [user.map(|user| tlv(0x80, user.as_bytes())), old.map(|old| tlv(0x81, old.as_bytes())), Some(tlv(0x82, new.as_bytes()))];
    let value = tlv(SEQUENCE, &fields.into_iter().flatten().flatten().collect::<Vec<_>>());
    message(&tlv(EXTENDED, &[tlv(0x80, PASSWORD_MODIFY), tlv(0x81, &value)].concat()))
}

/// Who am I (RFC 4532).
pub fn who_am_i() -> Vec<u8> {
    message(&tlv(EXTENDED, &tlv(0x80, WHO_AM_I)))
}

impl Wire {
    /// A connection on which nobody has bound.
    pub async fn connect(server: &TestServer) -> Self {
        Self::connect_from(server, HOME).await
    }

    /// The same from another address of the loopback network.
    pub async fn connect_from(server: &TestServer, source: Ipv4Addr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let mut plain = socket.connect(server.running.addresses().ldap[0]).await.unwrap();
        plain.write_all(&message(&tlv(EXTENDED, &tlv(0x80, START_TLS)))).await.unwrap();
        let answer = read(&mut plain).await.unwrap();
        assert_eq!(result_code(&answer), 0, "StartTLS is taken");
        let name = ServerName::try_from("localhost").unwrap();
        Self(TlsConnector::from(server.trust()).connect(name, plain).await.unwrap())
    }

    /// A connection that is bound as that name.
    pub async fn bound(server: &TestServer, name: &str, password: &str) -> Self {
        let mut wire = Self::connect(server).await;
        assert_eq!(result_code(&wire.ask(&bind(name, password)).await), 0, "{name} binds");
        wire
    }

    /// Sends a request and gives the answer.
    pub async fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.0.write_all(request).await.unwrap();
        read(&mut self.0).await.expect("an answer")
    }

    /// Sends bytes. A server that has heard enough may have closed the connection before their end.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// The next message; nothing when the connection has ended.
    pub async fn hear(&mut self) -> Option<Vec<u8>> {
        read(&mut self.0).await
    }

    /// Asserts that the server has closed the connection.
    pub async fn assert_closed(&mut self) {
        assert_eq!(read(&mut self.0).await, None);
    }
}

/// One message; `None` at the end of the connection.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 2];
    stream.read_exact(&mut bytes).await.ok()?;
    let mut length = usize::from(bytes[1]);
    if length > 127 {
        let mut more = vec![0; length & 0x7f];
        stream.read_exact(&mut more).await.ok()?;
        length = more.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        bytes.extend(more);
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.ok()?;
    bytes.extend(content);
    Some(bytes)
}

/// The result code of an answer: the only ENUMERATED in it.
pub fn result_code(answer: &[u8]) -> u8 {
    answer
        .windows(3)
        .find_map(|bytes| match bytes {
            [0x0a, 1, code] => Some(*code),
            _ => None,
        })
        .unwrap()
}

/// Whether the answer is a Notice of Disconnection: message id 0, and its name.
pub fn is_notice(answer: &[u8]) -> bool {
    answer.windows(3).any(|bytes| bytes == [INTEGER, 1, 0]) && answer.windows(NOTICE.len()).any(|bytes| bytes == NOTICE)
}
