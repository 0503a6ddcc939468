//! The configuration file `poolgate.toml` and the `POOLGATE_…` variables that override it.
//!
//! Unknown keys of the file are refused. An error names the file and the line, or the variable.

use super::error::ConfigError;
use super::limits::Limits;
use super::log_filter::LogFilter;
use super::network::Network;
use super::variables::{self, Variable};
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the operator configures for the whole server. Settings of pools live in the store.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data folder.
    pub data: Option<PathBuf>,
    /// The file with the master key that seals secrets; 32 bytes in base64. Without it:
    /// `master.key` in the data folder, made at the first start.
    pub master_key_file: Option<PathBuf>,
    /// The URL under which browsers reach the server. May be left out where only loopback is
    /// listened on.
    pub public_url: Option<url::Url>,
    /// Whether a pool is a path under the public URL or a subdomain of its host.
    pub pool_urls: Option<PoolUrls>,
    /// Where to listen.
    pub listen: Listen,
    /// The server's certificate.
    pub tls: Option<Tls>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// What is logged, and how.
    pub log: Log,
    /// Limits of the whole server.
    pub limits: Limits,
}

/// A configuration as it was read.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Names of `POOLGATE_…` variables that stand over the file.
    pub variables: Vec<String>,
    /// Names of those that name none of its keys.
    pub unknown_variables: Vec<String>,
}

/// The most threads for passwords and signatures: each holds the memory of a hash.
pub const MAX_WORK_THREADS: usize = 1024;

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

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter such as `info` or `poolgate=debug,warn`.
    pub filter: LogFilter,
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
        Self { filter: LogFilter::default(), format: LogFormat::Text }
    }
}

impl Config {
    /// Reads the file and the variables over it, and checks what must hold for `poolgate serve`.
    pub fn load(file: &Path) -> Result<Loaded, ConfigError> {
        Self::read(file, Variable::of_process())
    }

