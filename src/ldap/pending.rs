//! Modifies of one connection that are under way together (RFC 4511, section 3.1: a client that
//! wants an order waits for the answer).
//!
//! A commit ends with a data sync, and commits that come together share one. So modifies that a
//! client sends without waiting are decided one after the other and committed side by side. Each
//! changes an entry that none of the others does, and nothing that tells who asks; every other
//! request waits until all of them are answered, and so does one that is refused, to be judged
//! again. So a client sees what it would see if they were done one by one, but for the order of the
//! answers, and for two that want the same thing while others change those entries.

use super::Limits;
use super::codec::{LdapResult, Message, Operation};
use super::wire::Wire;
use crate::crowd::rounds::pressing;
use crate::model::EntryId;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::io;

/// The result of a modify that waits for its commit.
pub(super) type Later = BoxFuture<'static, LdapResult<'static>>;

/// What a change is known by while it is under way.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    /// The message that asked for it.
    pub id: i32,
    /// The entry that it changes.
    pub target: EntryId,
    /// Octets of the message.
    pub octets: usize,
}

/// The changes that are under way.
#[derive(Default)]
pub(super) struct Pending {
    running: FuturesUnordered<BoxFuture<'static, (Ticket, LdapResult<'static>)>>,
    tickets: Vec<Ticket>,
    /// Those that came to their end while an answer was written.
    done: Vec<(Ticket, LdapResult<'static>)>,
}

impl Pending {
    /// Whether every change is answered.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// Whether this change can be under way beside the others.
    pub fn has_room_for(&self, ticket: &Ticket, limits: &Limits) -> bool {
        let octets: usize = self.tickets.iter().map(|other| other.octets).sum();
        let is_beside = self.tickets.len() < limits.changes && octets.saturating_add(ticket.octets) <= limits.own;
        self.is_empty() || (is_beside && self.tickets.iter().all(|other| other.target != ticket.target))
    }

    /// Takes a change that has been decided.
    pub fn push(&mut self, ticket: Ticket, result: Later) {
        self.tickets.push(ticket);
        // Others wait for its turn to commit.
        let pressing = pressing();
        let result = result.map(move |result| {
            drop(pressing);
            (ticket, result)
        });
        self.running.push(result.boxed());
    }

