//! A legacy application's login: it knows a service account and an LDAP directory, and nothing of
//! pools.
//!
//! It binds as the service account, looks for the entry of whoever wants to log in, binds as that
//! entry with the password that was typed, and reads the groups. All of it goes over StartTLS, to a
//! server whose certificate the given authority has signed.
//!
//! ```sh
//! cargo run --release --example legacy_ldap_app -- alice    # against `poolgate demo`; --help lists the options
//! ```

use clap::Parser;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, ldap_escape};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long the directory may take to answer the connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a wrong password and an unknown name: which of them it was is nobody's business.
const REFUSED: &str = "the username or the password is wrong";
/// The result code of a bind with a wrong name or password (RFC 4511, appendix A.1).
const INVALID_CREDENTIALS: u32 = 49;

type Failure = Box<dyn Error>;

/// Logs somebody in against an LDAP directory.
#[derive(Parser)]
struct Options {
    /// Who wants to log in.
    #[arg(default_value = "alice")]
    username: String,
    /// Their password.
    #[arg(long, env = "APP_PASSWORD", default_value = "alice-demo-password", hide_env_values = true)]
    password: String,
    /// The directory, in clear text until StartTLS.
    #[arg(long, env = "LDAP_URL", default_value = "ldap://localhost:3389")]
    url: String,
    /// The certificate (PEM) of the only authority that is trusted; the demo's if not given.
    #[arg(long, env = "LDAP_CA")]
    ca: Option<PathBuf>,
    /// Below which entry the people are.
    #[arg(long, env = "LDAP_BASE", default_value = "ou=people,o=acme")]
    base: String,
    /// The service account.
    #[arg(long, env = "LDAP_BIND_DN", default_value = "cn=legacy-app,ou=services,o=acme")]
    bind_dn: String,
    /// The service account's password.
    #[arg(long, env = "LDAP_BIND_PASSWORD", default_value = "legacy-demo-password", hide_env_values = true)]
    bind_password: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match log_in(&Options::parse()).await {
        Ok(person) => {
            println!("{} logged in", first(&person, "cn"));
            println!("  dn      {}", person.dn);
            println!("  mail    {}", first(&person, "mail"));
            for group in person.attrs.get("memberOf").into_iter().flatten() {
                println!("  group   {group}");
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("not logged in: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The entry of whoever has logged in.
async fn log_in(options: &Options) -> Result<SearchEntry, Failure> {
    // A bind with a name and without a password succeeds at many servers, and proves nothing (RFC
    // 4513, section 5.1.2).
    if options.password.is_empty() {
        return Err(REFUSED.into());
    }
    let mut directory = connect(options).await?;
    let service = directory.simple_bind(&options.bind_dn, &options.bind_password).await?.success();
    service.map_err(|refusal| format!("{} cannot bind: {refusal}", options.bind_dn))?;
    let dn = find(&mut directory, options).await?;

    // From here on the connection acts as the person.
    match directory.simple_bind(&dn, &options.password).await?.success() {
        Err(LdapError::LdapResult { result }) if result.rc == INVALID_CREDENTIALS => return Err(REFUSED.into()),
        bound => bound?,
    };
    let attributes = ["cn", "mail", "memberOf"];
    let (mut found, _) = directory.search(&dn, Scope::Base, "(objectClass=*)", attributes).await?.success()?;
    let person = found.pop().ok_or("the directory does not show people their own entry")?;
    directory.unbind().await?;
    Ok(SearchEntry::construct(person))
}

async fn connect(options: &Options) -> Result<Ldap, Failure> {
    let demo = std::env::temp_dir().join("poolgate-demo/certs/ca.pem");
    let trust = trust(options.ca.as_ref().unwrap_or(&demo))?;
    let settings = LdapConnSettings::new().set_starttls(true).set_config(trust).set_conn_timeout(PATIENCE);
    let connected = LdapConnAsync::with_settings(settings, &options.url).await;
    let (connection, directory) = connected.map_err(|error| format!("{}: {error}", options.url))?;
    // When the connection breaks, the operations on it tell.
    tokio::spawn(connection.drive());
    Ok(directory)
}

/// The name of the one entry that has this uid.
async fn find(directory: &mut Ldap, options: &Options) -> Result<String, Failure> {
    // Escaped, or `*` and `)(` in a username would change what is searched for.
    let filter = format!("(&(objectClass=person)(uid={}))", ldap_escape(options.username.as_str()));
    let (mut found, _) = directory.search(&options.base, Scope::Subtree, &filter, ["1.1"]).await?.success()?;
    found.retain(|entry| !entry.is_ref());
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(SearchEntry::construct(only).dn),
        (Some(_), false) => Err(format!("more than one entry matches {filter}").into()),
        (None, _) => Err(REFUSED.into()),
    }
}

/// What a TLS client needs to know that trusts this authority and no other.
fn trust(authority: &Path) -> Result<Arc<rustls::ClientConfig>, Failure> {
    let certificate = CertificateDer::from_pem_file(authority).map_err(|error| format!("{}: {error}", authority.display()))?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate)?;
    Ok(Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

fn first<'a>(person: &'a SearchEntry, attribute: &str) -> &'a str {
    person.attrs.get(attribute).and_then(|values| values.first()).map_or("", String::as_str)
}
