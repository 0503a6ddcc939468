//! Requests that wait: sealed in the hands of browsers, and stored with a proof or on the way to an
//! upstream.

use super::super::{
    BrowserKey, Demands, Interaction, InteractionId, Kept, Level, NewInteraction, Place, ReturnPoint, Session, Step, Unsealed,
    WaitingLimits,
    interaction::{MAX_AGE, MAX_HANDOVER_AGE, MAX_PAYLOAD},
    testing::*,
    waiting::Whereabouts,
};
use crate::{
    crypto::digest,
    model::Kind,
    store::{Changes, CommitError, Key, Space},
};
use std::{collections::HashSet, net::IpAddr, time::Duration};

const QUESTION: Place = Place::Question(ReturnPoint::Authorize);

/// A request that is as large as one may be, with every demand.
fn large(bench: &Bench) -> Interaction {
    let demands =
        Demands { force: true, max_age: Some(Duration::from_secs(60)), acr: Some(Level::Single), login_hint: Some("alice".into()) };
    let payload = (0..MAX_PAYLOAD).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let new = NewInteraction { return_point: ReturnPoint::SamlSso, application: "Ä".repeat(400), payload, demands };
    bench.core.interaction(new).unwrap()
}

async fn log_in(bench: &Bench, interaction: &Interaction, browser: &BrowserKey) -> Session {
    let password = secret("correct horse");
    let step = bench.core.login_password(&bench.pool, interaction, browser, "alice", &password, Kept::default(), page()).await.unwrap();
    let Step::Granted(granted) = step else { panic!("{step:?}") };
    bench.core.session(&bench.pool, granted.session.expose()).await.unwrap().unwrap()
}

pub(super) fn waiting(bench: &Bench, interaction: &Interaction, browser: &BrowserKey) -> Option<Interaction> {
    bench.core.waiting(&bench.pool, &interaction.id().to_text(), interaction.return_point(), browser).unwrap()
}

/// Whether somebody who comes back from the upstream finds the request.
pub fn is_away(bench: &Bench, interaction: &Interaction, browser: &BrowserKey) -> bool {
    let id = interaction.id().to_text();
    bench.core.come_back(&bench.pool, &id, "state", browser, &mut Changes::new()).unwrap().is_some()
}

async fn consume(bench: &Bench, interaction: &Interaction, browser: &BrowserKey) -> Result<(), CommitError> {
    let mut changes = Changes::new();
    bench.core.consume(&bench.pool, interaction, browser, &mut changes).unwrap();
    bench.pool.store().commit(changes).await.map(|_| ())
}

/// Sends somebody to an upstream.
pub(super) async fn send_away(bench: &Bench, browser: &BrowserKey, address: IpAddr) -> Interaction {
    let interaction = bench.begin(Demands::default());
    let mut changes = Changes::new();
    let whereabouts = Whereabouts { browser, address: Some(address) };
    bench.core.send_away(&bench.pool, &interaction, whereabouts, "state", b"pending", &mut changes).unwrap();
    bench.pool.store().commit(changes).await.unwrap();
    interaction
}

#[tokio::test]
async fn a_sealed_request_holds_all_of_it() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let interaction = large(&bench);
    assert_eq!((interaction.created(), interaction.application().len()), (bench.now(), 256));
    let sealed = bench.core.seal(&bench.pool, &interaction, Place::Login, &browser).unwrap();
    assert_eq!(bench.core.unseal(&bench.pool, &sealed, Place::Login, &browser), Some(Unsealed::Own(interaction.clone())));
    let again = bench.core.seal(&bench.pool, &interaction, Place::Login, &browser).unwrap();
    assert_ne!(again, sealed, "nobody sees that it is the same");
    assert_eq!(bench.core.unseal(&bench.pool, &again, Place::Login, &browser).and_then(Unsealed::own).unwrap().id(), interaction.id());
    assert_eq!(bench.stored_requests(), 0);
    let too_large = NewInteraction {
        return_point: ReturnPoint::Authorize,
        application: String::new(),
        payload: vec![0; MAX_PAYLOAD + 1],
        demands: Demands::default(),
    };
    assert!(matches!(bench.core.interaction(too_large).unwrap_err().kind(), Kind::Invalid(_)));
}

