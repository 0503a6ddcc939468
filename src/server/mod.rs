//! The server: configuration, composition, listeners, TLS, the clock, background tasks, shutdown.
//!
//! Owns everything that touches the machine but the store's files. Uses every room beneath. Never
//! holds a business rule: it wires rooms together and lets them work.

mod clock;
pub mod config;
mod data;
mod descriptors;
mod directory;
mod error;
mod files;
mod health;
mod http;
mod idle;
mod lanes;
mod life;
pub mod limits;
mod listener;
mod load;
mod log_filter;
mod log_lines;
mod log_pace;
mod logging;
mod master_key;
mod network;
mod tasks;
mod tls;
mod unix;
mod urls;
mod variables;
mod watch;

pub use clock::{SystemClock, SystemEntropy};
pub use config::{Config, Loaded};
pub use error::ConfigError;
pub use logging::start as start_logging;
pub use tls::{DevelopmentFiles, development as development_certificate};

use crate::authn::{Core, Parts};
use crate::crowd::Gate;
use crate::crowd::requests::Crowd;
use crate::entrance::Entrance;
use crate::model::{Clock, Entropy};
use crate::pool::{self, Registry};
use crate::store::{ReadError, SegmentSync, Store};
use crate::work::Work;
use crate::{admin, login, oidc, saml};
use config::PoolUrls;
use directory::Ldap;
use lanes::Lanes;
use life::Life;
use limits::Limits;
use listener::{Door, bind};
use master_key::KeyFile;
use network::Proxies;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tls::Certificate;
use tokio::net::TcpListener;
use urls::Urls;
use watch::Watch;

/// Where the server can be reached.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Plain HTTP.
    pub http: Vec<SocketAddr>,
    /// HTTP over TLS.
    pub https: Vec<SocketAddr>,
    /// LDAP.
    pub ldap: Vec<SocketAddr>,
    /// LDAP over TLS.
    pub ldaps: Vec<SocketAddr>,
    /// The operators' socket.
    pub socket: PathBuf,
    /// The URL under which browsers reach the server.
    pub public_url: String,
}

/// A server that runs.
pub struct Running {
    addresses: Addresses,
    core: Arc<Core>,
    store: Store,
    watch: Arc<Watch>,
    certificate: Option<Arc<Certificate>>,
    drain: Duration,
    life: Life,
}

/// The listening sockets, bound before anything depends on their ports.
struct Sockets {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    ldap: Vec<TcpListener>,
    ldaps: Vec<TcpListener>,
}

