//! Changes by merge patches: what is shown can be sent back, and nobody's change is overwritten
//! unseen.

use crate::harness::{Finished, TestServer};
use crate::ldap_client::{Directory, code};
use crate::web_client::{Application, Browser};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What `show` and `update` are told of each kind: the kind, its name, and where it lies.
const KINDS: [(&str, &str); 6] =
    [("pool", "acme"), ("user", "alice"), ("group", "staff"), ("service", "legacy-app"), ("client", "demo-app"), ("idp", "suppliers")];
const SP: (&str, &str) = ("sp", "http://localhost:9091/metadata");

fn place(kind: &str) -> &'static [&'static str] {
    if kind == "pool" { &[] } else { &["--pool", "acme"] }
}

async fn show(server: &TestServer, kind: &str, name: &str) -> Value {
    server.json(&[&[kind, "show", name], place(kind)].concat()).await
}

async fn update(server: &TestServer, kind: &str, name: &str, patch: &Value) -> Finished {
    server.poolgate_with_input(&[&[kind, "update", name, "--from", "-", "--json"], place(kind)].concat(), &patch.to_string()).await
}

async fn updated(server: &TestServer, kind: &str, name: &str, patch: &Value) -> Value {
    serde_json::from_str(&update(server, kind, name, patch).await.good()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_can_be_sent_back_and_changes_nothing() {
    let server = TestServer::demo().await;
    for (kind, name) in KINDS.into_iter().chain([SP]) {
        let shown = show(&server, kind, name).await;
        assert!(shown["etag"].is_string(), "{kind}: {shown}");
        assert_eq!(updated(&server, kind, name, &shown).await, shown, "{kind}: not even its ETag");
        let mut stale = shown.clone();
        stale["etag"] = "x".into();
        let refused = update(&server, kind, name, &stale).await;
        assert!(refused.code(1).complaint().contains("has changed since it was shown"), "{kind}: {}", refused.complaint());
        assert!(refused.complaint().contains(shown["etag"].as_str().unwrap()), "{kind}: {}", refused.complaint());
        for (patch, said) in
            [(json!({"nonsense": null}), "nonsense: there is no such field"), (json!({"nonsense": 1}), "nonsense: unknown field")]
        {
            let refused = update(&server, kind, name, &patch).await;
            assert!(refused.code(1).complaint().contains(said), "{kind}: {}", refused.complaint());
        }
        assert_eq!(show(&server, kind, name).await, shown, "{kind}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_a_patch_leaves_out_stay() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let change = async |patch: Value| updated(&server, "pool", "acme", &patch).await["settings"].clone();
    change(json!({"settings": {"lockout": {"threshold": 3}}})).await;
    let settings = change(json!({"settings": {"session": {"idle_seconds": 600}}})).await;
    assert_eq!((&settings["lockout"]["threshold"], &settings["session"]["idle_seconds"]), (&json!(3), &json!(600)));
    assert_eq!(settings["lockout"]["window_seconds"], 900);
    let file = server.file("part.json");
    std::fs::write(&file, r#"{"audit":{"retention_days":7}}"#).unwrap();
    let settings = server.json(&["pool", "update", "acme", "--settings", file.to_str().unwrap()]).await["settings"].clone();
    assert_eq!((&settings["lockout"]["threshold"], &settings["audit"]["retention_days"]), (&json!(3), &json!(7)));
    let settings = change(json!({"settings": {"lockout": null}})).await;
    assert_eq!((&settings["lockout"]["threshold"], &settings["session"]["idle_seconds"]), (&json!(10), &json!(600)));
    assert_eq!(updated(&server, "pool", "acme", &json!({"settings": null, "display_name": "Acme"})).await["display_name"], "Acme");
    assert_eq!(show(&server, "pool", "acme").await["settings"]["session"]["idle_seconds"], 3600);
    assert_eq!(updated(&server, "pool", "acme", &json!({"display_name": null})).await["display_name"], "acme");
    let refused = update(&server, "pool", "acme", &json!({"slug": "other"})).await;
    assert!(refused.code(1).complaint().contains("slug: it is \"acme\" and cannot be changed"), "{}", refused.complaint());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_editors_of_one_state_the_second_is_told() {
    let server = TestServer::demo().await;
    for (kind, name, first, second) in [
        ("pool", "acme", json!({"display_name": "One"}), json!({"display_name": "Two"})),
        ("user", "alice", json!({"attributes": {"title": ["One"]}}), json!({"attributes": {"sn": ["Two"]}})),
        ("client", "demo-app", json!({"name": "One"}), json!({"first_party": true, "name": "Two"})),
        (SP.0, SP.1, json!({"name": "One"}), json!({"name": "Two"})),
        ("idp", "suppliers", json!({"display_name": "One"}), json!({"mail_domains": ["two.example"]})),
    ] {
        let seen = show(&server, kind, name).await;
        let with = |patch: &Value| {
            let mut patch = patch.clone();
            patch["etag"] = seen["etag"].clone();
            patch
        };
        let now = updated(&server, kind, name, &with(&first)).await;
        assert_ne!(now["etag"], seen["etag"], "{kind}");
        update(&server, kind, name, &with(&second)).await.code(1);
        assert_eq!(show(&server, kind, name).await, now, "{kind}: nothing of the second");
        let etag = now["etag"].as_str().unwrap();
        let flag = [&[kind, "update", name, "--from", "-", "--etag", etag], place(kind)].concat();
        server.poolgate_with_input(&flag, &second.to_string()).await.good();
        server.poolgate_with_input(&flag, &first.to_string()).await.code(1);
    }
    // What is shown of a user but kept elsewhere is a part of the state.
    let seen = show(&server, "user", "alice").await;
    server.poolgate(&["group", "add", "--pool", "acme", "admins", "alice"]).await.good();
    update(&server, "user", "alice", &seen).await.code(1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries() {
    let server = TestServer::demo().await;
    let change = async |patch: Value| updated(&server, "user", "alice", &patch).await;
    let before = show(&server, "user", "alice").await;
    let after = change(json!({"attributes": {"SURNAME": ["Ash"], "description;LANG-de": ["eins", "zwei"]}})).await;
    assert_eq!((&after["attributes"]["sn"], &after["attributes"]["mail"]), (&json!(["Ash"]), &before["attributes"]["mail"]));
    assert_eq!(after["attributes"]["description;lang-de"], json!(["eins", "zwei"]));
    let after = change(json!({"attributes": {"description;lang-DE": null, "title": null, "mobile": []}, "disabled": true})).await;
    assert!(after["attributes"].get("description;lang-de").is_none() && after["disabled"] == true, "{after}");
    assert_eq!(change(json!({"disabled": null})).await["disabled"], false);
    for (patch, said) in [
        (json!({"attributes": {"noSuchAttribute": null}}), "attributes.noSuchAttribute: "),
        (json!({"attributes": {"sn": "Ash"}}), "attributes.sn: invalid type: string"),
        (json!({"attributes": {"sn": ["a"], "surname": ["b"]}}), "attributes.sn: it is named twice"),
        (json!({"attributes": {"memberOf": []}}), "memberOf is kept by the server"),
        (json!({"attributes": {"entryUUID": ["x"]}}), "entryUUID is kept by the server"),
        (json!({"attributes": {"uid": ["other"]}}), "uid names the entry"),
        (json!({"attributes": null}), "attributes"),
        (json!({"dn": "uid=other,ou=people,o=acme"}), "dn: it is"),
        (json!({"disabled": "yes"}), "disabled: invalid type"),
        (json!([1]), "must be a JSON object"),
    ] {
        let refused = update(&server, "user", "alice", &patch).await;
        assert!(refused.code(1).complaint().contains(said), "{patch}: {}", refused.complaint());
    }
    let staff = show(&server, "group", "staff").await;
    let fewer = json!({"attributes": {"member": [staff["attributes"]["member"][0]], "description": ["Few"]}});
    assert_eq!(updated(&server, "group", "staff", &fewer).await["attributes"]["member"].as_array().unwrap().len(), 1);
    let renewed = json!({"attributes": {"member": staff["attributes"]["member"], "description": null}});
    assert_eq!(updated(&server, "group", "staff", &renewed).await["attributes"]["member"], staff["attributes"]["member"]);
    server.poolgate(&["service", "update", "--pool", "acme", "legacy-app", "--attribute", "description=Old"]).await.good();
    assert_eq!(show(&server, "service", "legacy-app").await["attributes"]["description"], json!(["Old"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_may_be_as_large_as_what_is_shown() {
    let server = TestServer::demo().await;
    let values: Vec<String> = (0..2000).map(|number| format!("{number:0100}")).collect();
    let patch = json!({"attributes": {"description": values}});
    assert!(patch.to_string().len() > 3 * poolgate::web::MAX_BODY, "other requests may not");
    let shown = updated(&server, "user", "alice", &patch).await;
    assert_eq!(shown["attributes"]["description"].as_array().unwrap().len(), values.len());
    assert_eq!(updated(&server, "user", "alice", &shown).await, shown);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_keep_what_is_not_shown() {
    let server = TestServer::demo().await;
    let uri = "http://localhost:9090/callback";
    let changed = updated(&server, "client", "demo-app", &json!({"redirect_uris": [uri], "name": null, "id_token_alg": "ES256"})).await;
    assert_eq!((&changed["redirect_uris"], &changed["name"], &changed["first_party"]), (&json!([uri]), &json!("demo-app"), &json!(true)));
    Browser::new().tokens(&Application::new(&server, "acme", "demo-app", "demo-secret", uri), "alice", "alice-demo-password").await;
    assert_eq!(updated(&server, "client", "demo-app", &json!({"id_token_alg": null})).await["id_token_alg"], "RS256");
    for (patch, said) in [
        (json!({"public": true}), "public: it is false"),
        (json!({"redirect_uris": ["http://shop.example/"]}), "http is for loopback only"),
        (json!({"redirect_uris": [7]}), "redirect_uris[0]: invalid type"),
        (json!({"secret": "x"}), "secret: unknown field"),
    ] {
        let refused = update(&server, "client", "demo-app", &patch).await;
        assert!(refused.code(1).complaint().contains(said), "{patch}: {}", refused.complaint());
    }

    let acs = json!([{"url": "https://sp.example/acs"}]);
    let changed = updated(&server, SP.0, SP.1, &json!({"acs": acs, "sign": null, "attributes": [{"source": "uid", "name": "user"}]})).await;
    assert_eq!(
        (&changed["acs"][0]["index"], &changed["sign"], &changed["name"]),
        (&json!(0), &json!("both"), &json!("Demo service provider"))
    );
    for (patch, said) in [
        (json!({"acs": null}), "missing field `acs`"),
        (json!({"acs": []}), "assertion consumer service"),
        (json!({"acs": [{"url": "https://sp.example/acs", "index": "x"}]}), "acs[0].index: invalid type"),
        (json!({"acs": [{"uri": "https://sp.example/acs"}]}), "acs[0].uri: unknown field"),
        (json!({"entity_id": "other"}), "entity_id: it is"),
    ] {
        let refused = update(&server, SP.0, SP.1, &patch).await;
        assert!(refused.code(1).complaint().contains(said), "{patch}: {}", refused.complaint());
    }

    // The secret of the bridge stays, and with it the bridge.
    let changed = updated(&server, "idp", "suppliers", &json!({"display_name": "Partners", "mapping": {"name": "nickname"}})).await;
    assert_eq!((&changed["mapping"]["name"], &changed["mapping"]["mail"]), (&json!("nickname"), &json!("email")));
    assert!(changed.get("client_secret").is_none(), "{changed}");
    let provider = || {
        let pool = server.running.core().registry.by_slug("acme").unwrap().unwrap();
        poolgate::federation::find(&pool, "suppliers").unwrap().unwrap()
    };
    let secret = || {
        let poolgate::federation::ProviderKind::Oidc { client_secret, .. } = provider().kind;
        client_secret.map(|secret| secret.expose().clone())
    };
    assert_eq!(secret().as_deref(), Some("bridge-demo-secret"));
    let another = ["idp", "update", "suppliers", "--pool", "acme", "--client-secret-stdin"];
    server.poolgate_with_input(&another, "another secret\n").await.good();
    assert_eq!(secret().as_deref(), Some("another secret"));
    updated(&server, "idp", "suppliers", &json!({"client_secret": null})).await;
    assert_eq!(secret(), None);
    for (patch, said) in [
        (json!({"mail_domains": ["erin@suppliers.example"]}), "mail_domains: `erin@suppliers.example` is no domain"),
        (json!({"mail_domains": null}), "has no effect without mail_domains"),
        (json!({"issuer": null}), "missing field `issuer`"),
        (json!({"mapping": {"male": "x"}}), "mapping.male: unknown field"),
    ] {
        let refused = update(&server, "idp", "suppliers", &patch).await;
        assert!(refused.code(1).complaint().contains(said), "{patch}: {}", refused.complaint());
    }
    let shared = [
        "idp",
        "create",
        "other",
        "--pool",
        "acme",
        "--issuer",
        "https://id.example",
        "--client-id",
        "x",
        "--mail-domain",
        "SUPPLIERS.example",
    ];
    let shared = server.json(&shared).await;
    assert!(shared["notes"][0].as_str().unwrap().contains("`suppliers` vouches for mail addresses of suppliers.example too"), "{shared}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_without_an_etag_side_by_side_lose_nothing() {
    let server = TestServer::demo().await;
    let paths: Vec<_> =
        ["password.min_length", "lockout.threshold", "session.idle_seconds", "lifetimes.code_seconds", "audit.retention_days"]
            .map(|path| path.split_once('.').unwrap())
            .into();
    let all = paths.iter().map(|(section, field)| {
        let patch = json!({"settings": {*section: {*field: 11}}});
        let server = &server;
        async move { update(server, "pool", "acme", &patch).await.good() }
    });
    futures_util::future::join_all(all).await;
    let settings = show(&server, "pool", "acme").await["settings"].clone();
    for (section, field) in paths {
        assert_eq!(settings[section][field], 11, "{section}.{field}");
    }
    let attributes = ["title", "mobile", "roomNumber", "initials"];
    let all = attributes.map(|name| {
        let patch = json!({"attributes": {name: ["11"]}});
        let server = &server;
        async move { update(server, "user", "alice", &patch).await.good() }
    });
    futures_util::future::join_all(all).await;
    let alice = show(&server, "user", "alice").await;
    for name in attributes {
        assert_eq!(alice["attributes"][name], json!(["11"]), "{name}");
    }
    server.stop().await;
}

/// The HTTP of it, as other clients of the API see it.
/// A password is in no document, so its absence there says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_taken_away_is_gone() {
    let server = TestServer::demo().await;
    let dn = "uid=alice,ou=people,o=acme";
    let binds = async |password: &str| Directory::connect(&server).await.bind(dn, password).await.code == code::SUCCESS;
    for nothing in [json!({"userPassword": null}), json!({"USERPASSWORD": []}), json!({"2.5.4.35": null})] {
        let set = json!({"attributes": {"userPassword": ["Gravel-Teapot-71"]}});
        updated(&server, "user", "alice", &set).await;
        assert!(binds("Gravel-Teapot-71").await);
        updated(&server, "user", "alice", &json!({ "attributes": nothing })).await;
        assert!(!binds("Gravel-Teapot-71").await, "{nothing}");
    }
    updated(&server, "user", "alice", &json!({"attributes": {"userPassword": null, "title": ["Gone"]}})).await;
    assert_eq!(show(&server, "user", "alice").await["attributes"]["title"], json!(["Gone"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_fields_say_the_same() {
    let server = TestServer::demo().await;
    let ask = async |method: &str, if_match: &[&str], body: &str| {
        let conditions: String = if_match.iter().map(|value| format!("If-Match: {value}\r\n")).collect();
        let head =
            format!("{method} /api/v1/pools/acme HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{conditions}Content-Length: {}", body.len());
        let mut stream = UnixStream::connect(&server.running.addresses().socket).await.unwrap();
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let shown = ask("GET", &[], "").await;
    let tag = shown.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    assert!(tag.starts_with('"') && shown.contains(&format!("\"etag\":{tag}")), "{shown}");
    for (if_match, status) in
        [(&["\"x\""][..], "412"), (&[&*format!("W/{tag}")], "412"), (&["nonsense"], "400"), (&["\"x\"", tag], "200"), (&["*"], "200")]
    {
        let answer = ask("PATCH", if_match, r#"{"display_name":"New"}"#).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{if_match:?}: {answer}");
    }
    let answer = ask("DELETE", &[tag], "").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("nothing was done"), "no condition is passed over: {answer}");
    assert!(ask("GET", &[], "").await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}
