//! The configuration file `poolgate.toml` and the `POOLGATE_…` variables that override it.
//!
//! Unknown keys are refused. An error names the file and the line, or the variable. A variable is named after its key in capitals, with two
//! underscores between table and key: `POOLGATE_DATA`, `POOLGATE_LISTEN__HTTP`. Lists are written as in TOML: `POOLGATE_LISTEN__HTTP='["127.0.0.1:8080"]'`.

use super::limits::Limits;
use super::network::Network;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the operator configures for the whole server. Settings of pools live in the store.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data folder.
    pub data: Option<PathBuf>,
    /// The file with the master key that seals secrets; 32 bytes in base64. Without it: `master.key` in the data folder, made at the first start.
    pub master_key_file: Option<PathBuf>,
    /// The URL under which browsers reach the server. May be left out where only loopback is listened on.
    pub public_url: Option<url::Url>,
    /// Whether a pool is a path under the public URL or a subdomain of its host.
    pub pool_urls: Option<PoolUrls>,
    /// The URL of the admin API and console, an origin of their own.
    pub admin_url: Option<url::Url>,
    /// Where to listen.
    pub listen: Listen,
    /// The server's certificate.
    pub tls: Option<Tls>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// How mail leaves the server.
    pub mail: Option<Mail>,
    /// What is logged, and how.
    pub log: Log,
    /// Limits of the whole server.
    pub limits: Limits,
}

/// How the URL of a pool is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolUrls {
    /// `{public_url}/pools/{slug}`: for one owner, since all pools share a browser origin.
    Path,
    /// `https://{slug}.{host of public_url}`: an origin for each pool.
    Subdomain,
}

/// Addresses to listen on; none of a kind means that it is off.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Plain HTTP; loopback addresses only.
    pub http: Vec<SocketAddr>,
    /// HTTP over TLS.
    pub https: Vec<SocketAddr>,
    /// LDAP with StartTLS; binds in clear text are answered on loopback only.
    pub ldap: Vec<SocketAddr>,
    /// LDAP over TLS.
    pub ldaps: Vec<SocketAddr>,
}

/// Files of the server's certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// The relay that takes our mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The relay, `smtps://host:465` or `smtp://host:587`.
    pub relay: url::Url,
    /// The sender's address.
    pub from: String,
}

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter such as `info` or `poolgate=debug,warn`.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// What is wrong with the configuration, where, and how to mend it.
#[derive(Debug)]
pub struct ConfigError(String);

impl ConfigError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file and the variables over it, and checks what must hold for `poolgate serve`.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::read(file, Env::prefixed("POOLGATE_").split("__"))
    }

    fn read(file: &Path, variables: Env) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError(format!("{}: {error}", file.display())))?;
        // Read once with line numbers for the messages, then again merged with the variables.
        toml::from_str::<Self>(&text).map_err(|error| in_file(file, &text, &error))?;
        let config: Self = Figment::from(Toml::string(&text))
            .merge(variables)
            .extract()
            .map_err(|error| ConfigError(format!("a POOLGATE_ variable: {error}")))?;
        config.check().map_err(|message| ConfigError(format!("{}: {message}", file.display())))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.data.is_none() {
            return Err("`data` is missing: name the data folder".to_owned());
        }
        if self.pool_urls.is_none() {
            return Err(
                "`pool_urls` is missing: choose \"path\" (all pools have one owner) or \"subdomain\" (an origin for each)".to_owned()
            );
        }
        if let Some(address) = self.listen.http.iter().find(|address| !address.ip().is_loopback()) {
            return Err(format!(
                "`listen.http`: {address} is not a loopback address; plain HTTP is served on loopback only, use `listen.https`"
            ));
        }
        let needs_certificate = !self.listen.https.is_empty() || !self.listen.ldaps.is_empty();
        if needs_certificate && self.tls.is_none() {
            return Err("`listen.https` and `listen.ldaps` need `tls.certificate` and `tls.key`".to_owned());
        }
        match &self.public_url {
            Some(url) => self.check_public_url(url),
            None if self.listen.https.is_empty() && self.pool_urls != Some(PoolUrls::Subdomain) => Ok(()),
            None => Err("`public_url` is missing: the URL under which browsers reach the server".to_owned()),
        }
    }

    fn check_public_url(&self, url: &url::Url) -> Result<(), String> {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !bare || url.host_str().is_none() {
            return Err(format!("`public_url`: {url} must be a scheme, a host and at most a port"));
        }
        if url.scheme() != "https" && !is_loopback_http(url) {
            return Err(format!("`public_url`: {url} must be https, or http on localhost"));
        }
        let subdomains = self.pool_urls == Some(PoolUrls::Subdomain);
        if subdomains && !matches!(url.host(), Some(url::Host::Domain(_))) {
            return Err(format!("`public_url`: {url} must name a domain when `pool_urls` is \"subdomain\""));
        }
        Ok(())
    }
}

