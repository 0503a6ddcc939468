//! The face over real sockets, the real store and the real engine: a server on a loopback port, and
//! a client that speaks through the codec.

mod bind;
mod client;
mod connection;
mod contended;
mod crowded;
mod pipelined;
mod search;
mod writes;

use super::{App, Limits, Peer, Transport, serve_connection};
use crate::authn::{Core, Parts, WaitingLimits};
use crate::crowd::rounds::Rounds;
use crate::crowd::{Gate, Room};
use crate::crypto::digest::sha256;
use crate::crypto::password::Params;
use crate::crypto::sealed::MasterKey;
use crate::directory::{Directory, NewEntry};
use crate::model::{Actor, Attribute, Clock, Dn, Entropy, Face, Role, Secret, Timestamp};
use crate::policy::password::PasswordPolicy;
use crate::pool::{NewPool, Pool, Registry, Settings, Slug};
use crate::store::{Options, SegmentSync, Store};
use crate::work::{Places, Work};
use client::Client;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub const ALICE: &str = "uid=alice,ou=people,o=acme";
pub const BOB: &str = "uid=bob,ou=people,o=acme";
pub const CAROL: &str = "uid=carol,ou=people,o=acme";
pub const LEGACY: &str = "cn=legacy-app,ou=services,o=acme";
pub const ERIN: &str = "uid=erin,ou=people,o=suppliers";

/// A clock that stands still, unless it is told to leap whenever somebody looks at it: so many
/// seconds.
#[derive(Default)]
pub struct Hands {
    pub leap: AtomicI64,
    leapt: AtomicI64,
    /// So many milliseconds go by whenever somebody looks how long something takes.
    pub pace: AtomicU64,
    /// How often somebody did.
    pub looks: AtomicU64,
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        let leapt = self.leapt.fetch_add(self.leap.load(Ordering::SeqCst), Ordering::SeqCst);
        Timestamp::from_seconds(1_800_000_000 + leapt)
    }

    fn steady(&self) -> Duration {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst);
        Duration::from_millis(looks * self.pace.load(Ordering::SeqCst))
    }
}

/// Bytes that look random and are the same in each run.
struct Sequenced(AtomicU64);

impl Entropy for Sequenced {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            chunk.copy_from_slice(&sha256(&number.to_be_bytes())[..chunk.len()]);
        }
    }
}

/// Two pools with the people of the demo, and a face over them.
pub struct Bench {
    _folder: TempDir,
    pub core: Arc<Core>,
    pub acme: Arc<Pool>,
    pub clock: Arc<Hands>,
    pub shutdown: CancellationToken,
    pub gate: Arc<Gate>,
    pub rounds: Arc<Rounds>,
    pub app: Arc<App>,
}

pub fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Admin, address: None }
}