#[tokio::test]
async fn a_sealed_request_opens_for_its_browser_its_place_and_its_pool_alone() {
    let bench = Bench::new().await;
    let (core, pool) = (&bench.core, &bench.pool);
    let (browser, other) = (bench.browser("one"), bench.browser("two"));
    let elsewhere = create_pool(core, "other", settings()).await;
    let interaction = bench.begin(Demands::default());
    for place in [Place::Login, QUESTION, Place::Question(ReturnPoint::SamlSso)] {
        let sealed = core.seal(pool, &interaction, place, &browser).unwrap();
        assert_eq!(core.unseal(pool, &sealed, place, &browser).and_then(Unsealed::own), Some(interaction.clone()));
        let of_another = Some(Unsealed::OfAnotherBrowser(interaction.clone()));
        assert_eq!(core.unseal(pool, &sealed, place, &other), of_another, "{place:?}: another browser");
        assert_eq!(core.unseal(&elsewhere, &sealed, place, &browser), None, "{place:?}: another pool");
        for another in [Place::Login, QUESTION, Place::Question(ReturnPoint::SamlSso)] {
            assert_eq!(core.unseal(pool, &sealed, another, &browser).is_some(), another == place, "{place:?} at {another:?}");
        }
        for face in [ReturnPoint::Authorize, ReturnPoint::SamlSso] {
            assert_eq!(core.open_handover(pool, &sealed, face), None, "{place:?}: no handover");
        }
    }
    let handed = core.seal_handover(pool, &interaction).unwrap();
    assert_eq!(core.open_handover(pool, &handed, ReturnPoint::Authorize), Some(interaction));
    assert_eq!(core.open_handover(pool, &handed, ReturnPoint::SamlSso), None, "another face");
    assert_eq!(core.open_handover(&elsewhere, &handed, ReturnPoint::Authorize), None, "another pool");
    for place in [Place::Login, QUESTION] {
        assert_eq!(core.unseal(pool, &handed, place, &browser), None, "a handover is for the endpoint alone");
    }
}

#[tokio::test]
async fn a_sealed_request_with_one_bit_changed_does_not_open() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let sealed = bench.core.seal(&bench.pool, &bench.begin(Demands::default()), Place::Login, &browser).unwrap();
    let opens = |text: &str| bench.core.unseal(&bench.pool, text, Place::Login, &browser).is_some();
    assert!(opens(&sealed));
    let bytes = digest::from_base64url(&sealed).unwrap();
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(!opens(&digest::base64url(&flipped)), "bit {at}");
    }
    for length in 0..bytes.len() {
        assert!(!opens(&digest::base64url(&bytes[..length])), "{length} bytes");
    }
    for text in ["", "x", "ä", &format!("{sealed}A"), &format!("{sealed}="), &format!(" {sealed}")] {
        assert!(!opens(text), "{text}");
    }
}

#[tokio::test]
async fn a_sealed_request_outlives_a_restart() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
    let sealed = bench.core.seal(&bench.pool, &interaction, Place::Login, &browser).unwrap();
    let next = bench.restarted().await;
    let pool = next.registry.by_slug("acme").unwrap().unwrap();
    let found = next.unseal(&pool, &sealed, Place::Login, &browser).and_then(Unsealed::own).unwrap();
    let password = secret("correct horse");
    let step = next.login_password(&pool, &found, &browser, "alice", &password, Kept::default(), page()).await.unwrap();
    assert!(matches!(step, Step::Granted(_)), "{step:?}");
    assert!(waiting(&bench, &interaction, &browser).is_some());
}

#[tokio::test]
async fn a_sealed_request_ends_by_itself() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
    let sealed = bench.core.seal(&bench.pool, &interaction, Place::Login, &browser).unwrap();
    let handed = bench.core.seal_handover(&bench.pool, &interaction).unwrap();
    let is_open = || bench.core.unseal(&bench.pool, &sealed, Place::Login, &browser).is_some();
    let is_handed = || bench.core.open_handover(&bench.pool, &handed, ReturnPoint::Authorize).is_some();
    let moment = Duration::from_secs(1);
    bench.pass(MAX_HANDOVER_AGE - moment);
    assert!(is_handed());
    bench.pass(moment);
    assert!(!is_handed());
    bench.pass(MAX_AGE - MAX_HANDOVER_AGE - moment);
    assert!(is_open());
    bench.pass(moment);
    assert!(!is_open());
}