    /// Waits for a change to end, and answers it with all others that have ended by then. Safe to
    /// stop waiting for.
    pub async fn answer_next(&mut self) -> Vec<Message<'static>> {
        if self.done.is_empty() {
            self.done.extend(self.running.next().await);
        }
        while let Some(Some(done)) = self.running.next().now_or_never() {
            self.done.push(done);
        }
        let done = std::mem::take(&mut self.done);
        self.tickets.retain(|ticket| done.iter().all(|(other, _)| other.id != ticket.id || other.target != ticket.target));
        let answer =
            |(ticket, result): (Ticket, _)| Message { id: ticket.id, operation: Operation::ModifyResponse(result), controls: Vec::new() };
        done.into_iter().map(answer).collect()
    }

    /// Waits until all have ended, and answers them.
    pub async fn settle(&mut self, wire: &mut Wire) {
        while !self.is_empty() {
            self.answer_next().await.iter().for_each(|answer| wire.send(answer));
        }
    }

    /// Sends what is to be sent. Meanwhile the changes go on: one that waits for its turn to commit
    /// must not keep it from others because a peer is slow to read.
    pub async fn flush(&mut self, wire: &mut Wire) -> io::Result<()> {
        tokio::select! {
            biased;
            flushed = wire.flush() => flushed,
            never = self.run() => match never {},
        }
    }

    async fn run(&mut self) -> std::convert::Infallible {
        while let Some(done) = self.running.next().await {
            self.done.push(done);
        }
        std::future::pending().await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::budget::{Account, Budget};
    use super::super::codec::ResultCode;
    use super::*;
    use crate::crowd::rounds::{Rounds, is_pressing};
    use crate::model::testing::SteadyHand;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use tokio::io::AsyncReadExt;
    use tokio::sync::oneshot;

    const ACCOUNT: Account = Account { pool: None, address: IpAddr::V4(Ipv4Addr::LOCALHOST) };

    #[tokio::test]
    async fn whoever_waits_for_a_commit_is_not_kept_waiting() {
        let rounds = Rounds::new(Arc::new(SteadyHand::default()));
        let work = async {
            let mut pending = Pending::default();
            let (commit, committed) = oneshot::channel::<()>();
            let later = committed.map(|_| LdapResult::new(ResultCode::SUCCESS, ""));
            pending.push(ticket(1, 1), later.boxed());
            assert!(is_pressing());
            drop(commit);
            pending.answer_next().await;
            assert!(!is_pressing());
        };
        rounds.pace(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), work).await;
    }

    fn ticket(id: i32, target: u64) -> Ticket {
        Ticket { id, target: EntryId::new(target), octets: 100 }
    }

    /// A change that ends when it is told to.
    fn begin(pending: &mut Pending, ticket: Ticket) -> oneshot::Sender<()> {
        let (end, ended) = oneshot::channel();
        let change = async move {
            ended.await.unwrap();
            LdapResult::success()
        };
        pending.push(ticket, change.boxed());
        end
    }

    fn ids(answers: &[Message<'_>]) -> Vec<i32> {
        answers.iter().map(|answer| answer.id).collect()
    }

    #[tokio::test]
    async fn they_are_answered_as_they_end() {
        let mut pending = Pending::default();
        let ends = [1, 2, 3].map(|id| begin(&mut pending, ticket(id, id.unsigned_abs().into())));
        assert!(pending.answer_next().now_or_never().is_none());
        let [first, second, third] = ends;
        third.send(()).unwrap();
        assert_eq!(ids(&pending.answer_next().await), [3]);
        first.send(()).unwrap();
        second.send(()).unwrap();
        assert_eq!(ids(&pending.answer_next().await).len(), 2, "those that have ended are answered together");
        assert!(pending.is_empty());
    }

    #[tokio::test]
    async fn one_entry_has_one_and_their_number_and_size_are_bounded() {
        let limits = Limits { changes: 2, own: 250, ..Limits::default() };
        let mut pending = Pending::default();
        let first = begin(&mut pending, ticket(1, 1));
        assert!(pending.has_room_for(&ticket(2, 2), &limits));
        assert!(!pending.has_room_for(&ticket(2, 1), &limits), "the same entry");
        assert!(!pending.has_room_for(&Ticket { octets: 151, ..ticket(2, 2) }, &limits), "too many octets");
        let _second = begin(&mut pending, ticket(2, 2));
        assert!(!pending.has_room_for(&ticket(3, 3), &limits), "too many");
        first.send(()).unwrap();
        pending.answer_next().await;
        assert!(pending.has_room_for(&ticket(3, 1), &limits));
    }

    #[tokio::test]
    async fn they_go_on_while_a_peer_does_not_read() {
        let limits = Limits::default();
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut wire = Wire::new(Box::new(ours), limits, Budget::new(&limits), ACCOUNT);
        wire.output = vec![7; 100];
        let mut pending = Pending::default();
        let (went_on, goes_on) = oneshot::channel();
        let change = async move {
            went_on.send(()).unwrap();
            LdapResult::success()
        };
        pending.push(ticket(1, 1), change.boxed());
        let mut read = [0; 100];
        let reader = async {
            goes_on.await.unwrap();
            theirs.read_exact(&mut read).await.unwrap();
        };
        let (flushed, ()) = tokio::join!(pending.flush(&mut wire), reader);
        flushed.unwrap();
        assert_eq!(ids(&pending.answer_next().await), [1]);
        assert!(pending.is_empty());
    }
}