/// Whether the URL is plain HTTP to this machine.
pub fn is_loopback_http(url: &url::Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && loopback
}

fn in_file(file: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or_else(String::new, |before| format!(":{}", before.matches('\n').count() + 1));
    ConfigError(format!("{}{line}: {}", file.display(), error.message()))
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("poolgate.toml");
        std::fs::write(&file, text).unwrap();
        // Not the variables of whoever runs the tests.
        Config::read(&file, Env::raw().only(&[])).map_err(|error| error.to_string().replace(&file.display().to_string(), "poolgate.toml"))
    }

    const GOOD: &str = "data = \"/var/lib/poolgate\"\npool_urls = \"path\"\n[listen]\nhttp = [\"127.0.0.1:8080\"]\n";

    #[test]
    fn reads_a_small_file() {
        let config = load(GOOD).unwrap();
        assert_eq!(config.pool_urls, Some(PoolUrls::Path));
        assert_eq!(config.listen.http.len(), 1);
        assert_eq!(config.limits.work_queue_per_pool, 256);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let message = load(&format!("{GOOD}htps = []\n")).unwrap_err();
        assert!(message.starts_with("poolgate.toml:5: unknown field `htps`"), "{message}");
    }

    #[test]
    fn the_example_can_be_read_and_sets_what_is_set_without_it() {
        let example = load(include_str!("../../examples/poolgate.toml")).unwrap();
        assert_eq!(format!("{:?}", example.limits), format!("{:?}", Limits::default()));
    }

    #[test]
    fn limits_are_set_one_by_one() {
        let config = load(&format!("{GOOD}[limits]\nconnections = 5\n[limits.ldap]\nsearch_entries = 500\n")).unwrap();
        assert_eq!((config.limits.connections, config.limits.connections_per_address), (5, 1_000));
        assert_eq!((config.limits.ldap.search_entries.get(), config.limits.ldap.search_seconds.get()), (500, 60));
    }

    #[test]
    fn a_limit_that_lets_nobody_work_is_refused() {
        let message = load(&format!("{GOOD}[limits.ldap]\nmessage_kib = 0\n")).unwrap_err();
        assert!(message.starts_with("poolgate.toml:6: ") && message.contains("nonzero"), "{message}");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_line() {
        let message = load("data = 7\n").unwrap_err();
        assert!(message.starts_with("poolgate.toml:1: invalid type"), "{message}");
    }

    #[test]
    fn what_is_missing_is_said() {
        for (text, expected) in [
            ("pool_urls = \"path\"", "`data` is missing"),
            ("data = \"x\"", "`pool_urls` is missing"),
            ("data = \"x\"\npool_urls = \"path\"\nlisten.http = [\"0.0.0.0:80\"]", "not a loopback address"),
            ("data = \"x\"\npool_urls = \"path\"\nlisten.https = [\"0.0.0.0:443\"]", "need `tls.certificate`"),
            ("data = \"x\"\npool_urls = \"path\"\npublic_url = \"http://id.example\"", "must be https"),
            ("data = \"x\"\npool_urls = \"path\"\npublic_url = \"https://id.example/sso\"", "at most a port"),
            ("data = \"x\"\npool_urls = \"subdomain\"", "`public_url` is missing"),
            ("data = \"x\"\npool_urls = \"subdomain\"\npublic_url = \"https://10.0.0.1\"", "must name a domain"),
        ] {
            let message = load(text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
