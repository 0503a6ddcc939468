//! A web application that lets a pool log its people in, with OpenID Connect: code flow, PKCE,
//! state, nonce and the issuer of the answer (RFC 9207).
//!
//! ```sh
//! cargo run --release --example oidc_app    # against `poolgate demo`; then open http://localhost:9090
//! ```

use clap::Parser;
use openidconnect::core::{CoreClient, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType};
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse, http,
};
use serde::Deserialize;
use std::error::Error;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use warp::http::{Response, StatusCode};

/// What must be kept until the pool answers lies in this cookie of the browser that asks: nobody
/// else's browser can bring the answer. The cookie comes along because SameSite=Lax lets it through
/// when a link or a redirect leads here. Behind HTTPS it would be `__Host-login` and Secure.
const COOKIE: &str = "login";
/// How long the pool may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

type Failure = Box<dyn Error + Send + Sync>;
type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A web application that lets a pool log its people in.
#[derive(Parser)]
struct Options {
    /// The pool.
    #[arg(long, env = "ISSUER", default_value = "http://localhost:8080/pools/acme")]
    issuer: String,
    /// Under which id the pool knows this application.
    #[arg(long, env = "CLIENT_ID", default_value = "demo-app")]
    client_id: String,
    /// What this application proves itself with.
    #[arg(long, env = "CLIENT_SECRET", default_value = "demo-secret", hide_env_values = true)]
    client_secret: String,
    /// The port to listen on; 0 takes a free one. The pool must know
    /// http://localhost:PORT/callback.
    #[arg(long, env = "PORT", default_value_t = 9090)]
    port: u16,
}

struct App {
    options: Options,
    callback: String,
    http: reqwest::Client,
}

/// What the pool says in the query of the callback.
#[derive(Deserialize)]
struct Answer {
    state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("oidc_app: {}", reason(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| "TLS has been set up before")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let url = format!("http://localhost:{}", listener.local_addr()?.port());
    // Redirects are not followed: where they lead is nothing that the pool has published.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build()?;
    let app = Arc::new(App { options, callback: format!("{url}/callback"), http });
    let with_app = warp::any().map(move || app.clone());
    let ask = warp::path::end().and(warp::get()).and(with_app.clone());
    let ask = ask.then(async |app: Arc<App>| page(app.ask().await));
    let answer = warp::path!("callback").and(warp::get()).and(with_app).and(warp::query()).and(warp::cookie::optional(COOKIE));
    let answer = answer.then(async |app: Arc<App>, answer, kept: Option<String>| page(app.log_in(answer, kept).await));
    println!("Open {url}");
    warp::serve(ask.or(answer)).incoming(listener).run().await;
    Ok(())
}

impl App {
    /// What the pool says about itself now: its keys change. A busy application would keep this for
    /// some minutes.
    async fn client(&self) -> Result<Client, Failure> {
        let issuer = IssuerUrl::new(self.options.issuer.clone())?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &|request| send(self.http.clone(), request)).await?;
        let (id, secret) = (ClientId::new(self.options.client_id.clone()), ClientSecret::new(self.options.client_secret.clone()));
        Ok(CoreClient::from_provider_metadata(metadata, id, Some(secret)).set_redirect_uri(RedirectUrl::new(self.callback.clone())?))
    }

    /// Sends the browser to the pool.
    async fn ask(&self) -> Result<Response<String>, Failure> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client().await?;
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random).set_pkce_challenge(challenge);
        let (url, state, nonce) = request.add_scopes(["profile", "email"].map(|scope| Scope::new(scope.to_owned()))).url();
        let kept = format!("{COOKIE}={}.{}.{}; Path=/; HttpOnly; SameSite=Lax", state.secret(), nonce.secret(), verifier.secret());
        let response = Response::builder().status(StatusCode::SEE_OTHER).header(LOCATION, url.as_str()).header(SET_COOKIE, kept);
        Ok(response.body(String::new())?)
    }

    /// Judges what the browser brings back from the pool.
    async fn log_in(&self, answer: Answer, kept: Option<String>) -> Result<Response<String>, Failure> {
        let kept = kept.ok_or("this browser has not asked for a login")?;
        let [state, nonce, verifier] = kept.split('.').collect::<Vec<_>>()[..] else { return Err("the cookie is not ours".into()) };
        if answer.state.as_deref() != Some(state) {
            return Err("this answers another request (state)".into());
        }
        if answer.iss.as_ref() != Some(&self.options.issuer) {
            return Err("another issuer answers (iss)".into());
        }
        let code = match (answer.code, answer.error) {
            (Some(code), None) => AuthorizationCode::new(code),
            (_, error) => return Err(format!("the pool says {}", error.as_deref().unwrap_or("nothing")).into()),
        };
        let claims = self.redeem(code, PkceCodeVerifier::new(verifier.to_owned()), &Nonce::new(nonce.to_owned())).await?;
        let name = claims.name().and_then(|name| name.get(None)).map_or("Somebody", |name| name.as_str());
        println!("{name} logged in");
        let username = claims.preferred_username().map_or("", |username| username.as_str());
        let mail = claims.email().map_or("", |mail| mail.as_str());
        let told = format!("{name} logged in\n  username  {username}\n  mail      {mail}\n  subject   {}\n", claims.subject().as_str());
        // Here an application begins a session of its own, for this issuer and subject. The answer
        // cannot be used again.
        Ok(Response::builder().header(SET_COOKIE, format!("{COOKIE}=; Path=/; Max-Age=0")).body(told)?)
    }

    /// Exchanges the code, which only who asked can do (PKCE), and verifies the ID token:
    /// signature, issuer, audience, time, nonce.
    async fn redeem(&self, code: AuthorizationCode, verifier: PkceCodeVerifier, nonce: &Nonce) -> Result<CoreIdTokenClaims, Failure> {
        let client = self.client().await?;
        let tokens =
            client.exchange_code(code)?.set_pkce_verifier(verifier).request_async(&|request| send(self.http.clone(), request)).await?;
        let algorithms = [CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, CoreJwsSigningAlgorithm::EcdsaP256Sha256];
        let verifier = client.id_token_verifier().set_allowed_algs(algorithms);
        let claims = tokens.id_token().ok_or("the pool gave no ID token")?.claims(&verifier, nonce)?;
        // This the crate leaves to us.
        match claims.authorized_party() {
            Some(party) if party.as_str() != self.options.client_id => Err("the ID token was given to another application (azp)".into()),
            _ => Ok(claims.clone()),
        }
    }
}

/// A request of the crate.
async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let response = client.execute(request.try_into()?).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.into());
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}

/// Plain text, in which nothing that came from outside can do anything.
fn page(result: Result<Response<String>, Failure>) -> Response<String> {
    let mut response = result.unwrap_or_else(|failure| {
        let mut refusal = Response::new(format!("Not logged in: {}\n", reason(failure.as_ref())));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        refusal
    });
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// An error with all its causes.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
