//! `poolgate demo`: a ready server on loopback with sample pools. Seeds them through the admin API,
//! as an operator would.

use super::client::{Client, segment};
use super::serve::Signals;
use super::{Failure, Outcome};
use crate::admin::own_folder;
use crate::admin::types::{
    AcsDocument, AttributeDocument, MappingDocument, NewClient, NewGroup, NewPool, NewService, NewUser, ProviderDocument,
    ServiceProviderDocument,
};
use crate::model::Clock;
use crate::server::config::{Config, Listen, Log, PoolUrls, Tls};
use crate::server::limits::Limits;
use crate::server::{self, Addresses, DevelopmentFiles, SystemClock, SystemEntropy};
use clap::Args;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One sample pool: its slug, what people see, its users (uid, given name, family name) and its
/// administrator.
struct SamplePool {
    slug: &'static str,
    display_name: &'static str,
    users: &'static [(&'static str, &'static str, &'static str)],
    administrator: &'static str,
}

const POOLS: &[SamplePool] = &[
    SamplePool {
        slug: "acme",
        display_name: "Acme",
        users: &[("alice", "Alice", "Archer"), ("bob", "Bob", "Baker"), ("carol", "Carol", "Clark")],
        administrator: "carol",
    },
    SamplePool {
        slug: "suppliers",
        display_name: "Suppliers",
        users: &[("erin", "Erin", "Evans"), ("frank", "Frank", "Fisher")],
        administrator: "frank",
    },
];

/// The file that says that a demo made the folder.
const MARK: &str = "demo";

/// Connections of a kind: as many as fit under the usual limits of open files.
const MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The most threads for password hashing.
const MAX_WORK_THREADS: usize = 3;

/// What acme proves itself with at suppliers.
const BRIDGE_SECRET: &str = "bridge-demo-secret";

/// Runs a server with sample pools on this machine's loopback addresses.
#[derive(Args)]
pub struct Demo {
    /// The data folder, of a demo's own; `poolgate-demo` in the folder for temporary files if not
    /// given.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The port for plain HTTP; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    http_port: u16,
    /// The port for HTTPS; 0 takes a free one.
    #[arg(long, default_value_t = 8443)]
    https_port: u16,
    /// The port for LDAP with StartTLS; 0 takes a free one.
    #[arg(long, default_value_t = 3389)]
    ldap_port: u16,
    /// The port for LDAPS; 0 takes a free one.
    #[arg(long, default_value_t = 3636)]
    ldaps_port: u16,
}

impl Demo {
    /// Starts, seeds, tells what to try, and serves until it is stopped.
    pub async fn run(self) -> Outcome {
        let data = match &self.data {
            Some(data) => data.clone(),
            None => default_data()?,
        };
        server::start_logging(&Log { filter: "warn".parse().map_err(Failure::new)?, ..Log::default() })?;
        take(&data)?;
        let certificate = server::development_certificate(&data.join("certs"), SystemClock::default().now())?;
        let config = self.config(&data, &certificate);
        let signals = Signals::listen()?;
        let running = server::start(config, Arc::new(SystemClock::default()), Arc::new(SystemEntropy::default())).await?;
        seed(&data, &running.addresses().public_url).await?;
        print(&data, &certificate, running.addresses());
        println!("ready");
        signals.until_stopped(running).await
    }

    fn config(&self, data: &Path, certificate: &DevelopmentFiles) -> Config {
        let loopback = |port| vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        Config {
            data: Some(data.to_owned()),
            pool_urls: Some(PoolUrls::Path),
            listen: Listen {
                http: loopback(self.http_port),
                https: loopback(self.https_port),
                ldap: loopback(self.ldap_port),
                ldaps: loopback(self.ldaps_port),
            },
            tls: Some(Tls { certificate: certificate.certificate.clone(), key: certificate.key.clone() }),
            limits: Limits { work_threads: work_threads(), connections: MAX_CONNECTIONS, ..Limits::default() },
            ..Config::default()
        }
    }
}

/// One thread a core, as a server has, but few: each holds the memory of a password hash, and a
/// demo stays small on a large machine.
fn work_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORK_THREADS)
}

/// The data folder of a demo that was given none. Everybody may write where it lies, so it must be
/// ours.
fn default_data() -> Outcome<PathBuf> {
    let data = std::env::temp_dir().join("poolgate-demo");
    own_folder(&data)?;
    Ok(data)
}