/// Starts a server. It answers when this returns.
pub async fn start(config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Running, ConfigError> {
    let data = config.data.clone().ok_or_else(|| ConfigError::new("`data` is missing: name the data folder"))?;
    // Nothing is made before the store has judged the folder.
    let store = open_store(&data, &config.limits)?;
    // All that can be refused of the data comes before the first thing that is written to it.
    let note = self::data::check(&store)?;
    let watch = Arc::new(Watch::begin(clock, &store).map_err(|error| ConfigError::new(error.to_string()))?);
    let clock: Arc<dyn Clock> = watch.clone();
    let registry = open_registry(&config, &data, &store, &clock, &entropy).await?;
    note.write(&store).await?;
    // The data folder may be one that others can look into; what we keep in it is not for them.
    let spool = data.join("import");
    files::make_private_folder(&spool)?;
    // Files that were being imported when a server ended early can hold passwords. The store is
    // ours by now, so nobody imports them.
    files::remove_files(&spool)?;
    let core = Core::new(Parts {
        registry,
        work: Arc::new(Work::new(config.limits.threads(), config.limits.places())),
        clock,
        entropy,
        waiting: (&config.limits).into(),
    });
    let core = Arc::new(core.map_err(|error| ConfigError::new(error.to_string()))?);

    let certificate = config.tls.as_ref().map(|tls| Certificate::read(&tls.certificate, &tls.key)).transpose()?;
    let sockets = Sockets {
        http: bind("http", &config.listen.http, true).await?,
        https: bind("https", &config.listen.https, true).await?,
        ldap: bind("ldap", &config.listen.ldap, true).await?,
        ldaps: bind("ldaps", &config.listen.ldaps, true).await?,
    };
    let socket = admin::socket_path(&data).map_err(|error| ConfigError::new(error.to_string()))?;
    let operators = unix::bind(&socket)?;
    let addresses = addresses(&config, &sockets, socket)?;

    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let room = descriptors::room(&config.listen, &config.limits, cores);
    let life = Life::default();
    let [web, directory] = [room; 2].map(Gate::new);
    let crowd = Crowd::new(config.limits.requests(room.places));
    let metrics = health::Metrics::install(store.clone(), Arc::clone(&core), &web, &directory, &crowd);
    let http = Arc::new(http(&config, &core, (web, crowd), metrics, &addresses.public_url)?);
    let https = certificate.as_ref().map(|certificate| certificate.acceptor(&[b"h2", b"http/1.1"])).transpose()?;
    let admin = Arc::new(admin::App { core: Arc::clone(&core), spool });
    life.spawn(unix::serve(operators, http::join(vec![admin::routes(admin)]), life.clone()));
    // Each kind has lanes of its own: what one request of a browser takes stalls no directory.
    if !(sockets.http.is_empty() && sockets.https.is_empty()) {
        let lanes = Lanes::start("web", cores, &core.clock)?;
        http::serve(&http, sockets.http, None, &lanes, &life);
        if https.is_some() {
            http::serve(&http, sockets.https, https, &lanes, &life);
        }
    }
    if !(sockets.ldap.is_empty() && sockets.ldaps.is_empty()) {
        let lanes = Lanes::start("directory", cores, &core.clock)?;
        let directory = Door { gate: directory, proxies: Arc::new([]) };
        Ldap::new(&core, &config.limits, directory, lanes, certificate.as_ref())?.serve(sockets.ldap, sockets.ldaps, &life);
    }
    tasks::start(&core, store.clone(), Arc::clone(&watch), &life);
    Ok(Running { addresses, core, store, watch, certificate, drain: config.limits.drain(), life })
}

impl Running {
    /// Where it can be reached.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The core behind its faces.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Its store, for counting what it does.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Reads the certificate again; the one in use stays if the new one cannot be used.
    pub fn reload_certificate(&self) {
        if let Some(certificate) = &self.certificate {
            match certificate.reload() {
                Ok(()) => tracing::info!("the certificate has been read again"),
                Err(error) => tracing::error!(%error, "the certificate in use stays"),
            }
        }
    }

    /// Takes no more connections, lets running requests end within the drain time, notes the time,
    /// and closes the store.
    pub async fn stop(self) {
        if !self.life.end(self.drain).await {
            tracing::warn!("some requests did not end in time");
        }
        let _ = std::fs::remove_file(&self.addresses.socket);
        if let Err(error) = self.watch.note_the_end(&self.store).await {
            tracing::warn!(%error, "the time of the stop cannot be noted");
        }
        drop(self.core);
        self.store.close();
    }
}

fn open_store(data: &Path, limits: &Limits) -> Result<Store, ConfigError> {
    Store::open(data, limits.store(), SegmentSync::install()).map_err(|ReadError(message)| ConfigError::new(message))
}

/// The registry under the master key, which is found to be the store's before anything depends on
/// it.
async fn open_registry(
    config: &Config,
    data: &Path,
    store: &Store,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Registry, ConfigError> {
    let file = KeyFile::of(config.master_key_file.as_deref(), data);
    let is_unused = pool::master_key::is_unused(store).map_err(|error| ConfigError::new(error.to_string()))?;
    let found = file.read(is_unused, entropy.as_ref())?;
    let registry = Registry::open(store.clone(), found.key.clone(), Arc::clone(clock), Arc::clone(entropy)).await;
    let registry = registry.map_err(|error| file.refuse(&error))?;
    file.keep_private(&found)?;
    Ok(registry)
}

fn addresses(config: &Config, sockets: &Sockets, socket: PathBuf) -> Result<Addresses, ConfigError> {
    let of = |sockets: &[TcpListener]| sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect::<Vec<_>>();
    let http = of(&sockets.http);
    let public_url = match (&config.public_url, http.first()) {
        (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
        (None, Some(address)) => format!("http://localhost:{}", address.port()),
        (None, None) => "http://localhost".to_owned(),
    };
    Ok(Addresses { http, https: of(&sockets.https), ldap: of(&sockets.ldap), ldaps: of(&sockets.ldaps), socket, public_url })
}

fn http(
    config: &Config,
    core: &Arc<Core>,
    (gate, crowd): (Arc<Gate>, Arc<Crowd>),
    metrics: health::Metrics,
    public_url: &str,
) -> Result<http::Http, ConfigError> {
    let public = public_url.parse().map_err(|error| ConfigError::new(format!("`public_url`: {error}")))?;
    let entrance = Entrance::new(Arc::clone(core), login::page);
    Ok(http::Http {
        core: Arc::clone(core),
        urls: Urls::new(public, config.pool_urls.unwrap_or(PoolUrls::Path)),
        proxies: Proxies::new(config.trusted_proxies.clone()),
        routes: http::join(vec![oidc::routes(entrance.clone()), saml::routes(entrance), login::routes(Arc::clone(core))]),
        door: Door { gate, proxies: config.trusted_proxies.clone().into() },
        crowd,
        patience: config.limits.handshake(),
        metrics,
    })
}

#[cfg(test)]
mod tests;
