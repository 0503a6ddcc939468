//! Single sign-on with service providers of several makes: the same cases and the same expectations
//! for each of them.

use crate::harness::{Program, TestServer};
use serde_json::{Value, json};

pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
pub const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
pub const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// The bindings over which a request can come.
const BINDINGS: [&str; 2] = ["redirect", "post"];

/// One make of service providers.
pub struct Make {
    /// The program that plays them.
    pub program: fn() -> Program,
    /// What it calls an attribute that is named `urn:oid:0.9.2342.19200300.100.1.3`.
    pub mail_by_oid: &'static str,
}

/// Somebody who logs in.
pub struct Person<'a> {
    pub username: &'a str,
    /// The button on the login page that leads to where the person has the account.
    pub provider: Option<&'a str>,
}

pub const ALICE: Person<'static> = Person { username: "alice", provider: None };

/// Registers a service provider of that name.
pub async fn register(server: &TestServer, name: &str, arguments: &[&str]) {
    let (entity_id, acs) = (entity_id(name), acs(name));
    server.poolgate(&[&["sp", "create", &entity_id, "--pool", "acme", "--acs", &acs], arguments].concat()).await.good();
}

fn entity_id(name: &str) -> String {
    format!("https://{name}.example/metadata")
}

fn acs(name: &str) -> String {
    format!("https://{name}.example/acs")
}

/// A case for that service provider; `more` replaces what it names.
pub fn case(name: &str, binding: &str, more: Value) -> Value {
    let mut case = json!({ "entityId": entity_id(name), "acs": acs(name), "binding": binding, "wants": ["assertion", "response"] });
    case.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    case
}

impl Make {
    /// Goes through the cases in one browser, and gives what became of each.
    pub async fn run(&self, server: &TestServer, person: &Person<'_>, cases: &[Value]) -> Vec<Value> {
        let issuer = server.issuer("acme");
        let settings = json!({
            "issuer": issuer,
            "metadata": format!("{issuer}/saml2/metadata"),
            "certificate": server.saml_certificate("acme").await,
            "username": person.username,
            "password": format!("{}-demo-password", person.username),
            "provider": person.provider,
            "cases": cases,
        });
        let printed = (self.program)().arguments([settings.to_string().as_str()]).run().await.good();
        let outcomes: Vec<Value> = serde_json::from_str(&printed).unwrap();
        assert_eq!(outcomes.len(), cases.len());
        outcomes
    }

    /// What a service provider asks to be signed is accepted where it is signed, and only there.
    pub async fn signatures(&self) {
        let server = TestServer::demo().await;
        let mut cases = Vec::new();
        for sign in ["assertion", "response", "both"] {
            register(&server, sign, &["--sign", sign]).await;
            for binding in BINDINGS {
                for wants in [&["assertion"][..], &["response"], &["assertion", "response"], &["either"]] {
                    cases.push(case(sign, binding, json!({ "wants": wants })));
                }
            }
        }
        let outcomes = self.run(&server, &ALICE, &cases).await;
        for (sign, outcomes) in ["assertion", "response", "both"].into_iter().zip(outcomes.chunks(8)) {
            let expected = match sign {
                "assertion" => ["accepted", "refused", "refused", "accepted"],
                "response" => ["refused", "accepted", "refused", "accepted"],
                _ => ["accepted"; 4],
            };
            let expected = [expected, expected].concat();
            let found: Vec<&str> = outcomes.iter().map(|outcome| outcome["outcome"].as_str().unwrap()).collect();
            assert_eq!(found, expected, "{sign}: {outcomes:#?}");
        }
        // One login for all of them.
        assert_eq!(outcomes.iter().map(|outcome| outcome["logins"].as_u64().unwrap()).sum::<u64>(), 1);
        server.stop().await;
    }

    /// Names are what the service provider was registered for, and attributes are what it may be
    /// told.
    pub async fn names_and_attributes(&self) {
        let server = TestServer::demo().await;
        let oid = "mail=urn:oid:0.9.2342.19200300.100.1.3";
        let attributes = ["--attribute", "uid", "--attribute", "displayName", "--attribute", "memberOf=groups", "--attribute", oid];
        for name_id in ["persistent", "transient", "email", "uid"] {
            register(&server, name_id, &[&["--name-id", name_id], &attributes[..]].concat()).await;
        }
        register(&server, "other", &[]).await;
        let plain = |name| case(name, "redirect", json!({}));
        let mut cases = vec![plain("persistent"), plain("persistent"), plain("other"), plain("transient"), plain("transient")];
        cases.extend([plain("email"), plain("uid"), case("persistent", "post", json!({ "format": TRANSIENT }))]);
        let first = self.run(&server, &ALICE, &cases).await;
        let second = self.run(&server, &ALICE, &cases[..1]).await;

        let all: Vec<(&str, &str)> =
            first.iter().chain(&second).map(|outcome| (text(outcome, "format"), text(outcome, "nameId"))).collect();
        let [persistent, again, other, transient, other_transient, mail, uid, asked, later] = all[..] else { panic!("{all:?}") };
        assert_eq!((persistent.0, again, later), (PERSISTENT, persistent, persistent));
        assert_eq!(other.0, PERSISTENT);
        assert_ne!(other.1, persistent.1, "two service providers know nobody by the same name");
        assert_eq!((transient.0, other_transient.0, asked.0), (TRANSIENT, TRANSIENT, TRANSIENT));
        assert_ne!(transient.1, other_transient.1);
        assert_eq!((mail, uid), ((EMAIL, "alice@acme.example"), (UNSPECIFIED, "alice")));
        let told = json!({
            "uid": ["alice"],
            "displayName": ["Alice Archer"],
            "groups": ["cn=staff,ou=groups,o=acme"],
            self.mail_by_oid: ["alice@acme.example"],
        });
        assert_eq!((&first[0]["attributes"], &first[2]["attributes"]), (&told, &json!({})));
        server.stop().await;
    }

