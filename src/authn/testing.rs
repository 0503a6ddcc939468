//! A core over a store in a temporary folder, with a clock that stands still until it is moved:
//! what tests of this room and of the faces drive.

use super::credential::{self, Password};
use super::{BindName, BrowserKey, Core, Demands, Interaction, NewInteraction, Origin, Parts, ReturnPoint, Unsealed, WaitingLimits};
use crate::{
    application::{self, Client, ClientId, RedirectUri},
    audit::{self, Action, Event, Outcome, Query, Reason},
    crypto::{password::Params, sealed::MasterKey},
    directory::{Directory, Modification, ModificationKind, NewEntry},
    model::{Actor, Attribute, Clock, Dn, Entropy, EntryId, Face, Role, Secret, Timestamp},
    policy::lockout::LockoutPolicy,
    pool::{NewPool, Pool, Registry, Settings, Slug},
    store::{Changes, Options, Prefix, SegmentSync, Space, Store},
    work::{Places, Work},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

/// Hashes that cost next to nothing.
pub const CHEAP: Params = Params { memory_kib: 16, passes: 1, lanes: 1 };

/// When tests begin.
pub const START: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// Failures that lock.
pub const THRESHOLD: u16 = 5;

/// Where requests of tests come from.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A clock that is moved by hand, and how far its stamps are ahead of it, in microseconds.
pub struct HandClock(AtomicI64, AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn stamp(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst) + self.1.load(Ordering::SeqCst))
    }
}

/// Bytes that never come twice.
pub struct Drawn(AtomicU64);

impl Entropy for Drawn {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let bytes = crate::crypto::digest::sha256(&number.to_be_bytes());
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// A core with one pool, `acme`.
pub struct Bench {
    pub core: Arc<Core>,
    pub pool: Arc<Pool>,
    pub store: Store,
    master: MasterKey,
    clock: Arc<HandClock>,
    _folder: TempDir,
}

impl Unsealed {
    /// The request, if it was sealed for this browser.
    pub fn own(self) -> Option<Interaction> {
        match self {
            Self::Own(interaction) => Some(interaction),
            Self::OfAnotherBrowser(_) => None,
        }
    }
}

pub fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Admin, address: None }
}

pub fn settings() -> Settings {
    Settings { hashing: CHEAP, lockout: LockoutPolicy { threshold: THRESHOLD, ..LockoutPolicy::default() }, ..Settings::default() }
}

pub fn ldap() -> Origin {
    Origin { face: Face::Ldap, address: Some(ADDRESS) }
}

pub fn page() -> Origin {
    Origin { face: Face::Login, address: Some(ADDRESS) }
}

pub fn uid(name: &str) -> BindName {
    BindName::Uid(name.into())
}

/// What a user is made of.
pub fn user(name: &str, password: Option<&str>) -> NewEntry {
    let mut attributes = vec![
        Attribute::new("objectClass", ["inetOrgPerson"]),
        Attribute::new("cn", [name]),
        Attribute::new("sn", [name]),
        Attribute::new("mail", [format!("{name}@acme.example").as_str()]),
    ];
    attributes.extend(password.map(|password| Attribute::new("userPassword", [password])));
    NewEntry { dn: Dn::parse(&format!("uid={name},ou=people,o=acme")).unwrap(), attributes }
}

