//! Nothing that opens anything is ever logged.

use crate::ldap_client::{Directory, code};
use crate::served::{Served, configuration};
use crate::web_client::{Application, Browser};
use ldap3::{Mod, Scope};
use std::collections::HashSet;
use std::path::Path;

/// Runs an operator's command with a secret on its standard input, and gives what it prints.
async fn operate(data: &Path, arguments: &[&str], input: &str) -> String {
    let mut program = crate::harness::Program::poolgate();
    program.arguments(arguments.iter().copied()).arguments(["--data", data.to_str().unwrap()]).input(input);
    program.run().await.good()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_nobody_reads_works_on_and_ends_as_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("poolgate.toml");
    std::fs::write(&file, configuration(&data, "")).unwrap();
    let mut served = Served::start(&file, &[("POOLGATE_LOG__FILTER", "debug")]).await;
    served.stop_listening();
    operate(&data, &["pool", "create", "acme"], "").await;
    operate(&data, &["user", "create", "--pool", "acme", "ann", "--password-stdin"], "Gravel-Teapot-71").await;
    let mut directory = Directory::plain(served.address("ldap")).await;
    let ann = "uid=ann,ou=people,o=acme";
    assert_eq!(directory.bind(ann, "Gravel-Teapot-17").await.code, code::INVALID_CREDENTIALS);
    assert_eq!(directory.bind(ann, "Gravel-Teapot-71").await.code, code::SUCCESS);
    served.signal("TERM");
    assert!(served.ended().await.0.success());
    assert!(!data.join("admin.sock").exists());
}