#[tokio::test]
async fn a_request_is_stored_with_the_proof_and_answered_once() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = large(&bench);
    assert_eq!(waiting(&bench, &interaction, &browser), None);
    let password = secret("a guess");
    bench.core.login_password(&bench.pool, &interaction, &browser, "alice", &password, Kept::default(), page()).await.unwrap();
    assert_eq!(bench.stored_requests(), 0, "a guess stores nothing");
    let commits = bench.store.statistics().commits;
    log_in(&bench, &interaction, &browser).await;
    assert_eq!(bench.store.statistics().commits, commits + 1, "with the session");
    let found = waiting(&bench, &interaction, &browser).unwrap();
    assert!(found.is_stored() && !interaction.is_stored());
    assert_eq!((found.payload(), found.demands(), found.created()), (interaction.payload(), interaction.demands(), interaction.created()));
    assert_eq!(waiting(&bench, &interaction, &bench.browser("two")), None, "another browser's");
    let id = interaction.id().to_text();
    assert_eq!(bench.core.waiting(&bench.pool, &id, ReturnPoint::Authorize, &browser).unwrap(), None, "another face's");
    for other in ["", "x", &"A".repeat(43), &id[1..], &format!("{id}A")] {
        assert_eq!(bench.core.waiting(&bench.pool, other, ReturnPoint::SamlSso, &browser).unwrap(), None, "{other}");
    }
    consume(&bench, &found, &browser).await.unwrap();
    assert_eq!(consume(&bench, &found, &browser).await.unwrap_err(), CommitError::Conflict);
    assert_eq!(waiting(&bench, &interaction, &browser), None);
    assert_eq!(bench.stored_requests(), 0);
}

#[tokio::test]
async fn a_sealed_request_that_is_brought_again_needs_a_proof_again() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands { force: true, ..Demands::default() });
    bench.pass(Duration::from_secs(1));
    let first = log_in(&bench, &interaction, &browser).await;
    assert!(first.is_proven_since(interaction.created()));
    consume(&bench, &waiting(&bench, &interaction, &browser).unwrap(), &browser).await.unwrap();
    assert_eq!(waiting(&bench, &interaction, &browser), None, "the field is no way back to what was answered");
    // The back button, and the same form once more.
    log_in(&bench, &interaction, &browser).await;
    assert!(waiting(&bench, &interaction, &browser).is_some());
    // A request that begins now is not met by that.
    bench.pass(Duration::from_secs(1));
    assert!(!first.is_proven_since(bench.begin(Demands::default()).created()));
}

#[tokio::test]
async fn what_was_stored_ends_by_itself() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = large(&bench);
    log_in(&bench, &interaction, &browser).await;
    bench.pass(MAX_AGE - Duration::from_secs(1));
    assert!(waiting(&bench, &interaction, &browser).is_some());
    bench.pass(Duration::from_secs(1));
    assert_eq!(waiting(&bench, &interaction, &browser), None);
    bench.store.sweep(bench.now(), 1000).await.unwrap();
    assert_eq!(bench.stored_requests(), 0);
}

/// The upstream knows the name of the request, so whoever has it from there must not be answered by
/// a login that was made for something else.
#[tokio::test]
async fn who_is_at_an_upstream_has_proven_nothing() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let away = send_away(&bench, &browser, ADDRESS).await;
    assert_eq!(waiting(&bench, &away, &browser), None);
    log_in(&bench, &bench.begin(Demands::default()), &browser).await;
    assert_eq!(waiting(&bench, &away, &browser), None, "a login for another request says nothing of this one");
    assert!(is_away(&bench, &away, &browser), "and it waits on for the upstream");
    // With a password after all.
    log_in(&bench, &away, &browser).await;
    assert!(waiting(&bench, &away, &browser).is_some() && !is_away(&bench, &away, &browser));
}

#[tokio::test]
async fn a_browser_has_room_for_some_and_its_oldest_goes() {
    let bench = Bench::limited(settings(), WaitingLimits { per_browser: 3, ..WaitingLimits::default() }).await;
    let (browser, other) = (bench.browser("one"), bench.browser("two"));
    let bystander = send_away(&bench, &other, ADDRESS).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        bench.pass(Duration::from_secs(1));
        all.push(send_away(&bench, &browser, ADDRESS).await);
    }
    let left: Vec<bool> = all.iter().map(|interaction| is_away(&bench, interaction, &browser)).collect();
    assert_eq!(left, [false, false, true, true, true]);
    assert!(is_away(&bench, &bystander, &other));
    assert_eq!(bench.stored_requests(), 4 * 3, "each has a record, its content and its place at the address");
    // The same request once more takes its own place, from wherever it comes.
    let mut changes = Changes::new();
    let whereabouts = Whereabouts { browser: &browser, address: None };
    bench.core.send_away(&bench.pool, &all[4], whereabouts, "another", b"pending", &mut changes).unwrap();
    bench.pool.store().commit(changes).await.unwrap();
    assert_eq!(bench.stored_requests(), 4 * 3);
}