/// Takes a folder for demos: one in which nothing is, or that a demo took before. Everybody knows
/// the passwords of the sample pools, so these must never come into a store of somebody's.
fn take(data: &Path) -> Outcome {
    let mark = data.join(MARK);
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", data.display()));
    let is_empty = match std::fs::read_dir(data) {
        Ok(mut inside) => inside.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => std::fs::create_dir_all(data).map(|()| true).map_err(failed)?,
        Err(error) => return Err(failed(error)),
    };
    if !is_empty && !mark.exists() {
        return Err(Failure::new(format!(
            "{} holds something that no demo made, and sample pools with passwords that everybody knows do not belong there; \
             name an empty folder with --data, or delete what is in this one",
            data.display()
        )));
    }
    std::fs::write(&mark, "This folder belongs to `poolgate demo`.\n").map_err(failed)
}

/// Puts the sample pools into an empty server. What is there already stays as it is.
pub async fn seed(data: &Path, public_url: &str) -> Outcome {
    let mut client = Client::connect(data).await?;
    for pool in POOLS {
        seed_pool(&mut client, pool).await?;
    }
    add(&mut client, "/pools/acme/services", "legacy-app", &legacy_app()).await?;
    add(&mut client, "/pools/acme/clients", "demo-app", &demo_app()).await?;
    add(&mut client, "/pools/acme/service-providers", "http://localhost:9091/metadata", &demo_service_provider()).await?;
    seed_bridge(&mut client, public_url).await
}

/// The bridge from suppliers to acme. Both ends hold URLs of this server, so they are made anew
/// when it runs on another port than last time.
async fn seed_bridge(client: &mut Client, public_url: &str) -> Outcome {
    let (relying, provider) = (bridge_client(public_url), bridge_provider(public_url));
    let (clients, providers) = ("/pools/suppliers/clients", "/pools/acme/identity-providers");
    let known = client.get(&format!("{providers}/{}", provider.name)).await.ok();
    let issuer = known.as_ref().and_then(|known| known.get("issuer")).and_then(serde_json::Value::as_str);
    if issuer.is_some_and(|issuer| issuer != provider.issuer) {
        client.delete(&format!("{clients}/{}", relying.client_id)).await?;
        client.delete(&format!("{providers}/{}", provider.name)).await?;
    }
    add(client, clients, "acme", &relying).await?;
    add(client, providers, "suppliers", &provider).await
}

async fn seed_pool(client: &mut Client, pool: &SamplePool) -> Outcome {
    let (slug, display_name) = (pool.slug.to_owned(), Some(pool.display_name.to_owned()));
    let mut new = NewPool { slug, suffix: None, display_name, settings: Default::default() };
    // The sample passwords are made of the sample names, so that nobody has to look them up.
    new.settings.password.refuse_names = false;
    // So is the sample client's secret: everybody knows it, whatever its length.
    new.settings.client_secrets.min_length = 8;
    add(client, "/pools", pool.slug, &new).await?;
    let path = |kind: &str| format!("/pools/{}/{kind}", pool.slug);
    for (uid, given_name, family_name) in pool.users {
        let user = NewUser {
            uid: (*uid).to_owned(),
            password: Some(format!("{uid}-demo-password")),
            mail: Some(format!("{uid}@{}.example", pool.slug)),
            given_name: Some((*given_name).to_owned()),
            family_name: Some((*family_name).to_owned()),
            ..NewUser::default()
        };
        add(client, &path("users"), uid, &user).await?;
    }
    let everybody = pool.users.iter().map(|(uid, ..)| (*uid).to_owned()).collect();
    let staff = NewGroup { cn: "staff".to_owned(), description: Some("Everybody".to_owned()), members: everybody };
    add(client, &path("groups"), "staff", &staff).await?;
    let administrators = vec![pool.administrator.to_owned()];
    let admins = NewGroup { cn: "admins".to_owned(), description: Some("Administrators of the pool".to_owned()), members: administrators };
    add(client, &path("groups"), "admins", &admins).await
}

/// Adds what is not there yet, so that starting again changes nothing.
async fn add(client: &mut Client, list: &str, name: &str, document: &impl serde::Serialize) -> Outcome {
    if client.get(&format!("{list}/{}", segment(name))).await.is_ok() {
        return Ok(());
    }
    client.post(list, document).await.map(drop).map_err(|failure| Failure::new(format!("{list}/{name}: {}", failure.message)))
}

