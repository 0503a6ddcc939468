//! The server's certificate: reading it, changing it while the server runs, and making one for
//! development.

use super::error::ConfigError;
use super::files::make_private_folder;
use crate::model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

/// The certificate in use, which [`Certificate::reload`] replaces for new connections.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the chain and the key, both PEM.
    pub fn read(chain: &Path, key: &Path) -> Result<Arc<Self>, ConfigError> {
        let current = RwLock::new(Arc::new(certified(chain, key)?));
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), current }))
    }

    /// Reads the files again. On an error the certificate in use stays.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let fresh = Arc::new(certified(&self.chain, &self.key)?);
        if let Ok(mut current) = self.current.write() {
            *current = fresh;
        }
        Ok(())
    }

    /// An acceptor that offers these protocols by ALPN (RFC 7301), most wanted first.
    pub fn acceptor(self: &Arc<Self>, protocols: &[&[u8]]) -> Result<TlsAcceptor, ConfigError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::new(format!("TLS: {error}")))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.read().ok().map(|current| Arc::clone(&current))
    }
}

fn certified(chain: &Path, key: &Path) -> Result<CertifiedKey, ConfigError> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| ConfigError::new(format!("{}: {error}", path.display()));
    let certificates =
        CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| unreadable(chain, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    let signing = aws_lc_rs::sign::any_supported_type(&private).map_err(|error| unreadable(key, &error))?;
    let certified = CertifiedKey::new(certificates, signing);
    certified.keys_match().map_err(|error| ConfigError::new(format!("{} and {}: {error}", chain.display(), key.display())))?;
    Ok(certified)
}

/// Files of a development certificate.
#[derive(Clone, Debug)]
pub struct DevelopmentFiles {
    /// The authority that clients are told to trust.
    pub authority: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// How long a development certificate is good for.
const DEVELOPMENT_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Makes an authority and a certificate for this machine's own names in the folder, unless they are
/// there already. The authority's key is not kept, so nothing else can ever be signed with it.
pub fn development(folder: &Path, now: Timestamp) -> Result<DevelopmentFiles, ConfigError> {
    let files =
        DevelopmentFiles { authority: folder.join("ca.pem"), certificate: folder.join("server.pem"), key: folder.join("server.key") };
    if !files.key.exists() {
        // It may be the first thing in the data folder, which is made on the way.
        make_private_folder(folder)?;
        make_development(&files, now).map_err(|error| ConfigError::new(format!("{}: {error}", folder.display())))?;
    }
    Ok(files)
}

fn make_development(files: &DevelopmentFiles, now: Timestamp) -> Result<(), Box<dyn std::error::Error>> {
    let from = OffsetDateTime::from_unix_timestamp(now.seconds())?;
    let named = |name: &str| {
        let mut distinguished = DistinguishedName::new();
        distinguished.push(DnType::CommonName, name);
        distinguished
    };

    let mut authority = CertificateParams::default();
    authority.distinguished_name = named("Poolgate development CA");
    (authority.not_before, authority.not_after) = (from, from + DEVELOPMENT_LIFETIME);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut server = CertificateParams::new(own_names())?;
    (server.not_before, server.not_after) = (from, from + DEVELOPMENT_LIFETIME);
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.distinguished_name = named("localhost");
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate()?;
    let server_certificate = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;

    std::fs::write(&files.authority, authority_certificate.pem())?;
    std::fs::write(&files.certificate, server_certificate.pem())?;
    // The key comes last: it is what says that the set is complete.
    super::files::write_private(&files.key, server_key.serialize_pem().as_bytes())?;
    Ok(())
}

/// The machine's names for itself. OpenLDAP's library takes `localhost` for the host name, so that
/// belongs to them.
fn own_names() -> Vec<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let mut names = ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
    if !host.is_empty() && host != "localhost" {
        names.push(host.to_owned());
    }
    names
}
