//! Logins as people and applications see them, over the wire, one after the other.

#![allow(clippy::disallowed_methods, reason = "what is measured is real time")]

use crate::browser::Browser;
use crate::operator::{Operator, slug};
use crate::server::Server;
use ldap3::LdapConnAsync;
use poolgate::admin::types::{NewClient, NewUser};
use poolgate::crypto::digest::{base64url, sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const SECRET: &str = "the secret of the application";
const CALLBACK: &str = "http://localhost:9/callback";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

/// Medians of one login.
pub struct Logins {
    /// A bind of somebody who has not logged in since the server has started: one password hash and
    /// one commit.
    pub bind: Duration,
    /// The same bind again.
    pub rebind: Duration,
    /// A code flow of somebody else of the same pool in a new browser, from the authorization
    /// request to the tokens: two password hashes, the second one for the secret of an application
    /// that has not shown it yet.
    pub code_flow: Duration,
}

/// Somebody who logs in. The application that they log in to has their name.
pub struct Person {
    pool: String,
    uid: String,
    password: String,
}

/// People to log in, half of them over LDAP and half with a browser, spread over the pools.
pub struct People {
    directory: Vec<Person>,
    browser: Vec<Person>,
}

/// Adds two people and an application for each login. If logins of one pool shared an application,
/// only the first of them would wait until its secret is checked.
pub async fn register(operator: &mut Operator, pools: usize, logins: usize) -> People {
    let mut people = People { directory: Vec::new(), browser: Vec::new() };
    for login in 0..logins {
        let pool = slug(login * pools / logins);
        let application = NewClient {
            client_id: format!("browser-{pools}-{login}"),
            secret: Some(SECRET.to_owned()),
            redirect_uris: vec![CALLBACK.to_owned()],
            first_party: true,
            ..NewClient::default()
        };
        operator.add(&format!("/pools/{pool}/clients"), &application).await;
        for (face, list) in [("directory", &mut people.directory), ("browser", &mut people.browser)] {
            let uid = format!("{face}-{pools}-{login}");
            let password = format!("correct horse number {login}");
            let user = NewUser { uid: uid.clone(), password: Some(password.clone()), ..NewUser::default() };
            operator.add(&format!("/pools/{pool}/users"), &user).await;
            list.push(Person { pool: pool.clone(), uid, password });
        }
    }
    people
}

/// Times the logins.
pub async fn measure(server: &Server, people: &People) -> Logins {
    let (mut binds, mut rebinds, mut code_flows) = (Vec::new(), Vec::new(), Vec::new());
    for person in &people.directory {
        let (connection, mut ldap) = LdapConnAsync::new(&format!("ldap://{}", server.ldap)).await.expect("a connection");
        // Its end shows in the operations.
        tokio::spawn(connection.drive());
        let name = format!("uid={},ou=people,o={}", person.uid, person.pool);
        for times in [&mut binds, &mut rebinds] {
            let start = Instant::now();
            ldap.simple_bind(&name, &person.password).await.expect("an answer").success().expect("a bind");
            times.push(start.elapsed());
        }
        ldap.unbind().await.expect("an end");
    }
    let http = client();
    for person in &people.browser {
        // Whoever sets an application up has asked for the keys, so that no login waits until they
        // are made.
        let issuer = issuer(server, &person.pool);
        good(http.get(format!("{issuer}/.well-known/jwks.json"))).await;
        code_flows.push(code_flow(server, &http, &issuer, person).await);
    }
    Logins { bind: median(binds), rebind: median(rebinds), code_flow: median(code_flows) }
}

async fn code_flow(server: &Server, http: &reqwest::Client, issuer: &str, person: &Person) -> Duration {
    let browser = Browser::new([origin(server).as_str()]);
    let mut authorize: url::Url = format!("{issuer}/oauth2/authorize").parse().expect("a URL");
    authorize.query_pairs_mut().extend_pairs([
        ("client_id", person.uid.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("code_challenge", &base64url(&sha256(VERIFIER.as_bytes()))),
        ("code_challenge_method", "S256"),
    ]);
    let start = Instant::now();
    let page = browser.open(authorize).await;
    let page = browser.submit(&page, &[("username", &person.uid), ("password", &person.password)]).await;
    let answer = page.answer();
    let code = answer.get("code").expect("a code");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", &person.uid),
        ("client_secret", SECRET),
    ];
    good(http.post(format!("{issuer}/oauth2/token")).form(&fields)).await;
    start.elapsed()
}

/// Asks every pool for its discovery document, so many at the same time.
pub async fn ask_every_pool(server: &Server, pools: usize, in_flight: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let (next, http, origin) = (Arc::clone(&next), client(), origin(server));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= pools {
                    return;
                }
                good(http.get(format!("{origin}/pools/{}/.well-known/openid-configuration", slug(number)))).await;
            }
        });
    }
    tasks.join_all().await;
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// Sends a request, reads the answer and asserts that it is one of success.
async fn good(request: reqwest::RequestBuilder) {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("an answer");
    assert!(status.is_success(), "{status}: {text}");
}

fn origin(server: &Server) -> String {
    format!("http://localhost:{}", server.http.port())
}

fn issuer(server: &Server, pool: &str) -> String {
    format!("{}/pools/{pool}", origin(server))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
