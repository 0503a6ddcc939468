//! TLS: the certificate, and how keys are agreed on.

use super::process::configured;
use super::{exchange, status};
use crate::harness::{set_up_tls, trusting};
use crate::served::Served;
use poolgate::model::Clock;
use poolgate::server::{DevelopmentFiles, SystemClock, development_certificate};
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{ClientConfig, NamedGroup, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection within TLS to a server that has a certificate of that authority.
async fn tls(address: SocketAddr, authority: &Path) -> std::io::Result<TlsStream<TcpStream>> {
    connect(address, trusting(authority)).await
}

async fn connect(address: SocketAddr, client: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(client).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// A server with listeners within TLS, and the authority of its development certificate.
async fn served() -> (TempDir, Served, PathBuf) {
    let (folder, file) =
        configured("https = [\"127.0.0.1:0\"]\nldaps = [\"127.0.0.1:0\"]\n[tls]\ncertificate = \"CERTIFICATE\"\nkey = \"KEY\"\n");
    let files = development_certificate(folder.path(), SystemClock::default().now()).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("CERTIFICATE", files.certificate.to_str().unwrap()).replace("KEY", files.key.to_str().unwrap());
    std::fs::write(&file, text).unwrap();
    let served = Served::start(&file, &[("POOLGATE_PUBLIC_URL", "https://localhost")]).await;
    (folder, served, files.authority)
}

/// What is recorded today must stay secret when somebody has a quantum computer: with whoever knows
/// the hybrid key exchange it is used, and who does not know it is served as before.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_exchange_withstands_quantum_computers_where_the_client_knows_it() {
    set_up_tls();
    let (_folder, served, authority) = served().await;
    let only = |group: &'static dyn SupportedKxGroup| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&authority).unwrap()).unwrap();
        let provider = CryptoProvider { kx_groups: vec![group], ..aws_lc_rs::default_provider() };
        let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    };
    for kind in ["https", "ldaps"] {
        let negotiated = async |client| {
            let stream = connect(served.address(kind), client).await.unwrap();
            stream.get_ref().1.negotiated_key_exchange_group().unwrap().name()
        };
        assert_eq!(negotiated(trusting(&authority)).await, NamedGroup::X25519MLKEM768, "{kind}");
        for group in [kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1] {
            assert_eq!(negotiated(only(group)).await, group.name(), "{kind}");
        }
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hang_up_reads_the_certificate_again() {
    let (folder, file) =
        configured("https = [\"127.0.0.1:0\"]\nldaps = [\"127.0.0.1:0\"]\n[tls]\ncertificate = \"CERTIFICATE\"\nkey = \"KEY\"\n");
    let make = |name: &str| development_certificate(&folder.path().join(name), SystemClock::default().now()).unwrap();
    let (old, new) = (make("old"), make("new"));
    let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
    let install = |files: &DevelopmentFiles| {
        std::fs::copy(&files.certificate, &certificate).unwrap();
        std::fs::copy(&files.key, &key).unwrap();
    };
    install(&old);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("CERTIFICATE", certificate.to_str().unwrap()).replace("KEY", key.to_str().unwrap());
    std::fs::write(&file, text).unwrap();
    let mut served = Served::start(&file, &[("POOLGATE_PUBLIC_URL", "https://localhost")]).await;
    let doors = [served.address("https"), served.address("ldaps")];
    for door in doors {
        tls(door, &old.authority).await.unwrap();
        tls(door, &new.authority).await.unwrap_err();
    }
    let open = tls(doors[0], &old.authority).await.unwrap();

    install(&new);
    served.signal("HUP");
    served.line_with("the certificate has been read again").await;
    for door in doors {
        tls(door, &new.authority).await.unwrap();
        tls(door, &old.authority).await.unwrap_err();
    }
    let answer = exchange(open, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), 200, "what was open goes on");

    // One that cannot be used is not taken: neither nonsense nor a key that does not fit.
    for (path, bytes) in [(&certificate, b"nonsense".to_vec()), (&key, std::fs::read(&old.key).unwrap())] {
        install(&new);
        std::fs::write(path, bytes).unwrap();
        served.signal("HUP");
        let line = served.line_with("the certificate in use stays").await;
        assert!(line.contains(path.to_str().unwrap()), "{line}");
        for door in doors {
            tls(door, &new.authority).await.unwrap();
        }
    }
    served.stop().await;
}