    fn read(file: &Path, variables: Vec<Variable>) -> Result<Loaded, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError::new(format!("{}: {error}", file.display())))?;
        // Read once with line numbers for the messages, then again merged with the variables.
        toml::from_str::<Self>(&text).map_err(|error| in_file(file, &text, &error))?;
        let merged = variables::merge::<Self>(&text, variables).map_err(ConfigError::new)?;
        let over = match merged.taken.as_slice() {
            [] => String::new(),
            taken => format!(" with {} over it", taken.join(", ")),
        };
        merged.config.check().map_err(|message| ConfigError::new(format!("{}{over}: {message}", file.display())))?;
        Ok(Loaded { config: merged.config, variables: merged.taken, unknown_variables: merged.unknown })
    }

    fn check(&self) -> Result<(), String> {
        match &self.data {
            None => return Err("`data` is missing: name the data folder".to_owned()),
            Some(data) if data.as_os_str().is_empty() => return Err("`data` is empty: name the data folder".to_owned()),
            Some(_) => {}
        }
        if self.limits.work_threads > MAX_WORK_THREADS {
            return Err(format!("`limits.work_threads`: {} is more than {MAX_WORK_THREADS}; 0 means one a core", self.limits.work_threads));
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

/// What is wrong with the text of the file, with its line and its key.
fn in_file(file: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or_else(String::new, |before| format!(":{}", before.matches('\n').count() + 1));
    let key = variables::bad_key::<Config>(text).map_or_else(String::new, |key| format!(" `{key}`:"));
    ConfigError::new(format!("{}{line}:{key} {}", file.display(), error.message()))
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
    use crate::authn::WaitingLimits;

    fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("poolgate.toml");
        std::fs::write(&file, text).unwrap();
        let variables = variables.iter().filter_map(|(name, value)| Variable::new(name, value)).collect();
        Config::read(&file, variables).map_err(|error| error.to_string().replace(&file.display().to_string(), "poolgate.toml"))
    }

    fn load(text: &str) -> Result<Config, String> {
        load_with(text, &[]).map(|loaded| loaded.config)
    }

    const GOOD: &str = "data = \"/var/lib/poolgate\"\npool_urls = \"path\"\n[listen]\nhttp = [\"127.0.0.1:8080\"]\n";

    #[test]
    fn reads_a_small_file() {
        let config = load(GOOD).unwrap();
        assert_eq!(config.pool_urls, Some(PoolUrls::Path));
        assert_eq!(config.listen.http.len(), 1);
        assert_eq!(config.limits.work_queue_per_pool.get(), 256);
    }

    #[test]
    fn more_threads_than_a_machine_starts_are_refused() {
        let threads = |count: usize| load(&format!("{GOOD}[limits]\nwork_threads = {count}\n"));
        assert!(threads(MAX_WORK_THREADS).is_ok());
        assert!(threads(MAX_WORK_THREADS + 1).unwrap_err().contains("`limits.work_threads`: 1025 is more than 1024"));
    }

    #[test]
    fn an_empty_data_folder_is_none() {
        let message = load_with(GOOD, &[("POOLGATE_DATA", "")]).unwrap_err();
        assert!(message.contains("POOLGATE_DATA") && message.ends_with("`data` is empty: name the data folder"), "{message}");
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
        for proxy in ["127.0.0.1", "::1"] {
            let proxy = proxy.parse().unwrap();
            assert!(example.trusted_proxies.iter().any(|network| network.contains(proxy)), "plain HTTP is there for a proxy on {proxy}");
        }
    }

    #[test]
    fn limits_are_set_one_by_one() {
        let limits = "[limits]\nconnections = 5\nwaiting_logins_per_browser = 3\nwaiting_logins_per_address = 40\n[limits.ldap]\nsearch_entries = 500\n";
        let config = load(&format!("{GOOD}{limits}")).unwrap();
        assert_eq!((config.limits.connections.get(), config.limits.connections_per_address.get()), (5, 1_000));
        assert_eq!(WaitingLimits::from(&config.limits), WaitingLimits { per_browser: 3, per_address: 40 });
        assert_eq!((config.limits.ldap.search_entries.get(), config.limits.ldap.search_seconds.get()), (500, 60));
    }

    #[test]
    fn a_variable_that_names_no_key_is_told_and_changes_nothing() {
        let loaded = load_with(
            GOOD,
            &[
                // What Kubernetes sets where a service is called poolgate.
                ("POOLGATE_SERVICE_HOST", "10.0.0.1"),
                ("POOLGATE_SERVICE_PORT", "443"),
                ("POOLGATE_SERVICE_PORT_LDAPS", "636"),
                ("POOLGATE_PORT", "tcp://10.0.0.1:443"),
                ("POOLGATE_PORT_443_TCP", "tcp://10.0.0.1:443"),
                ("POOLGATE_PORT_443_TCP_PROTO", "tcp"),
                ("POOLGATE_PORT_443_TCP_ADDR", "10.0.0.1"),
                ("POOLGATE_LISTEN__HTPS", "[]"),
                ("POOLGATE_LIMITS__LDAP__SEARCH", "7"),
                ("POOLGATE_TLS__CERT", "x"),
                ("POOLGATE_MAIL__RELAY", "smtp://x"),
                ("POOLGATE_", "x"),
                ("POOLGATE_LOG__", "x"),
                ("OTHER_DATA", "x"),
                // And those that are meant.
                ("POOLGATE_DATA", "/elsewhere"),
                ("POOLGATE_LIMITS__LDAP__SEARCH_ENTRIES", "7"),
                ("POOLGATE_TLS__CERTIFICATE", "c.pem"),
                ("POOLGATE_TLS__KEY", "c.key"),
            ],
        )
        .unwrap();
        assert_eq!(
            loaded.unknown_variables,
            [
                "POOLGATE_",
                "POOLGATE_LIMITS__LDAP__SEARCH",
                "POOLGATE_LISTEN__HTPS",
                "POOLGATE_LOG__",
                "POOLGATE_MAIL__RELAY",
                "POOLGATE_PORT",
                "POOLGATE_PORT_443_TCP",
                "POOLGATE_PORT_443_TCP_ADDR",
                "POOLGATE_PORT_443_TCP_PROTO",
                "POOLGATE_SERVICE_HOST",
                "POOLGATE_SERVICE_PORT",
                "POOLGATE_SERVICE_PORT_LDAPS",
                "POOLGATE_TLS__CERT",
            ]
        );
        assert_eq!(
            loaded.variables,
            ["POOLGATE_DATA", "POOLGATE_LIMITS__LDAP__SEARCH_ENTRIES", "POOLGATE_TLS__CERTIFICATE", "POOLGATE_TLS__KEY"],
            "what stands over the file is told"
        );
        let config = loaded.config;
        assert_eq!((config.data.unwrap(), config.listen.https.len()), (PathBuf::from("/elsewhere"), 0));
        assert_eq!((config.limits.ldap.search_entries.get(), config.tls.unwrap().key), (7, PathBuf::from("c.key")));
    }

    #[test]
    fn a_variable_with_a_bad_value_is_refused_by_its_name() {
        for (name, value, expected) in [
            ("POOLGATE_LIMITS__DRAIN_SECONDS", "soon", "POOLGATE_LIMITS__DRAIN_SECONDS: invalid type"),
            ("POOLGATE_LIMITS__CONNECTIONS", "0", "POOLGATE_LIMITS__CONNECTIONS: invalid value"),
            ("POOLGATE_LISTEN__LDAP", "[\"nowhere\"]", "POOLGATE_LISTEN__LDAP: "),
            ("POOLGATE_LISTEN", "7", "POOLGATE_LISTEN: invalid type"),
            ("POOLGATE_DATA__X", "7", "POOLGATE_DATA__X: invalid type"),
            ("POOLGATE_POOL_URLS", "both", "POOLGATE_POOL_URLS: "),
            ("POOLGATE_TLS__KEY", "c.key", "POOLGATE_TLS__KEY: missing field"),
            ("POOLGATE_LOG__FILTER", "inof", "POOLGATE_LOG__FILTER: `inof` names no level"),
            ("POOLGATE_TRUSTED_PROXIES", "[\"10.0.0.0/64\"]", "POOLGATE_TRUSTED_PROXIES: "),
            ("POOLGATE_LISTEN__HTTP", "[\"192.0.2.1:80\"]", "poolgate.toml with POOLGATE_LISTEN__HTTP over it: `listen.http`"),
        ] {
            let said = load_with(GOOD, &[("POOLGATE_SERVICE_HOST", "x"), (name, value)]).unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn a_filter_that_would_log_nothing_is_named_with_its_line() {
        let message = load(&format!("{GOOD}[log]\nfilter = \"inof\"\n")).unwrap_err();
        assert!(message.starts_with("poolgate.toml:6: `log.filter`: `inof` names no level"), "{message}");
    }

    #[test]
    fn keys_without_an_effect_are_none() {
        for gone in ["admin_url = \"https://admin.example\"", "[mail]\nrelay = \"smtp://x\"\nfrom = \"a@b\""] {
            let message = load(&format!("{}\n{gone}\n", GOOD.split("[listen]").next().unwrap())).unwrap_err();
            assert!(message.contains("unknown field"), "{message}");
        }
    }

    #[test]
    fn a_wrong_type_is_named_with_its_line() {
        let message = load("data = 7\n").unwrap_err();
        assert!(message.starts_with("poolgate.toml:1: `data`: invalid type"), "{message}");
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