fn legacy_app() -> NewService {
    NewService {
        cn: "legacy-app".to_owned(),
        description: Some("An application that binds and searches".to_owned()),
        password: Some("legacy-demo-password".to_owned()),
    }
}

fn demo_app() -> NewClient {
    NewClient {
        client_id: "demo-app".to_owned(),
        name: "Demo application".to_owned(),
        secret: Some("demo-secret".to_owned()),
        redirect_uris: vec!["http://localhost:9090/callback".to_owned(), "http://127.0.0.1:9090/callback".to_owned()],
        first_party: true,
        ..NewClient::default()
    }
}

fn demo_service_provider() -> ServiceProviderDocument {
    let attribute = |name: &str| AttributeDocument { source: name.to_owned(), name: name.to_owned() };
    ServiceProviderDocument {
        entity_id: "http://localhost:9091/metadata".to_owned(),
        name: "Demo service provider".to_owned(),
        acs: vec![AcsDocument { url: "http://localhost:9091/acs".to_owned(), index: 0, is_default: true }],
        name_id: "persistent".to_owned(),
        attributes: ["uid", "mail", "displayName"].map(attribute).into(),
        sign: "both".to_owned(),
        request_certificates: Vec::new(),
        require_signed_requests: false,
    }
}

fn bridge_client(public_url: &str) -> NewClient {
    NewClient {
        client_id: "acme".to_owned(),
        name: "Acme".to_owned(),
        secret: Some(BRIDGE_SECRET.to_owned()),
        redirect_uris: vec![format!("{public_url}/pools/acme/oauth2/idpresponse")],
        first_party: true,
        ..NewClient::default()
    }
}

fn bridge_provider(public_url: &str) -> ProviderDocument {
    ProviderDocument {
        name: "suppliers".to_owned(),
        display_name: Some("Suppliers".to_owned()),
        issuer: format!("{public_url}/pools/suppliers"),
        client_id: "acme".to_owned(),
        client_secret: Some(BRIDGE_SECRET.to_owned()),
        // In suppliers only administrators write mail addresses, and the pool calls none of them
        // verified.
        mapping: MappingDocument { unverified_mail: true, ..MappingDocument::default() },
        mail_domains: vec!["suppliers.example".to_owned()],
    }
}

fn print(data: &Path, certificate: &DevelopmentFiles, addresses: &Addresses) {
    let port = |sockets: &[SocketAddr]| sockets.first().map_or(0, SocketAddr::port);
    let (url, ldap) = (&addresses.public_url, port(&addresses.ldap));
    println!("Poolgate demo");
    println!();
    println!("Data folder      {}", data.display());
    println!("CA certificate   {}", certificate.authority.display());
    println!("HTTP             {url}");
    println!("HTTPS            https://localhost:{}", port(&addresses.https));
    println!("LDAP (StartTLS)  ldap://localhost:{ldap}");
    println!("LDAPS            ldaps://localhost:{}", port(&addresses.ldaps));
    for pool in POOLS {
        println!();
        println!("Pool {} — suffix o={}", pool.slug, pool.slug);
        println!("  OpenID Connect issuer   {url}/pools/{}", pool.slug);
        println!("  SAML metadata           {url}/pools/{}/saml2/metadata", pool.slug);
        for (uid, ..) in pool.users {
            let role = if *uid == pool.administrator { "  (administrator)" } else { "" };
            let dn = format!("uid={uid},ou=people,o={}", pool.slug);
            println!("  {dn:<34} {uid}-demo-password{role}");
        }
    }
    println!();
    println!("Applications of acme");
    println!("  Service account   cn=legacy-app,ou=services,o=acme   legacy-demo-password");
    println!("  OpenID Connect    demo-app   secret demo-secret   redirect http://localhost:9090/callback");
    println!("  SAML              http://localhost:9091/metadata   ACS http://localhost:9091/acs");
    println!("  Bridge            people of suppliers log in to acme with “Continue with Suppliers”");
    println!();
    println!("Try");
    println!("  LDAPTLS_CACERT={} ldapsearch -ZZ -H ldap://localhost:{ldap} -x \\", certificate.authority.display());
    println!("    -D uid=alice,ou=people,o=acme -w alice-demo-password -b o=acme '(uid=bob)'");
    println!();
}
