//! One connection of the load: as many requests as its window holds are under way, and each answer
//! makes room for the next one.

use crate::ber::{self, Pending, Template};
use crate::load::{Phase, Run};
use crate::people;
use crate::workload::Operation;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpStream;

/// Message ids are above this, so that all have four octets. The lowest bits say which place of the
/// window a request has.
const FIRST_ID: u32 = 1 << 24;
const PLACE_BITS: u32 = 6;
const READ: usize = 64 << 10;
/// Whom all change where they change one.
const ONE: u32 = 1;

pub struct Connection<'a> {
    run: &'a Run,
    stream: TcpStream,
    template: Template,
    /// Who binds, in a measurement of binds.
    own: u32,
    random: u64,
    sequence: u32,
    pending: Vec<Option<Pending>>,
    output: Vec<u8>,
    input: Vec<u8>,
}

impl<'a> Connection<'a> {
    /// A connection that is bound, unless binding is what is measured.
    pub async fn open(run: &'a Run, address: SocketAddr, own: u32, window: usize) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let random = u64::from(own).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let template = run.operation.request();
        let pending = vec![None; window];
        let mut connection = Self { run, stream, template, own, random, sequence: 0, pending, output: Vec::new(), input: Vec::new() };
        if run.operation != Operation::Bind {
            connection.bind(run.operation.identity()).await;
        }
        connection
    }

    async fn bind(&mut self, name: &str) {
        Template::new(&ber::bind(name, people::PASSWORD)).write(FIRST_ID, 0, &mut self.output);
        self.send().await;
        while ber::answer(&self.input).is_none() {
            self.receive().await;
        }
        let answer = ber::answer(&self.input).expect("an answer");
        assert_eq!((answer.tag, answer.code()), (Operation::Bind.answer(), Operation::Bind.code()), "{name} binds");
        self.input.clear();
    }

    /// Asks one after the other, so that the server has done whatever is dearer for the first time.
    pub async fn warm(&mut self) {
        self.ask(0, Instant::now());
        self.send().await;
        while self.pending[0].is_some() {
            self.receive().await;
            self.take(Instant::now(), false);
        }
    }

    /// Keeps the window full until the run is over, and waits for the last answers.
    pub async fn drive(&mut self) {
        let now = Instant::now();
        (0..self.pending.len()).for_each(|place| self.ask(place, now));
        while self.pending.iter().any(Option::is_some) {
            self.send().await;
            self.receive().await;
            self.take(Instant::now(), self.run.phase.get() != Phase::Over);
        }
    }

    fn ask(&mut self, place: usize, now: Instant) {
        self.sequence = (self.sequence + 1) & ((FIRST_ID >> PLACE_BITS) - 1);
        let id = FIRST_ID | self.sequence << PLACE_BITS | place as u32;
        let number = match self.run.operation {
            Operation::Bind => self.own,
            Operation::ModifyOne => ONE,
            _ => self.draw(),
        };
        self.template.write(id, number, &mut self.output);
        self.pending[place] = Some(Pending { id, number, sent: now, found: false });
    }

    /// Somebody of all the people.
    fn draw(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (((self.random >> 32) * u64::from(self.run.entries)) >> 32) as u32
    }

    /// Takes the answers that have come, and asks anew in their places if there is more to ask.
    fn take(&mut self, now: Instant, again: bool) {
        let input = std::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        while let Some(answer) = ber::answer(rest) {
            rest = &rest[answer.size..];
            let place = (answer.id & ((1 << PLACE_BITS) - 1)) as usize;
            let pending = self.pending[place].as_mut().filter(|pending| pending.id == answer.id).expect("an answer to what was asked");
            if check(self.run.operation, &answer, pending) {
                if self.run.phase.get() == Phase::Measured {
                    self.run.latencies.borrow_mut().add(now - pending.sent);
                }
                self.pending[place] = None;
                if again {
                    self.ask(place, now);
                }
            }
        }
        let left = rest.len();
        self.input = input;
        let start = self.input.len() - left;
        self.input.drain(..start);
    }

    async fn send(&mut self) {
        let mut sent = 0;
        while sent < self.output.len() {
            match self.stream.try_write(&self.output[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await.expect("a connection"),
                Err(error) => panic!("writing: {error}"),
            }
        }
        self.output.clear();
    }

    async fn receive(&mut self) {
        loop {
            self.stream.readable().await.expect("a connection");
            self.input.reserve(READ);
            match self.stream.try_read_buf(&mut self.input) {
                Ok(0) => panic!("the server has closed the connection"),
                Ok(_) => return,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("reading: {error}"),
            }
        }
    }
}

/// Checks an answer; whether it is the last one to its request.
fn check(operation: Operation, answer: &ber::Answer<'_>, pending: &mut Pending) -> bool {
    const ENTRY: u8 = 0x64;
    if answer.tag == ENTRY {
        let least = operation.entry().expect("an entry only where one is searched for");
        let name = answer.name();
        assert!(people::is_name(name, pending.number), "{} came for person {}", String::from_utf8_lossy(name), pending.number);
        assert!(!pending.found && answer.size >= least, "an entry of {} octets", answer.size);
        pending.found = true;
        return false;
    }
    assert_eq!((answer.tag, answer.code()), (operation.answer(), operation.code()), "the answer to {}", operation.name());
    assert_eq!(pending.found, operation.entry().is_some(), "whether an entry came");
    true
}