/// A line that anybody can repeat: an upstream that cannot be reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_line_is_cut_and_told() {
    const FLOOD: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("poolgate.toml");
    std::fs::write(&file, configuration(&data, "")).unwrap();
    let served = Served::start(&file, &[]).await;
    operate(&data, &["pool", "create", "acme"], "").await;
    operate(&data, &["client", "create", "--pool", "acme", "shop", "--redirect-uri", "http://localhost:9/c"], "").await;
    let provider =
        ["idp", "create", "--pool", "acme", "partner", "--issuer", "http://localhost:1", "--client-id", "x", "--client-secret-stdin"];
    operate(&data, &provider, "Copper-Saddle-90").await;
    let issuer = format!("http://localhost:{}/pools/acme", served.address("http").port());
    let shop = Application { issuer, id: "shop".into(), secret: String::new(), redirect_uri: "http://localhost:9/c".into() };
    let mut browser = Browser::new();
    let page = browser.login_page(&shop.authorize()).await;
    for _ in 0..FLOOD {
        assert_eq!(browser.leave_for(&page, "partner").await.status, 502);
    }
    let log: Vec<serde_json::Value> = served.stop().await.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |message: &str| log.iter().map(|line| &line["fields"]).filter(|fields| fields["message"] == message).collect::<Vec<_>>();
    let kind = "an upstream login cannot begin";
    let told = of(kind).len();
    let left_out: u64 = of("lines of one kind came too fast, and were left out").iter().filter_map(|fields| fields["count"].as_u64()).sum();
    assert!(left_out > 0, "{log:?}");
    assert_eq!(told + usize::try_from(left_out).unwrap(), FLOOD, "none is lost: {log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_however_much_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("poolgate.toml");
    std::fs::write(&file, configuration(&data, "")).unwrap();
    let served = Served::start(&file, &[("POOLGATE_LOG__FILTER", "trace")]).await;
    let issuer = format!("http://localhost:{}/pools/acme", served.address("http").port());
    let mut secrets: Vec<String> = Vec::new();
    let mut secret = |text: &str| {
        secrets.push(text.to_owned());
        text.to_owned()
    };

    operate(&data, &["pool", "create", "acme"], "").await;
    let password = secret("Gravel-Teapot-71");
    operate(&data, &["user", "create", "--pool", "acme", "ann", "--password-stdin"], &password).await;
    operate(&data, &["user", "create", "--pool", "acme", "root", "--password-stdin"], &secret("Window-Carpet-33")).await;
    operate(&data, &["group", "create", "--pool", "acme", "admins", "--member", "root"], "").await;
    let made = operate(&data, &["user", "password", "--pool", "acme", "root"], "").await;
    let root = secret(made.trim().strip_prefix("password: ").unwrap());
    let client_secret = secret("Marble-Lantern-58");
    let client =
        ["client", "create", "--pool", "acme", "shop", "--first-party", "--redirect-uri", "http://localhost:9/c", "--secret-stdin"];
    operate(&data, &client, &client_secret).await;
    let provider =
        ["idp", "create", "--pool", "acme", "partner", "--issuer", "http://localhost:1", "--client-id", "x", "--client-secret-stdin"];
    operate(&data, &provider, &secret("Copper-Saddle-90")).await;

    // LDAP: right and wrong, in every place where a password can stand.
    let wrong = secret("Gravel-Teapot-17");
    let mut directory = Directory::plain(served.address("ldap")).await;
    let ann = "uid=ann,ou=people,o=acme";
    assert_eq!(directory.bind(ann, &wrong).await.code, code::INVALID_CREDENTIALS);
    assert_eq!(directory.bind(&secret("Ribbon-Kettle-26"), &wrong).await.code, 34, "a password as a name");
    assert_eq!(directory.bind(&format!("{}@acme", secret("Violet-Hammer-64")), &wrong).await.code, code::INVALID_CREDENTIALS);
    assert_eq!(directory.bind(ann, &password).await.code, code::SUCCESS);
    let _ = directory.compare(ann, "userPassword", &password).await;
    let _ = directory.search("o=acme", Scope::Subtree, &format!("(userPassword={password})"), &[]).await;
    assert_ne!(directory.password(None, Some(&wrong), Some(&secret("Anchor-Pillow-49"))).await.code, code::SUCCESS);
    let changed = secret("Silver-Garden-05");
    assert_eq!(directory.password(None, Some(&password), Some(&changed)).await.code, code::SUCCESS);
    let step = Mod::Replace("userPassword", HashSet::from([wrong.as_str()]));
    assert_ne!(directory.modify(ann, step).await.code, code::SUCCESS);
    assert_eq!(directory.bind("uid=root,ou=people,o=acme", &root).await.code, code::SUCCESS);
    let new = [("objectClass", "inetOrgPerson"), ("uid", "ben"), ("cn", "Ben"), ("sn", "B"), ("userPassword", &secret("Timber-Window-82"))];
    assert_eq!(directory.add("uid=ben,ou=people,o=acme", &new).await.code, code::SUCCESS);
    let malformed = [("objectClass", "inetOrgPerson"), ("userPassword", &*secret("Hollow-Basket-37"))];
    assert_ne!(directory.add("uid=bad,ou=people,o=acme", &malformed).await.code, code::SUCCESS);

    // Pages and tokens.
    let shop = Application { issuer, id: "shop".into(), secret: client_secret, redirect_uri: "http://localhost:9/c".into() };
    let mut browser = Browser::new();
    let page = browser.login_page(&shop.authorize()).await;
    secret(&page.form_token);
    assert_eq!(browser.submit(&page, "ann", &wrong).await.status, 401);
    assert_eq!(browser.submit(&page, &secret("Ladder-Pepper-12"), "ann").await.status, 401, "a password as a name");
    secret(&page.sealed_request);
    browser.leave_for(&page, "partner").await;
    let code = secret(&browser.log_in(&page, "ann", &changed).await.parameter("code").unwrap());
    let forged = Application { secret: secret("Marble-Lantern-85"), ..shop.clone() };
    assert_eq!(browser.redeem(&forged, &code).await.status, 401);
    let tokens = browser.redeem(&shop, &code).await.json();
    let access = secret(tokens["access_token"].as_str().unwrap());
    secret(tokens["id_token"].as_str().unwrap());
    assert_eq!(browser.userinfo(&shop.issuer, &access).await.status, 200);
    assert_eq!(browser.userinfo(&shop.issuer, &secret("Pencil.Orchid.73")).await.status, 401);
    for name in ["poolgate-1-session", "poolgate-1-browser", "poolgate-1-mark"] {
        secret(browser.cookie(name).unwrap());
    }
    secret(std::fs::read_to_string(data.join("master.key")).unwrap().trim());

    let audit = operate(&data, &["audit", "--pool", "acme", "--json"], "").await;
    let log = served.stop().await;
    assert!(log.contains("\"level\":\"DEBUG\""), "much is logged");
    for secret in &secrets {
        for (place, text) in [("log", &log), ("audit log", &audit)] {
            if let Some(line) = text.lines().find(|line| line.contains(secret.as_str())) {
                panic!("{secret} is in the {place}:\n{line}");
            }
        }
    }
}
