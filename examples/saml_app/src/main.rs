//! A SAML service provider: an AuthnRequest over HTTP-Redirect, and an assertion consumer service
//! that believes what is signed by the pool.
//!
//! ```sh
//! cargo run --manifest-path examples/saml_app/Cargo.toml    # against `poolgate demo`; then open http://localhost:9091
//! ```
//!
//! It is compiled against libxml2, xmlsec1 and OpenSSL, with libclang (on Debian: libxmlsec1-dev,
//! libclang-dev and pkgconf). [`response`] says what the samael crate leaves to its users.

mod response;

use clap::Parser;
use rand::random;
use samael::crypto::AllowedSignatureAlgorithm;
use samael::metadata::{EntityDescriptor, HTTP_REDIRECT_BINDING};
use samael::schema::Assertion;
use samael::service_provider::ServiceProvider;
use std::collections::VecDeque;
use std::error::Error;
use std::io::{Cursor, Read};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use tiny_http::{Header, Method, Request, Response, Server};
use url::form_urlencoded;

/// Where the browser keeps what connects it with its request. Lax is enough while the pool is on
/// the same site, as on localhost; a pool on another site posts from there, and the cookie comes
/// along only as `__Host-login`, Secure and SameSite=None, behind HTTPS.
const COOKIE: &str = "login";
/// The most requests that wait for their answer; the oldest is forgotten first.
const MAX_PENDING: usize = 1000;
/// The longest metadata.
const MAX_METADATA: u64 = 1 << 20;

type Failure = Box<dyn Error>;
type Page = Response<Cursor<Vec<u8>>>;

/// A SAML service provider that lets a pool log its people in.
#[derive(Parser)]
struct Options {
    /// The metadata of the pool, which says whose signatures are believed: over HTTPS, or from this
    /// very machine.
    #[arg(long, env = "IDP_METADATA", default_value = "http://localhost:8080/pools/acme/saml2/metadata")]
    metadata: String,
    /// The port to listen on; 0 takes a free one. The pool must know the entity id
    /// http://localhost:PORT/metadata with the ACS http://localhost:PORT/acs.
    #[arg(long, env = "PORT", default_value_t = 9091)]
    port: u16,
}

struct App {
    provider: ServiceProvider,
    /// Where AuthnRequests go.
    sso: String,
    /// What the cookie of a browser holds, and the ID of its request.
    pending: Mutex<VecDeque<(String, String)>>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("saml_app: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let server = Server::http((Ipv4Addr::LOCALHOST, options.port)).map_err(|error| format!("port {}: {error}", options.port))?;
    let url = format!("http://localhost:{}", server.server_addr().to_ip().map_or(options.port, |address| address.port()));
    let app = App::new(&options.metadata, &url).map_err(|error| format!("{}: {error}", options.metadata))?;
    println!("Open {url}");
    // A thread for each request: nobody waits for a browser that is slow.
    thread::scope(|scope| {
        for request in server.incoming_requests() {
            scope.spawn(|| app.answer(request));
        }
    });
    Ok(())
}

impl App {
    fn new(metadata: &str, url: &str) -> Result<Self, Failure> {
        let metadata = ureq::get(metadata).call()?.body_mut().with_config().limit(MAX_METADATA).read_to_string()?;
        let provider = ServiceProvider {
            entity_id: Some(format!("{url}/metadata")),
            acs_url: Some(format!("{url}/acs")),
            idp_metadata: metadata.parse::<EntityDescriptor>()?,
            allowed_signature_algorithms: Some(vec![AllowedSignatureAlgorithm::RsaSha256]),
            ..ServiceProvider::default()
        };
        provider.idp_signing_certs()?.ok_or("it names no certificate, and without one any response would be accepted")?;
        let sso = provider.sso_binding_location(HTTP_REDIRECT_BINDING).ok_or("it names no place for HTTP-Redirect")?;
        Ok(Self { provider, sso, pending: Mutex::default() })
    }

    fn answer(&self, mut request: Request) {
        let page = match (request.method(), request.url()) {
            (Method::Get, "/") => self.ask(),
            (Method::Post, "/acs") => self.log_in(&mut request),
            _ => Ok(Response::from_string("There is nothing here.\n").with_status_code(404)),
        };
        let page = page.unwrap_or_else(|failure| Response::from_string(format!("Not logged in: {failure}\n")).with_status_code(403));
        // A browser that has gone away hears nothing.
        let _ = request.respond(page);
    }

    /// Sends the browser to the pool.
    fn ask(&self) -> Result<Page, Failure> {
        let mut request = self.provider.make_authentication_request(&self.sso)?;
        request.id = format!("_{:032x}", random::<u128>());
        let url = request.redirect("")?.ok_or("the request has no destination")?;
        let secret = format!("{:032x}", random::<u128>());
        let cookie = header("Set-Cookie", &format!("{COOKIE}={secret}; Path=/acs; HttpOnly; SameSite=Lax"))?;
        let mut pending = self.pending();
        pending.push_back((secret, request.id));
        if pending.len() > MAX_PENDING {
            pending.pop_front();
        }
        Ok(Response::from_string("").with_status_code(303).with_header(header("Location", url.as_str())?).with_header(cookie))
    }

    /// Judges what the browser brings back from the pool.
    fn log_in(&self, request: &mut Request) -> Result<Page, Failure> {
        let id = self.request_of(request).ok_or("this browser has not asked for a login, or has used its answer")?;
        // Percent-encoding makes each byte three at the most.
        let mut form = String::new();
        request.as_reader().take(3 * response::MAX_RESPONSE as u64).read_to_string(&mut form)?;
        let (_, response) =
            form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "SAMLResponse").ok_or("there is no SAMLResponse")?;
        let assertion = response::verify(&self.provider, &response, &id)?;
        let told = tell(&assertion).ok_or("the assertion names nobody")?;
        print!("{told}");
        // Here an application begins a session of its own, for this issuer and NameID.
        Ok(Response::from_string(told))
    }

    /// The ID of the request that this browser has sent. It is answered once.
    fn request_of(&self, request: &Request) -> Option<String> {
        let cookies =
            request.headers().iter().filter(|header| header.field.equiv("Cookie")).flat_map(|header| header.value.as_str().split("; "));
        let secret = cookies.filter_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('=')).next()?;
        let mut pending = self.pending();
        let found = pending.iter().position(|(known, _)| known == secret)?;
        pending.remove(found).map(|(_, id)| id)
    }

    fn pending(&self) -> MutexGuard<'_, VecDeque<(String, String)>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who has logged in, in plain text, in which nothing that came from outside can do anything.
fn tell(assertion: &Assertion) -> Option<String> {
    let name = assertion.subject.as_ref()?.name_id.as_ref()?;
    let mut text = format!("{} logged in\n  {:<12}  {}\n", name.value, "format", name.format.as_deref().unwrap_or("unspecified"));
    for attribute in assertion.attribute_statements.iter().flatten().flat_map(|statement| &statement.attributes) {
        let values: Vec<&str> = attribute.values.iter().filter_map(|value| value.value.as_deref()).collect();
        text += &format!("  {:<12}  {}\n", attribute.name.as_deref()?, values.join(", "));
    }
    Some(text)
}

fn header(name: &str, value: &str) -> Result<Header, Failure> {
    Header::from_bytes(name, value).map_err(|()| format!("{name} holds what a header cannot hold").into())
}
