use super::*;
use crate::model::PoolId;
use std::net::{IpAddr, Ipv4Addr};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const ACCOUNT: Account = Account { pool: Some(PoolId::new(1)), address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)) };

#[tokio::test]
async fn a_peer_that_reads_a_little_now_and_then_loses_the_connection() {
    let (ours, mut theirs) = tokio::io::duplex(16);
    let limits = Limits { write: Duration::from_millis(200), slowest: 1 << 20, ..Limits::default() };
    let mut wire = Wire::new(Box::new(ours), limits, Budget::new(&limits), ACCOUNT);
    wire.output = vec![7; 100_000];
    let trickle = async {
        while theirs.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let flushed = tokio::select! {
        flushed = wire.flush() => flushed,
        () = trickle => panic!("the peer was served to the end"),
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("the server waits for a peer that reads by the byte"),
    };
    assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn what_was_written_before_a_flush_was_given_up_is_not_written_again() {
    let (ours, mut theirs) = tokio::io::duplex(16);
    let limits = Limits::default();
    let mut wire = Wire::new(Box::new(ours), limits, Budget::new(&limits), ACCOUNT);
    wire.output = (0..100).collect();
    assert!(wire.flush().now_or_never().is_none(), "the peer has read nothing");
    let mut read = [0; 100];
    let (flushed, all) = tokio::join!(wire.flush(), theirs.read_exact(&mut read));
    flushed.unwrap();
    all.unwrap();
    assert_eq!(read.to_vec(), (0..100).collect::<Vec<u8>>());
}

#[tokio::test]
async fn what_somebody_asked_for_who_has_reset_the_connection_is_no_longer_wanted() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
    let (stream, _) = socket.accept().await.unwrap();
    let limits = Limits::default();
    let mut wire = Wire::new(Box::new(stream), limits, Budget::new(&limits), ACCOUNT);
    wire.output = vec![7; 100];
    wire.flush().await.unwrap();
    // What it has not read makes a reset of the end.
    drop(client);
    let told = Notify::new();
    let step = wire.listen_while(7, told.notified(), || told.notify_one());
    timeout(Duration::from_secs(20), step).await.unwrap();
    assert!(wire.is_unwanted(7));
}

/// A message of that many octets whose value is zeros.
fn message(size: usize) -> Vec<u8> {
    let mut message = vec![0x30, 0x84];
    message.extend_from_slice(&u32::try_from(size - 6).unwrap().to_be_bytes());
    message.resize(size, 0);
    message
}

#[tokio::test]
async fn a_large_message_takes_room_from_all_and_gives_it_back() {
    // A quarter of it is an address's.
    let limits = Limits { all_input: 4 << 20, ..Limits::default() };
    let budget = Budget::new(&limits);
    let connect = || {
        let (ours, theirs) = tokio::io::duplex(4 << 20);
        (Wire::new(Box::new(ours), limits, Arc::clone(&budget), ACCOUNT), theirs)
    };
    let ((mut first, mut sender), (mut second, mut other)) = (connect(), connect());
    let large = message(900_000);
    sender.write_all(&large[..300_000]).await.unwrap();
    other.write_all(&large[..300_000]).await.unwrap();
    let waits = |wire: &mut Wire| wire.next(&codec::Limits::BOUND, limits.bound_idle).now_or_never().is_none();
    assert!(waits(&mut first) && waits(&mut second));
    assert_eq!(budget.input.left(), (4 << 20) - (900_000 - limits.own), "before all of it is here");
    assert!(second.input.len() <= limits.own + LARGE_READ, "what there is no room for is not read: {}", second.input.len());
    let small = message(2_000);
    let (mut third, mut sender_of_small) = connect();
    sender_of_small.write_all(&small).await.unwrap();
    assert_eq!(third.next(&codec::Limits::BOUND, limits.bound_idle).await.unwrap().len(), 2_000, "small ones go on");
    sender.write_all(&large[300_000..]).await.unwrap();
    sender.write_all(&small).await.unwrap();
    assert_eq!(first.next(&codec::Limits::BOUND, limits.bound_idle).await.unwrap().len(), 900_000);
    assert_eq!(first.next(&codec::Limits::BOUND, limits.bound_idle).await.unwrap().len(), 2_000);
    assert!(first.input.capacity() < 2 * LARGE_READ, "the memory of the large one is free: {}", first.input.capacity());
    other.write_all(&large[300_000..]).await.unwrap();
    assert_eq!(second.next(&codec::Limits::BOUND, limits.bound_idle).await.unwrap().len(), 900_000, "its turn has come");
    drop((first, second, third));
    assert_eq!(budget.input.left(), 4 << 20);
}

#[tokio::test]
async fn half_a_message_of_one_pool_holds_up_no_other() {
    let limits = Limits { all_input: 4 << 20, ..Limits::default() };
    let budget = Budget::new(&limits);
    let large = message(900_000);
    let mut held = Vec::new();
    // As many as there are of one pool, from eight addresses: none of them is ever sent to its
    // end.
    for number in 0..8 {
        let account = Account { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)), ..ACCOUNT };
        let (ours, mut theirs) = tokio::io::duplex(4 << 20);
        let mut wire = Wire::new(Box::new(ours), limits, Arc::clone(&budget), account);
        theirs.write_all(&large[..70_000]).await.unwrap();
        let mut arriving = Box::pin(async move { wire.next(&codec::Limits::BOUND, limits.bound_idle).await });
        assert!((&mut arriving).now_or_never().is_none());
        held.push((arriving, theirs));
    }
    let (ours, mut theirs) = tokio::io::duplex(4 << 20);
    let another = Account { pool: Some(PoolId::new(2)), ..ACCOUNT };
    let mut wire = Wire::new(Box::new(ours), limits, Arc::clone(&budget), another);
    theirs.write_all(&large).await.unwrap();
    let arrived = wire.next(&codec::Limits::BOUND, limits.bound_idle).now_or_never().expect("at once");
    assert_eq!(arrived.unwrap().len(), 900_000);
}