pub fn password(name: &str) -> String {
    format!("{name}-demo-password")
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(Limits::default(), None).await
    }

    pub async fn with(limits: Limits, tls: Option<TlsAcceptor>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hands = Arc::new(Hands::default());
        let clock: Arc<dyn Clock> = hands.clone();
        let entropy: Arc<dyn Entropy> = Arc::new(Sequenced(AtomicU64::new(0)));
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let registry = Registry::open(store, MasterKey::new(Secret::new([7; 32])), clock.clone(), entropy.clone()).await.unwrap();
        let mut pools = Vec::new();
        for slug in ["acme", "suppliers"] {
            let new = NewPool {
                slug: Slug::parse(slug).unwrap(),
                suffix: None,
                display_name: slug.into(),
                settings: Settings {
                    hashing: Params { memory_kib: 64, passes: 1, lanes: 1 },
                    // As in the demo, a password holds its owner's name.
                    password: PasswordPolicy { refuse_names: false, ..PasswordPolicy::default() },
                    ..Settings::default()
                },
            };
            let fill =
                |pool: &Pool, changes: &mut _| Directory::new(pool).create_suffix(changes, &operator(), clock.now(), entropy.as_ref());
            pools.push(registry.create(new, &operator(), fill).await.unwrap());
        }
        let core = Arc::new(
            Core::new(Parts {
                registry,
                work: Arc::new(Work::new(2, Places { per_pool: 64, per_address: 64, per_address_overall: 1000 })),
                clock,
                entropy,
                waiting: WaitingLimits::default(),
            })
            .unwrap(),
        );
        let app = App::new(Arc::clone(&core), limits, tls);
        let acme = Arc::clone(&pools[0]);
        let bench = Self {
            _folder: folder,
            core,
            acme,
            clock: Arc::clone(&hands),
            shutdown: CancellationToken::new(),
            gate: Gate::new(Room { places: 1000, per_address: 1000 }),
            rounds: Rounds::new(hands),
            app,
        };
        tokio::spawn(Arc::clone(&bench.rounds).run());
        for name in ["alice", "bob", "carol"] {
            bench.add_person(&pools[0], name).await;
        }
        bench.add_person(&pools[1], "erin").await;
        let service = [("objectClass", "poolgateServiceAccount"), ("cn", "legacy-app"), ("userPassword", "legacy-demo-password")];
        bench.add(&pools[0], LEGACY, &service).await;
        let admins = [("objectClass", "groupOfNames"), ("cn", "admins"), ("member", CAROL)];
        bench.add(&pools[0], "cn=admins,ou=groups,o=acme", &admins).await;
        bench
    }

    pub async fn add_person(&self, pool: &Arc<Pool>, name: &str) {
        let mail = format!("{name}@{}.example", pool.slug().as_str());
        let password = password(name);
        let person = [
            ("objectClass", "inetOrgPerson"),
            ("uid", name),
            ("cn", name),
            ("sn", "Example"),
            ("mail", mail.as_str()),
            ("userPassword", password.as_str()),
        ];
        self.add(pool, &format!("uid={name},ou=people,{}", pool.suffix()), &person).await;
    }

    pub async fn add(&self, pool: &Arc<Pool>, dn: &str, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter().map(|(name, value)| Attribute::new(*name, [*value])).collect();
        let entry = NewEntry { dn: Dn::parse(dn).unwrap(), attributes };
        self.core.add_entry(pool, &operator(), entry).await.unwrap_or_else(|error| panic!("{dn}: {error}"));
    }

    /// A connection over a loopback socket.
    pub async fn connect(&self) -> Client {
        self.connect_as(None, Transport::Plain).await
    }

    /// A connection that the server takes to come from that address.
    pub async fn connect_as(&self, peer: Option<SocketAddr>, transport: Transport) -> Client {
        Client::new(self.socket(peer, transport).await)
    }

    pub async fn socket(&self, peer: Option<SocketAddr>, transport: Transport) -> TcpStream {
        self.serve(peer, transport).await.0
    }

    /// The client's end of a connection, and the task that serves it: for a peer that is named, by
    /// rounds.
    pub async fn serve(&self, peer: Option<SocketAddr>, transport: Transport) -> (TcpStream, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (app, gate, shutdown) = (Arc::clone(&self.app), Arc::clone(&self.gate), self.shutdown.clone());
        let served = tokio::spawn(self.rounds.pace(peer.map(|peer| peer.ip()), async move {
            let (stream, real) = listener.accept().await.unwrap();
            let address = peer.unwrap_or(real);
            let guest = gate.enter(Some(address.ip())).unwrap();
            let served = serve_connection(stream, Peer { address, guest: guest.clone() }, transport, app, shutdown);
            tokio::select! {
                () = served => {}
                () = guest.displaced() => {}
            }
        }));
        (TcpStream::connect(address).await.unwrap(), served)
    }

    /// A connection on which this name has bound with its password.
    pub async fn bound(&self, name: &str) -> Client {
        let mut client = self.connect().await;
        let simple = name.split(['=', ',']).nth(1).unwrap();
        let secret = if simple == "legacy-app" { "legacy-demo-password".into() } else { password(simple) };
        assert_eq!(client.bind(name, &secret).await.code, 0, "{name}");
        client
    }
}
