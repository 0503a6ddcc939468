//! A client for tests: sends messages and reads answers, with nothing in between that could hide
//! what is on the wire.

use crate::ldap::codec::*;
use crate::model::ber::Header;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
    next: i32,
}

/// An answer, owned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub id: i32,
    pub code: u32,
    pub matched: String,
    pub message: String,
    pub entries: Vec<Found>,
    /// The cookie of a paged search.
    pub cookie: Option<Vec<u8>>,
    /// The value of an extended response.
    pub value: Option<Vec<u8>>,
    /// The name of an extended response.
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub dn: String,
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl Found {
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.attributes.get(name).map(|values| values.iter().map(String::as_str).collect()).unwrap_or_default()
    }
}

/// A search that tests can vary.
pub fn search<'a>(base: &'a str, scope: Scope, filter: Filter<'a>, attributes: &[&'a str]) -> SearchRequest<'a> {
    let attributes = attributes.to_vec();
    SearchRequest { base, scope, deref: DerefAliases::Never, size_limit: 0, time_limit: 0, types_only: false, filter, attributes }
}

pub fn equal<'a>(attribute: &'a str, value: &'a str) -> Filter<'a> {
    Filter::Equality(Assertion { attribute, value: value.as_bytes() })
}

pub fn bind_request<'a>(name: &'a str, password: &'a str) -> Operation<'a> {
    Operation::BindRequest(BindRequest { version: 3, name, authentication: Authentication::Simple(password.as_bytes()) })
}

pub fn encoded(id: i32, operation: Operation<'_>, controls: Vec<Control<'_>>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&Message { id, operation, controls }, &mut out);
    out
}

impl Client {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), next: 1 }
    }

    pub async fn bind(&mut self, name: &str, password: &str) -> Answer {
        self.ask(bind_request(name, password)).await
    }

    pub async fn search(&mut self, request: SearchRequest<'_>) -> Answer {
        self.ask(Operation::SearchRequest(request)).await
    }

    pub async fn extended(&mut self, name: &str, value: Option<&[u8]>) -> Answer {
        self.ask(Operation::ExtendedRequest(ExtendedRequest { name, value })).await
    }

    pub async fn ask(&mut self, operation: Operation<'_>) -> Answer {
        self.ask_with(operation, Vec::new()).await
    }

    pub async fn ask_with(&mut self, operation: Operation<'_>, controls: Vec<Control<'_>>) -> Answer {
        let id = self.next;
        self.next += 1;
        self.send(&encoded(id, operation, controls)).await;
        let answer = self.answer().await.expect("the server has closed the connection");
        assert_eq!(answer.id, id, "{answer:?}");
        answer
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer with the entries before it; `None` when the server has closed the
    /// connection.
    pub async fn answer(&mut self) -> Option<Answer> {
        let mut entries = Vec::new();
        loop {
            let frame = self.frame().await?;
            let (message, _) = decode(&frame, &Limits::BOUND).unwrap().unwrap();
            let mut answer = Answer { id: message.id, ..Answer::default() };
            let result = match message.operation {
                Operation::SearchEntry(entry) => {
                    let text = |value: &&[u8]| String::from_utf8_lossy(value).into_owned();
                    let attributes =
                        entry.attributes.iter().map(|attribute| (attribute.name.to_owned(), attribute.values.iter().map(text).collect()));
                    entries.push(Found { dn: entry.name.into_owned(), attributes: attributes.collect() });
                    continue;
                }
                Operation::BindResponse(response) => response.result,
                Operation::ExtendedResponse(response) => {
                    answer.value = response.value.map(|value| value.into_owned());
                    answer.name = response.name.map(str::to_owned);
                    response.result
                }
                Operation::SearchDone(result)
                | Operation::ModifyResponse(result)
                | Operation::AddResponse(result)
                | Operation::DeleteResponse(result)
                | Operation::ModifyDnResponse(result)
                | Operation::CompareResponse(result) => result,
                other => panic!("{other:?}"),
            };
            answer.cookie = message
                .controls
                .iter()
                .find(|control| control.oid == PagedResults::OID)
                .map(|control| PagedResults::decode(control.value.as_deref().unwrap()).unwrap().cookie.to_vec());
            (answer.code, answer.matched, answer.message) = (result.code.0, result.matched.into_owned(), result.message.into_owned());
            answer.entries = entries;
            return Some(answer);
        }
    }

    async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(header) = Header::read(&self.buffer).unwrap() {
                let size = header.size + header.length;
                if self.buffer.len() >= size {
                    return Some(self.buffer.drain(..size).collect());
                }
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
