//! What becomes of users and logins when their provider is edited, replaced or removed.

use super::*;

#[tokio::test]
async fn nobody_stays_for_whom_a_removed_provider_vouched() {
    let stage = Stage::new().await;
    let Step::Granted(granted) = stage.login().await else { panic!("refused") };
    let core = &stage.bench.core;
    let pool = &stage.bench.pool;
    let session = core.session(pool, granted.session.expose()).await.unwrap().unwrap();
    let holds = async || {
        let authentication = session.authentication();
        // What codes and grants keep, and what an identity keeps that was bound meanwhile.
        let given = core.welcome_since(pool, authentication.entry(), authentication.basis()).unwrap().is_some();
        assert_eq!(core.still_valid(authentication).unwrap(), given);
        assert_eq!(core.session(pool, granted.session.expose()).await.unwrap().is_some(), given);
        given
    };
    assert!(holds().await);
    let commit = async |fill: &dyn Fn(&mut Changes)| {
        let mut changes = Changes::new();
        fill(&mut changes);
        pool.store().commit(changes).await.unwrap();
    };
    commit(&|changes| federation::delete(changes, "suppliers")).await;
    assert!(!holds().await);
    commit(&|changes| federation::put(pool, changes, &stage.upstream.provider(), &*core.entropy).unwrap()).await;
    assert!(!holds().await, "one that has the name now has not vouched for anybody");
    assert_eq!(stage.logged_in().await, "suppliers.erin");
}

#[tokio::test]
async fn an_edit_of_a_provider_ends_its_word_when_it_changes_whose_that_is() {
    type Change = fn(&mut federation::IdentityProvider);
    fn kind(provider: &mut federation::IdentityProvider) -> (&mut String, &mut String, &mut Option<crate::model::Secret<String>>) {
        let federation::ProviderKind::Oidc { issuer, client_id, client_secret } = &mut provider.kind;
        (issuer, client_id, client_secret)
    }
    let table: [(&str, bool, Change); 7] = [
        ("nothing", true, |_| {}),
        ("its display name", true, |provider| provider.display_name = "Partners".into()),
        ("our secret there", true, |provider| *kind(provider).2 = Some(crate::model::Secret::new("another".into()))),
        ("the names of claims", true, |provider| provider.mapping.username = "nickname".into()),
        ("its issuer", false, |provider| kind(provider).0.push_str("/other")),
        ("our client id there", false, |provider| *kind(provider).1 = "other".into()),
        ("how far it is trusted", false, |provider| provider.mapping.unverified_mail = true),
    ];
    for of_former_release in [false, true] {
        for (what, goes_on, change) in table {
            let stage = Stage::new().await;
            let (core, pool) = (&stage.bench.core, &stage.bench.pool);
            if of_former_release {
                federation::testing::make_former(pool, "suppliers").await;
            }
            let away = stage.leave().await;
            let Step::Granted(granted) = stage.login().await else { panic!("refused") };
            let session = async || core.session(pool, granted.session.expose()).await.unwrap();
            let before = session().await.unwrap();
            let mut provider = stage.upstream.provider();
            change(&mut provider);
            // Twice, since the first edit must not make the second one the beginning of something.
            for _ in 0..2 {
                let mut changes = Changes::new();
                federation::put(pool, &mut changes, &provider, &*core.entropy).unwrap();
                pool.store().commit(changes).await.unwrap();
                assert_eq!(session().await.is_some(), goes_on, "{what} {of_former_release}");
                assert_eq!(core.still_valid(before.authentication()).unwrap(), goes_on, "{what} {of_former_release}");
            }
            stage.claim("nonce", json!(away.query["nonce"]));
            let came_back = stage.answer(&away, code()).await.unwrap();
            assert_eq!(matches!(came_back, Step::Granted(_)), goes_on, "{what} {of_former_release}: a login that was on its way");
        }
    }
}

#[tokio::test]
async fn a_login_on_its_way_ends_with_its_provider() {
    let stage = Stage::new().await;
    let (core, pool) = (&stage.bench.core, &stage.bench.pool);
    let away = stage.leave().await;
    let mut changes = Changes::new();
    federation::delete(&mut changes, "suppliers");
    pool.store().commit(changes).await.unwrap();
    let mut changes = Changes::new();
    federation::put(pool, &mut changes, &stage.upstream.provider(), &*core.entropy).unwrap();
    pool.store().commit(changes).await.unwrap();
    assert!(refused(&stage.answer(&away, code()).await.unwrap()));
    assert!(stage.upstream.behaviour().exchanged.is_none(), "nor is its code sent anywhere");
    assert_eq!(stage.logged_in().await, "suppliers.erin");
}