#[tokio::test]
async fn a_flood_from_an_address_displaces_itself() {
    let limits = WaitingLimits { per_browser: 8, per_address: 20 };
    let bench = Bench::limited(settings(), limits).await;
    bench.user("alice", "correct horse").await;
    let (person, neighbour, flooding) = (bench.browser("person"), bench.browser("neighbour"), bench.browser("flood"));
    let address: IpAddr = "2001:db8::1".parse().unwrap();
    let same_network: IpAddr = "2001:db8::2".parse().unwrap();
    let elsewhere: IpAddr = "2001:db8:0:1::1".parse().unwrap();
    let away = send_away(&bench, &person, address).await;
    let far = send_away(&bench, &neighbour, elsewhere).await;
    let proven = bench.begin(Demands::default());
    log_in(&bench, &proven, &bench.browser("proven")).await;
    for _ in 0..100 {
        bench.pass(Duration::from_secs(1));
        send_away(&bench, &flooding, same_network).await;
    }
    assert!(is_away(&bench, &away, &person), "one browser displaces itself");
    // Browsers without end, as somebody has who keeps no cookies.
    for number in 0..100 {
        bench.pass(Duration::from_secs(1));
        send_away(&bench, &bench.browser(&format!("flood {number}")), same_network).await;
    }
    assert!(is_away(&bench, &far, &neighbour), "another address is another matter");
    assert!(waiting(&bench, &proven, &bench.browser("proven")).is_some());
    assert_eq!(bench.stored_requests(), (20 + 2) * 3);
    // And nobody is kept out.
    let late = bench.begin(Demands::default());
    log_in(&bench, &late, &person).await;
    assert!(waiting(&bench, &late, &person).is_some());
}

#[tokio::test]
async fn whoever_is_logged_in_is_displaced_last() {
    let bench = Bench::limited(settings(), WaitingLimits { per_browser: 8, per_address: 5 }).await;
    bench.user("alice", "correct horse").await;
    let person = bench.browser("person");
    let proven = bench.begin(Demands::default());
    log_in(&bench, &proven, &person).await;
    for number in 0..50 {
        bench.pass(Duration::from_secs(1));
        send_away(&bench, &bench.browser(&format!("flood {number}")), ADDRESS).await;
    }
    assert_eq!(bench.stored_requests(), 5 * 3);
    assert!(waiting(&bench, &proven, &person).is_some(), "nothing that costs nothing displaces a proof");
}

#[tokio::test]
async fn room_is_made_without_reading_what_waits() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    for stored in 0..5 {
        let before = bench.store.statistics().scanned;
        log_in(&bench, &large(&bench), &browser).await;
        assert_eq!(bench.store.statistics().scanned - before, 2 * stored, "one small row of the browser and one of the address for each");
    }
}

/// Records of the release before, which stored a request when somebody arrived.
#[tokio::test]
async fn what_a_former_release_stored_is_in_nobodys_way() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let hex = "01ab00582001010101010101010101010101010101010101010101010101010101010101010101026444656d6f031b00065bfeda25e000040205f506183c07000865616c69636509f40aa2005820020202020202020202020202020202020202020202020202020202020202020201420304";
    let record: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let id = [7; 32];
    let hash = digest::sha256(digest::base64url(&id).as_bytes());
    let mut changes = Changes::new();
    let end = bench.now().plus(MAX_AGE);
    for tag in [[0; 8], [2; 8], [4; 8]] {
        changes.put_until(Key::named(Space::Interaction, &[[0].as_slice(), &tag, &hash].concat()), record.clone(), end);
    }
    for part in 1..=2 {
        changes.put_until(Key::named(Space::Interaction, &[[1].as_slice(), &hash, &[part]].concat()), vec![1; 4096], end);
    }
    bench.pool.store().commit(changes).await.unwrap();
    let former = InteractionId(id).to_text();
    assert_eq!(bench.core.waiting(&bench.pool, &former, ReturnPoint::SamlSso, &browser).unwrap(), None, "its browser begins again");
    let interaction = bench.begin(Demands::default());
    log_in(&bench, &interaction, &browser).await;
    send_away(&bench, &browser, ADDRESS).await;
    consume(&bench, &waiting(&bench, &interaction, &browser).unwrap(), &browser).await.unwrap();
    bench.pass(MAX_AGE);
    bench.store.sweep(bench.now(), 1000).await.unwrap();
    assert_eq!(bench.stored_requests(), 0);
}

#[tokio::test]
async fn no_two_requests_have_one_name() {
    let bench = Bench::new().await;
    let names: HashSet<InteractionId> = (0..100).map(|_| bench.begin(Demands::default()).id()).collect();
    assert_eq!(names.len(), 100);
}