pub fn replace(name: &str, value: &str) -> Modification {
    Modification { kind: ModificationKind::Replace, attribute: Attribute::new(name, [value]) }
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::limited(settings, WaitingLimits::default()).await
    }

    pub async fn limited(settings: Settings, waiting: WaitingLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(START.micros()), AtomicI64::new(0)));
        let entropy: Arc<dyn Entropy> = Arc::new(Drawn(AtomicU64::new(0)));
        let hands: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let master = MasterKey::generate(&*entropy);
        let registry = Registry::open(store.clone(), master.clone(), Arc::clone(&hands), Arc::clone(&entropy)).await.unwrap();
        let work = Arc::new(Work::new(2, Places { per_pool: 1000, per_address: 1000, per_address_overall: 1000 }));
        let core = Arc::new(Core::new(Parts { registry, work, clock: hands, entropy, waiting }).unwrap());
        let pool = create_pool(&core, "acme", settings).await;
        Self { core, pool, store, master, clock, _folder: folder }
    }

    /// The core as the next process over the same store has it.
    pub async fn restarted(&self) -> Core {
        let Core { clock, entropy, work, .. } = &*self.core;
        let registry = Registry::open(self.store.clone(), self.master.clone(), Arc::clone(clock), Arc::clone(entropy)).await.unwrap();
        let (work, clock, entropy) = (Arc::clone(work), Arc::clone(clock), Arc::clone(entropy));
        Core::new(Parts { registry, work, clock, entropy, waiting: WaitingLimits::default() }).unwrap()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    pub fn set_back(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.clock.0.fetch_sub(micros, Ordering::SeqCst);
    }

    /// Lets the clock be one that has gone back by that time, and is not believed: what is written
    /// goes on from before. Answers the stamp.
    pub fn hold_back(&self, time: Duration) -> Timestamp {
        self.set_back(time);
        self.clock.1.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
        self.clock.stamp()
    }

    pub fn directory(&self) -> Directory {
        Directory::new(&self.pool)
    }

    pub async fn user(&self, name: &str, password: &str) -> EntryId {
        self.core.add_entry(&self.pool, &operator(), user(name, Some(password))).await.unwrap()
    }

    pub async fn service(&self, name: &str, password: &str) -> EntryId {
        let dn = Dn::parse(&format!("cn={name},ou=services,o=acme")).unwrap();
        let attributes = vec![Attribute::new("objectClass", ["poolgateServiceAccount"]), Attribute::new("userPassword", [password])];
        self.core.add_entry(&self.pool, &operator(), NewEntry { dn, attributes }).await.unwrap()
    }

    /// Puts somebody into the group of administrators.
    pub async fn make_administrator(&self, name: &str) {
        let member = format!("uid={name},ou=people,o=acme");
        let attributes = vec![Attribute::new("objectClass", ["groupOfNames"]), Attribute::new("member", [member.as_str()])];
        let dn = Dn::parse("cn=admins,ou=groups,o=acme").unwrap();
        if let Ok(group) = self.directory().resolve(&dn) {
            let step = Modification { kind: ModificationKind::Add, attribute: Attribute::new("member", [member.as_str()]) };
            self.core.modify_entry(&self.pool, &operator(), group, &[step]).await.unwrap();
            return;
        }
        self.core.add_entry(&self.pool, &operator(), NewEntry { dn, attributes }).await.unwrap();
    }

    pub async fn disable(&self, entry: EntryId, disabled: bool) {
        let value = if disabled { "TRUE" } else { "FALSE" };
        self.core.modify_entry(&self.pool, &operator(), entry, &[replace("poolgateAccountDisabled", value)]).await.unwrap();
    }

    /// Says until when a password can be used, and whether it must be changed first.
    pub async fn restrict_password(&self, entry: EntryId, must_change: bool, expires: Option<Timestamp>) {
        let restrict = self.pool.store().decide(|changes| {
            let (password, version) = credential::password(&self.pool, entry)?.unwrap();
            credential::replace_password(&self.pool, changes, entry, &Password { must_change, expires, ..password }, version)
        });
        restrict.await.unwrap();
    }

    pub async fn change_settings(&self, change: impl Fn(&mut Settings)) {
        let operator = operator();
        let changed = self.core.registry.update(self.pool.id(), &operator, |draft| {
            change(&mut draft.settings);
            Ok(())
        });
        changed.await.unwrap();
    }

    /// Registers a client, if none of that identifier is registered.
    pub async fn client(&self, id: &str) -> Client {
        let store = self.pool.store();
        if let Some(client) = application::find_client(store, id).unwrap() {
            return client;
        }
        let uris = vec![RedirectUri::parse("https://app.example/callback").unwrap()];
        let mut changes = Changes::new();
        application::add_client(&mut changes, &Client::public(ClientId::parse(id).unwrap(), "App", uris), &*self.core.entropy).unwrap();
        store.commit(changes).await.unwrap();
        application::find_client(store, id).unwrap().unwrap()
    }

    /// Whether an LDAP bind succeeds.
    pub async fn binds(&self, name: &str, password: &str) -> bool {
        match self.core.bind(&self.pool, &uid(name), &password.into(), ldap()).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.message(), crate::model::Error::credentials().message());
                false
            }
        }
    }

    pub fn runs(&self) -> u64 {
        self.core.hashes()
    }

    pub fn browser(&self, name: &str) -> BrowserKey {
        BrowserKey::from_cookie(name)
    }

    /// A request of an application that begins to wait.
    pub fn begin(&self, demands: Demands) -> Interaction {
        let new =
            NewInteraction { return_point: ReturnPoint::Authorize, application: "Demo".into(), payload: b"request".to_vec(), demands };
        self.core.interaction(new).unwrap()
    }

    /// Rows of requests that are stored.
    pub fn stored_requests(&self) -> usize {
        self.pool.store().count(&Prefix::space(Space::Interaction)).unwrap()
    }

    pub fn events(&self, action: Action) -> Vec<Event> {
        let all = Query { limit: 1000, action: Some(action), ..Query::default() };
        audit::query(self.pool.store(), &all).unwrap().into_iter().map(|(_, event)| event.unwrap()).collect()
    }

    /// The outcomes and reasons of all events of a kind.
    pub fn outcomes(&self, action: Action) -> Vec<(Outcome, Option<Reason>)> {
        self.events(action).into_iter().map(|event| (event.outcome, event.reason)).collect()
    }
}

/// A pool of that slug with the entries that every pool begins with.
pub async fn create_pool(core: &Core, slug: &str, settings: Settings) -> Arc<Pool> {
    let new = NewPool { slug: Slug::parse(slug).unwrap(), suffix: None, display_name: slug.into(), settings };
    let (clock, entropy) = (&core.clock, &core.entropy);
    let fill = |pool: &Pool, changes: &mut Changes| Directory::new(pool).create_suffix(changes, &operator(), clock.now(), &**entropy);
    core.registry.create(new, &operator(), fill).await.unwrap()
}

/// A secret of that text.
pub fn secret(text: &str) -> Secret<Vec<u8>> {
    text.into()
}