    /// A service provider that signs its requests is believed, and nobody in its name.
    pub async fn signed_requests(&self) {
        let server = TestServer::demo().await;
        let keys = [server.file("own"), server.file("foreign")].map(|path| path.to_str().unwrap().to_owned());
        Program::python("saml_keys.py").arguments([server.data().to_str().unwrap(), "own", "foreign"]).run().await.good();
        let certificate = ["--request-certificate", &format!("{}.crt", keys[0])];
        register(&server, "signs", &[&certificate[..], &["--require-signed-requests"]].concat()).await;
        register(&server, "may-sign", &certificate).await;
        let mut cases = Vec::new();
        for binding in BINDINGS {
            for name in ["signs", "may-sign"] {
                cases.extend([
                    case(name, binding, json!({ "key": keys[0] })),
                    case(name, binding, json!({})),
                    case(name, binding, json!({ "key": keys[1] })),
                    case(name, binding, json!({ "key": keys[0], "tamperRequest": true })),
                ]);
            }
        }
        let outcomes = self.run(&server, &ALICE, &cases).await;
        let found: Vec<(&str, Option<u64>)> =
            outcomes.iter().map(|outcome| (text(outcome, "outcome"), outcome["status"].as_u64())).collect();
        let (good, bad) = (("accepted", None), ("page", Some(400)));
        let expected = [[good, bad, bad, bad], [good, good, bad, bad]].concat().repeat(2);
        assert_eq!(found, expected, "{outcomes:#?}");
        server.stop().await;
    }

    /// Nobody in between can change a response or use it for another request.
    pub async fn tampered_responses(&self) {
        let server = TestServer::demo().await;
        for sign in ["assertion", "response", "both"] {
            register(&server, sign, &["--sign", sign, "--attribute", "mail"]).await;
        }
        let mut cases = Vec::new();
        for (sign, wants) in [("assertion", &["assertion"][..]), ("response", &["response"]), ("both", &["assertion", "response"])] {
            cases.push(case(sign, "redirect", json!({ "wants": wants })));
            for change in [json!({ "tamper": "mail" }), json!({ "tamper": "signatures" }), json!({ "unasked": true })] {
                let mut case = case(sign, "redirect", json!({ "wants": wants }));
                case.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
                cases.push(case);
            }
        }
        let outcomes = self.run(&server, &ALICE, &cases).await;
        let found: Vec<&str> = outcomes.iter().map(|outcome| text(outcome, "outcome")).collect();
        assert_eq!(found, ["accepted", "refused", "refused", "refused"].repeat(3), "{outcomes:#?}");
        server.stop().await;
    }

    /// A request can demand that no page is shown, or that the person logs in anew.
    pub async fn passive_and_forced(&self) {
        let server = TestServer::demo().await;
        register(&server, "plain", &[]).await;
        let wishing = |wish: &str, binding| case("plain", binding, json!({ wish: true }));
        let mut cases = vec![wishing("passive", "redirect"), wishing("passive", "post"), case("plain", "post", json!({}))];
        cases.extend([wishing("passive", "redirect"), wishing("force", "redirect"), wishing("force", "post")]);
        let outcomes = self.run(&server, &ALICE, &cases).await;
        let found: Vec<(&str, u64)> =
            outcomes.iter().map(|outcome| (text(outcome, "outcome"), outcome["logins"].as_u64().unwrap())).collect();
        let silent = ("no passive", 0);
        assert_eq!(found, [silent, silent, ("accepted", 1), ("accepted", 0), ("accepted", 1), ("accepted", 1)], "{outcomes:#?}");
        server.stop().await;
    }
}

fn text<'a>(outcome: &'a Value, name: &str) -> &'a str {
    outcome[name].as_str().unwrap_or_else(|| panic!("no {name}: {outcome:#}"))
}
