//! Isolation at the admin API: an operator may work on every pool, but under one pool's path only
//! on that pool.

use super::two_pools;
use crate::operator::AdminApi;

#[tokio::test(flavor = "multi_thread")]
async fn under_one_pool_nothing_of_another_is_found() {
    let server = two_pools().await;
    server.poolgate(&["group", "create", "--pool", "acme", "pilots"]).await.good();
    let mut api = AdminApi::connect(&server).await;
    let provider = ["http%3A%2F%2Flocalhost%3A9091%2Fmetadata", "http%3A%2F%2Flocalhost%3A9099%2Fmetadata"];
    let things = [
        ("users", "alice", "nobod"),
        ("groups", "pilots", "nobody"),
        ("services", "legacy-app", "nonesuch-a"),
        ("clients", "demo-app", "none-app"),
        ("service-providers", provider[0], provider[1]),
        ("identity-providers", "suppliers", "nonesuchs"),
    ];
    for (kind, there, not_there) in things {
        let mut requests = vec![("GET", "", ""), ("DELETE", "", "")];
        match kind {
            "users" | "services" => requests.extend([
                ("PATCH", "", r#"{"disabled":true}"#),
                ("POST", "/password", r#"{"password":"a new password"}"#),
                ("POST", "/unlock", "null"),
            ]),
            "groups" => requests.extend([("POST", "/members", r#"{"uid":"erin"}"#), ("DELETE", "/members/erin", "")]),
            _ => {}
        }
        for (method, part, body) in requests {
            let path = |name: &str| format!("/pools/suppliers/{kind}/{name}{part}");
            let plain = |text: &str| text.replace("%3A", ":").replace("%2F", "/");
            let (status, text) = api.ask(method, &path(there), body).await;
            let (other_status, other_text) = api.ask(method, &path(not_there), body).await;
            assert_eq!((status, other_status), (404, 404), "{method} {kind}: {text}");
            // The pool is named in the text, so a name that is the pool's own is compared by what
            // stands around it.
            let hide = |text: &str, name: &str| text.replace("pool `suppliers`", "the pool").replace(&plain(name), "…");
            assert_eq!(hide(&text, there), hide(&other_text, not_there), "{method} {kind}");
        }
        assert_eq!(api.ask("GET", &format!("/pools/acme/{kind}/{there}"), "").await.0, 200, "{kind} {there} is still there");
    }
    // A group takes members of its own pool.
    let (status, foreign) = api.ask("POST", "/pools/suppliers/groups/staff/members", r#"{"uid":"alice"}"#).await;
    let (_, unknown) = api.ask("POST", "/pools/suppliers/groups/staff/members", r#"{"uid":"nobod"}"#).await;
    assert_eq!((status, foreign.replace("alice", "…")), (404, unknown.replace("nobod", "…")));

    // Lists hold what is the pool's own.
    let (_, users) = api.ask("GET", "/pools/suppliers/users?limit=1000", "").await;
    let users: serde_json::Value = serde_json::from_str(&users).unwrap();
    let names: Vec<_> = users["items"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["erin", "frank"]);
    let (_, audit) = api.ask("GET", "/pools/suppliers/audit?limit=1000", "").await;
    assert!(audit.contains("o=suppliers") && !audit.contains("o=acme"), "{audit}");
    server.stop().await;
}