#[tokio::test]
async fn a_large_message_that_dawdles_gives_way_to_one_that_waits() {
    let limits = Limits { all_input: 4 << 20, pace: Duration::from_millis(50), ..Limits::default() };
    let budget = Budget::new(&limits);
    let connect = || {
        let (ours, theirs) = tokio::io::duplex(4 << 20);
        (Wire::new(Box::new(ours), limits, Arc::clone(&budget), ACCOUNT), theirs)
    };
    let ((mut slow, mut slow_sender), (mut next, mut sender)) = (connect(), connect());
    let large = message(900_000);
    slow_sender.write_all(&large[..70_000]).await.unwrap();
    // A drop now and then is no pace.
    let dripping = async {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if slow_sender.write_all(&[0]).await.is_err() {
                return;
            }
        }
    };
    let slow = async {
        let end = slow.next(&codec::Limits::BOUND, limits.bound_idle).await.unwrap_err();
        drop(slow);
        end
    };
    let waiting = async {
        sender.write_all(&large).await.unwrap();
        next.next(&codec::Limits::BOUND, limits.bound_idle).await.unwrap().len()
    };
    let (end, arrived, ()) = tokio::join!(slow, waiting, dripping);
    assert!(matches!(end, End::Dawdling), "{end}");
    assert_eq!(arrived, 900_000);
}

#[tokio::test]
async fn a_large_message_that_finds_no_room_is_told_so_and_not_that_it_is_slow() {
    let limits = Limits { all_input: 4 << 20, arrival: Duration::from_millis(40), ..Limits::default() };
    let budget = Budget::new(&limits);
    let _all_of_it = budget.input.take(ACCOUNT, 1 << 20).await.unwrap();
    let (ours, mut theirs) = tokio::io::duplex(4 << 20);
    let mut wire = Wire::new(Box::new(ours), limits, Arc::clone(&budget), ACCOUNT);
    theirs.write_all(&message(900_000)).await.unwrap();
    let end = wire.next(&codec::Limits::BOUND, limits.bound_idle).await.unwrap_err();
    assert!(matches!(end, End::Crowded), "{end}");
}

/// Room for a megabyte of answers.
fn room(budget: &Budget) -> Room {
    budget.output.take(ACCOUNT, 1 << 20).now_or_never().flatten().unwrap()
}

#[tokio::test]
async fn answers_keep_their_room_until_they_are_written() {
    let limits = Limits { all_output: 8 << 20, ..Limits::default() };
    let budget = Budget::new(&limits);
    let (ours, _theirs) = tokio::io::duplex(2 << 20);
    let mut wire = Wire::new(Box::new(ours), limits, Arc::clone(&budget), ACCOUNT);
    let taken = room(&budget);
    assert_eq!(budget.output.left(), 7 << 20);
    wire.send_encoded(vec![0; 500_000], taken);
    assert_eq!(budget.output.left(), (8 << 20) - (500_000 - limits.own), "no more than they are");
    wire.send_encoded(vec![0; 500_000], room(&budget));
    assert_eq!(budget.output.left(), (8 << 20) - (1_000_000 - limits.own), "what it may hold by itself counts once");
    assert!(wire.is_full());
    wire.flush().await.unwrap();
    assert_eq!(budget.output.left(), 8 << 20);
}

#[tokio::test]
async fn nothing_is_kept_for_answers_that_a_connection_may_hold_by_itself() {
    let limits = Limits { all_output: 8 << 20, ..Limits::default() };
    let budget = Budget::new(&limits);
    let mut wire = Wire::new(Box::new(tokio::io::empty()), limits, Arc::clone(&budget), ACCOUNT);
    for octets in [0, 0, 0, 1_000, 0] {
        wire.send_encoded(vec![0; octets], room(&budget));
        assert!(wire.output_rooms.is_empty(), "{octets}");
        assert_eq!(budget.output.left(), 8 << 20);
    }
    wire.send_encoded(vec![0; limits.own], room(&budget));
    assert_eq!(budget.output.left(), (8 << 20) - 1_000, "all that waits counts, and not only what came last");
}