#[tokio::test]
async fn another_issuer_under_the_name_inherits_no_users() {
    let mut stage = Stage::new().await;
    assert_eq!(stage.logged_in().await, "suppliers.erin");
    let mut other = Upstream::start(stage.bench.now().seconds()).await;
    for expected in ["suppliers.erin-2", "suppliers.erin", "suppliers.erin-2"] {
        std::mem::swap(&mut stage.upstream, &mut other);
        let pool = &stage.bench.pool;
        let mut changes = Changes::new();
        federation::delete(&mut changes, "suppliers");
        pool.store().commit(changes).await.unwrap();
        let mut changes = Changes::new();
        federation::put(pool, &mut changes, &stage.upstream.provider(), &*stage.bench.core.entropy).unwrap();
        pool.store().commit(changes).await.unwrap();
        assert_eq!(stage.logged_in().await, expected);
    }
}

#[tokio::test]
async fn a_provider_is_kept_sealed_and_found_by_name() {
    let stage = Stage::new().await;
    let pool = &stage.bench.pool;
    let found = federation::find(pool, "suppliers").unwrap().unwrap();
    let federation::ProviderKind::Oidc { issuer, client_id, client_secret } = &found.kind;
    assert_eq!((issuer, client_id.as_str()), (&stage.upstream.issuer, "acme"));
    assert_eq!(client_secret.as_ref().unwrap().expose(), "client-secret");
    assert_eq!(federation::list(pool).unwrap().len(), 1);
    for row in pool.store().scan(&crate::store::Prefix::space(crate::store::Space::Provider), None) {
        let (_, row) = row.unwrap();
        assert!(!row.value.windows(13).any(|window| window == b"client-secret"));
    }
    let mut changes = Changes::new();
    for issuer in [
        "http://idp.example",
        "https://",
        "ftp://localhost",
        "https://u:p@idp.example",
        "https://idp.example/?x",
        "https://idp.example/#x",
        "",
    ] {
        let mut provider = stage.upstream.provider();
        provider.kind = federation::ProviderKind::Oidc { issuer: issuer.into(), client_id: "acme".into(), client_secret: None };
        assert!(federation::put(pool, &mut changes, &provider, &*stage.bench.core.entropy).is_err(), "{issuer}");
    }
    for name in ["", "Suppliers", "a b", "a.b", &"a".repeat(33)] {
        let provider = federation::IdentityProvider { name: name.into(), ..stage.upstream.provider() };
        assert!(federation::put(pool, &mut changes, &provider, &*stage.bench.core.entropy).is_err(), "{name}");
    }
    federation::delete(&mut changes, "suppliers");
    pool.store().commit(changes).await.unwrap();
    assert!(federation::find(pool, "suppliers").unwrap().is_none());
}

#[tokio::test]
async fn what_rests_on_a_provider_as_it_was_read_conflicts_with_its_change() {
    let stage = Stage::new().await;
    let (pool, entropy) = (&stage.bench.pool, &*stage.bench.core.entropy);
    let commit = async |changes| pool.store().commit(changes).await.map(drop);
    let provider = stage.upstream.provider();
    let (_, seen) = federation::read_version(pool, "suppliers").unwrap().unwrap();
    let voucher = federation::voucher(pool, "suppliers").unwrap().unwrap();
    let mut login = Changes::new();
    federation::expect(pool, &mut login, &voucher).unwrap();
    let mut edit = Changes::new();
    federation::put(pool, &mut edit, &provider, entropy).unwrap();

    let mut other = Changes::new();
    let renamed = federation::IdentityProvider { display_name: "Partners".into(), ..provider.clone() };
    federation::put(pool, &mut other, &renamed, entropy).unwrap();
    commit(other).await.unwrap();
    assert_eq!(commit(edit).await, Err(CommitError::Conflict));
    assert_eq!(commit(login).await, Err(CommitError::Conflict));
    let mut late = Changes::new();
    federation::replace(pool, &mut late, &provider, seen, entropy).unwrap();
    assert_eq!(commit(late).await, Err(CommitError::Conflict), "it was shown in another state");
    assert_eq!(federation::find(pool, "suppliers").unwrap().unwrap().display_name, "Partners");
    let mut login = Changes::new();
    federation::expect(pool, &mut login, &voucher).unwrap();
    commit(login).await.unwrap();
}
