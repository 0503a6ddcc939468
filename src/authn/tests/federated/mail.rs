//! Mail addresses and names that an upstream gives: only those that it may, and never against an
//! administrator.

mod names;
mod renewal;

use super::*;
use crate::authn::PasswordTerms;
use crate::directory::{Modification, NewEntry};
use crate::federation::{IdentityProvider, MailDomains, Mapping, precedence::Taken};
use crate::model::{Attribute, Dn, EntryId, Rdn, Result, error::Rule};

const ERIN: &str = "erin@suppliers.example";

impl Stage {
    async fn vouching_for(domains: &[&str]) -> Self {
        let stage = Self::new().await;
        stage.set(|provider| provider.mail_domains = MailDomains::parse(domains).unwrap()).await;
        stage
    }

    /// Changes the provider's record.
    async fn set(&self, change: impl Fn(&mut IdentityProvider)) {
        let mut provider = federation::find(&self.bench.pool, "suppliers").unwrap().unwrap();
        change(&mut provider);
        let mut changes = Changes::new();
        federation::put(&self.bench.pool, &mut changes, &provider, &*self.bench.core.entropy).unwrap();
        self.bench.pool.store().commit(changes).await.unwrap();
    }

    fn holder(&self, attribute: &str, value: &str) -> Option<EntryId> {
        self.bench.directory().by_unique(attribute, value.as_bytes()).unwrap()
    }

    fn mail_of(&self, uid: &str) -> Option<String> {
        let directory = self.bench.directory();
        let entry = directory.entry(self.holder("uid", uid).unwrap()).unwrap().unwrap();
        entry.first_text("mail").map(str::to_owned)
    }

    /// An administrator adds somebody of that uid and with that address.
    async fn add(&self, uid: &str, mail: &str) -> Result<(EntryId, Vec<Taken>)> {
        let mut entry = user(uid, None);
        entry.attributes.retain(|attribute| attribute.name != "mail");
        entry.attributes.push(Attribute::new("mail", [mail]));
        self.bench.core.put_in_place(&self.bench.pool, &operator(), entry).await
    }

    async fn modify(&self, uid: &str, step: Modification) -> Result<()> {
        let target = self.holder("uid", uid).unwrap();
        self.bench.core.modify_entry(&self.bench.pool, &operator(), target, &[step]).await.map(drop)
    }
}

#[tokio::test]
async fn an_address_elsewhere_is_nobodys() {
    let elsewhere = [
        "new@acme.example",
        "erin@badsuppliers.example",
        "erin@suppliers.example.evil",
        "erin@suppliers.example.",
        "\"a@b\"@suppliers.example",
    ];
    for address in elsewhere {
        let stage = Stage::new().await;
        stage.claim("email", json!(address));
        assert_eq!(stage.logged_in().await, "suppliers.erin", "the person comes in all the same");
        assert_eq!((stage.mail_of("suppliers.erin"), stage.holder("mail", address)), (None, None), "{address}");
        // The real person can be made.
        if let Some(local) = address.strip_suffix("@acme.example") {
            stage.bench.user(local, "correct horse").await;
            assert_eq!(stage.mail_of(local).as_deref(), Some(address));
        }
    }
    for (domains, address, kept) in [
        (&["suppliers.example"][..], "Erin@SUPPLIERS.example", Some("Erin@suppliers.example")),
        (&["bücher.example"], "erin@xn--bcher-kva.example", Some("erin@xn--bcher-kva.example")),
        (&["xn--bcher-kva.example"], "erin@bücher.example", Some("erin@xn--bcher-kva.example")),
        (&["*"], "new@acme.example", Some("new@acme.example")),
        (&[], ERIN, None),
    ] {
        let stage = Stage::vouching_for(domains).await;
        stage.claim("email", json!(address));
        stage.logged_in().await;
        assert_eq!(stage.mail_of("suppliers.erin").as_deref(), kept, "{domains:?}");
    }
}

#[tokio::test]
async fn a_provider_without_domains_is_one_of_before() {
    let pool_of = |trusted| async move {
        let stage = Stage::new().await;
        let mapping = Mapping { unverified_mail: trusted, ..Mapping::default() };
        stage.set(|provider| provider.mapping = mapping.clone()).await;
        stage.logged_in().await;
        federation::testing::make_former(&stage.bench.pool, "suppliers").await;
        stage.claim("sub", json!("erin-2"));
        stage.claim("email", json!("second@elsewhere.example"));
        assert_eq!(stage.logged_in().await, "suppliers.erin-2");
        (stage.mail_of("suppliers.erin"), stage.mail_of("suppliers.erin-2"))
    };
    let first = || Some(ERIN.to_owned());
    assert_eq!(pool_of(false).await, (first(), None), "what is there stays, and nothing new is taken");
    assert_eq!(pool_of(true).await, (first(), Some("second@elsewhere.example".to_owned())), "it is trusted as it was");
}

#[tokio::test]
async fn a_provider_that_loses_a_domain_has_vouched_for_nobody_and_one_that_gets_another_has() {
    for (before, after, goes_on) in [
        (&["suppliers.example"][..], &["other.example", "SUPPLIERS.example"][..], true),
        (&["suppliers.example"], &["*"], true),
        (&[], &["suppliers.example"], true),
        (&["other.example", "suppliers.example"], &["suppliers.example"], false),
        (&["suppliers.example"], &["other.example"], false),
        (&["*"], &["suppliers.example"], false),
        (&["suppliers.example"], &[], false),
    ] {
        let stage = Stage::vouching_for(before).await;
        let Step::Granted(granted) = stage.login().await else { panic!("refused") };
        let (core, pool) = (&stage.bench.core, &stage.bench.pool);
        let holds = async || core.session(pool, granted.session.expose()).await.unwrap().is_some();
        assert!(holds().await);
        stage.set(|provider| provider.mail_domains = MailDomains::parse(after).unwrap()).await;
        assert_eq!(holds().await, goes_on, "{before:?} {after:?}");
        assert_eq!(stage.logged_in().await, "suppliers.erin", "who comes again is let in");
    }
}

#[tokio::test]
async fn a_later_login_with_another_address_follows_the_same_rule() {
    let stage = Stage::new().await;
    let login_with = async |address: &str| {
        stage.claim("email", json!(address));
        assert_eq!(stage.logged_in().await, "suppliers.erin");
        stage.mail_of("suppliers.erin")
    };
    assert_eq!(login_with("new@acme.example").await, None);
    assert_eq!(login_with(ERIN).await.as_deref(), Some(ERIN));
    assert_eq!(login_with("new@acme.example").await, None, "elsewhere, and the one of before is no longer said");
    assert_eq!(login_with("evans@suppliers.example").await.as_deref(), Some("evans@suppliers.example"));
    assert_eq!(stage.holder("mail", ERIN), None, "the old one is free again");
    let changed = stage.bench.events(Action::EntryModify);
    assert_eq!(changed.iter().map(|event| event.actor.as_str()).collect::<Vec<_>>(), ["federation:suppliers"; 3]);
    stage.add("frank", "frank@suppliers.example").await.unwrap();
    assert_eq!(login_with("frank@suppliers.example").await, None, "taken, and the one of before is no longer said");
    assert_eq!(login_with("evans@suppliers.example").await.as_deref(), Some("evans@suppliers.example"));

    // What an administrator writes stays, even if that is none.
    stage.modify("suppliers.erin", replace("mail", "erin@acme.example")).await.unwrap();
    assert_eq!(login_with(ERIN).await.as_deref(), Some("erin@acme.example"));
    let none = Attribute { name: "mail".into(), values: Vec::new() };
    let nothing = Modification { kind: crate::directory::ModificationKind::Replace, attribute: none };
    stage.modify("suppliers.erin", nothing).await.unwrap();
    assert_eq!(login_with(ERIN).await, None);
}

#[tokio::test]
async fn an_administrator_takes_an_address_that_is_not_proven() {
    let stage = Stage::vouching_for(&["*"]).await;
    stage.claim("email", json!("new@acme.example"));
    stage.logged_in().await;
    let holder = stage.holder("mail", "new@acme.example").unwrap();
    let (id, taken) = stage.add("new", "NEW@acme.example").await.unwrap();
    assert_eq!(stage.holder("mail", "new@acme.example"), Some(id));
    assert_ne!(holder, id);
    assert_eq!(stage.mail_of("suppliers.erin"), None);
    let told = "uid=suppliers.erin,ou=people,o=acme, whom the identity provider `suppliers` had brought, has lost the mail address NEW@acme.example";
    assert_eq!(taken.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    let yielded = stage.bench.events(Action::FederatedYield);
    assert_eq!(
        (yielded.len(), yielded[0].actor.as_str(), yielded[0].target.as_deref()),
        (1, "uid:0", Some("uid=suppliers.erin,ou=people,o=acme"))
    );
    // It does not come back, and the person is who they were.
    assert_eq!(stage.logged_in().await, "suppliers.erin");
    stage.bench.core.delete_entry(&stage.bench.pool, &operator(), id).await.unwrap();
    stage.logged_in().await;
    assert_eq!(stage.mail_of("suppliers.erin"), None);
}

#[tokio::test]
async fn an_administrator_takes_it_for_somebody_who_is_there_too_and_with_a_password() {
    for with_password in [false, true] {
        let stage = Stage::vouching_for(&["*"]).await;
        stage.claim("email", json!("new@acme.example"));
        stage.logged_in().await;
        let id = stage.bench.user("frank", "correct horse").await;
        let mut steps = vec![replace("mail", "new@acme.example")];
        if with_password {
            steps.push(replace("userPassword", "another horse"));
        }
        stage.bench.core.modify_entry(&stage.bench.pool, &operator(), id, &steps).await.unwrap();
        assert_eq!((stage.holder("mail", "new@acme.example"), stage.mail_of("suppliers.erin")), (Some(id), None));
        assert_eq!(stage.bench.events(Action::FederatedYield).len(), 1);
    }
    let stage = Stage::vouching_for(&["*"]).await;
    stage.claim("email", json!("new@acme.example"));
    stage.logged_in().await;
    let mut entry = user("new", Some("correct horse"));
    entry.attributes.push(Attribute::new("description", ["somebody"]));
    stage.bench.core.add_entry(&stage.bench.pool, &operator(), entry).await.unwrap();
    assert_eq!(stage.mail_of("new").as_deref(), Some("new@acme.example"));
}

#[tokio::test]
async fn what_is_proven_or_an_administrators_is_taken_from_nobody() {
    let constraint = |result: Result<(EntryId, Vec<Taken>)>| {
        let error = result.unwrap_err();
        assert_eq!(*error.kind(), Kind::Invalid(Rule::Unique));
        error.message().to_owned()
    };
    // The domain is listed, beside the trust in everything.
    let stage = Stage::vouching_for(&["*", "suppliers.example"]).await;
    stage.logged_in().await;
    let refused = constraint(stage.add("erin", ERIN).await);
    assert!(
        refused.contains("uid=suppliers.erin,ou=people,o=acme") && refused.contains("mail_domains") && refused.contains("`suppliers`"),
        "{refused}"
    );
    assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some(ERIN));
    // It no longer is, or the provider is another one.
    stage.set(|provider| provider.mail_domains = MailDomains::default()).await;
    stage.add("erin", ERIN).await.unwrap();

    let stage = Stage::new().await;
    stage.logged_in().await;
    stage
        .set(|provider| {
            let federation::ProviderKind::Oidc { issuer, .. } = &mut provider.kind;
            *issuer = "https://other.example".into();
        })
        .await;
    stage.add("erin", ERIN).await.unwrap();

    // Somebody whom an administrator made, and an address that one has given.
    let stage = Stage::vouching_for(&["*"]).await;
    stage.add("frank", "frank@acme.example").await.unwrap();
    constraint(stage.add("grace", "frank@acme.example").await);
    stage.logged_in().await;
    stage.modify("suppliers.erin", replace("mail", "erin@acme.example")).await.unwrap();
    constraint(stage.add("erin", "erin@acme.example").await);
    stage.modify("suppliers.erin", replace("displayName", "Erin E.")).await.unwrap();
    constraint(stage.add("erin", "erin@acme.example").await);

    // Nobody but administrators takes anything.
    let stage = Stage::vouching_for(&["*"]).await;
    stage.logged_in().await;
    let id = stage.bench.user("frank", "correct horse").await;
    let frank = crate::model::Actor { role: crate::model::Role::User, entry: Some(id), ..operator() };
    stage.bench.core.modify_entry(&stage.bench.pool, &frank, id, &[replace("mail", ERIN)]).await.unwrap_err();
    assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some(ERIN));
}

#[tokio::test]
async fn what_an_earlier_version_left_is_judged_by_who_has_written_the_entry() {
    let former = async || {
        let stage = Stage::vouching_for(&["*"]).await;
        stage.logged_in().await;
        let id = stage.holder("uid", "suppliers.erin").unwrap();
        federation::testing::forget_mail_origin(&stage.bench.pool, id).await;
        (stage, id)
    };
    let (stage, _) = former().await;
    stage.claim("email", json!("evans@suppliers.example"));
    stage.logged_in().await;
    assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some(ERIN), "it stays as it is");
    stage.add("erin", ERIN).await.unwrap();

    let (stage, id) = former().await;
    let herself = crate::model::Actor {
        role: crate::model::Role::User,
        entry: Some(id),
        name: "uid=suppliers.erin,ou=people,o=acme".into(),
        ..operator()
    };
    stage.bench.core.modify_entry(&stage.bench.pool, &herself, id, &[replace("mobile", "+1 555 0100")]).await.unwrap();
    stage.add("erin", ERIN).await.unwrap();

    let (stage, id) = former().await;
    stage.bench.disable(id, true).await;
    let error = stage.add("erin", ERIN).await.unwrap_err();
    assert!(error.message().contains("another entry of the pool has this mail"), "who gave it cannot be told any more: {error}");
}

#[tokio::test]
async fn an_administrator_takes_a_name_that_an_upstream_gave() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    let erin = stage.holder("uid", "suppliers.erin").unwrap();
    let (id, taken) = stage.add("Suppliers.Erin", "e@acme.example").await.unwrap();
    assert_eq!(stage.holder("uid", "suppliers.erin"), Some(id));
    assert_eq!(stage.holder("uid", "suppliers.erin-2"), Some(erin));
    let directory = stage.bench.directory();
    assert_eq!(directory.dn(erin).unwrap().unwrap().to_string(), "uid=suppliers.erin-2,ou=people,o=acme");
    assert_eq!(directory.dn(id).unwrap().unwrap().to_string(), "uid=Suppliers.Erin,ou=people,o=acme");
    assert_eq!(taken[0].uid.as_deref(), Some("suppliers.erin-2"));
    assert!(taken[0].to_string().ends_with("has the uid suppliers.erin-2 now"), "{}", taken[0]);
    assert_eq!(stage.mail_of("suppliers.erin-2").as_deref(), Some(ERIN));
    assert_eq!(stage.logged_in().await, "suppliers.erin-2", "the person comes in as who they are");

    // The name and an unproven address at once, from the same person.
    stage.set(|provider| provider.mail_domains = MailDomains::all()).await;
    let (id, taken) = stage.add("suppliers.erin-2", ERIN).await.unwrap();
    assert_eq!((stage.holder("uid", "suppliers.erin-2"), stage.holder("mail", ERIN)), (Some(id), Some(id)));
    assert_eq!((taken.len(), taken[0].uid.as_deref()), (1, Some("suppliers.erin-2-2")));
    assert_eq!(stage.mail_of("suppliers.erin-2-2"), None);

    // By a new name for somebody who is there.
    stage.bench.user("grace", "correct horse").await;
    let grace = stage.holder("uid", "grace").unwrap();
    stage
        .bench
        .core
        .rename_entry(&stage.bench.pool, &operator(), grace, &Rdn::single("uid", "suppliers.erin-2-2"), true, None)
        .await
        .unwrap();
    assert_eq!(stage.holder("uid", "suppliers.erin-2-2"), Some(grace));

    // What an administrator has made, or named, is left alone.
    let error = stage.add("suppliers.erin", "f@acme.example").await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Conflict(crate::model::error::Clash::Exists));
    assert_eq!(stage.logged_in().await, "suppliers.erin-2-2-2");
    assert_eq!(stage.bench.events(Action::FederatedYield).len(), 3);
}

#[tokio::test]
async fn a_file_takes_no_name_from_anybody() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    let entry = NewEntry { dn: Dn::parse("uid=suppliers.erin,ou=people,o=acme").unwrap(), ..user("x", None) };
    let terms = PasswordTerms::default();
    let imported = stage.bench.core.import_entry(&stage.bench.pool, &operator(), entry, terms, false, |_, _| Ok(())).await;
    assert_eq!(*imported.unwrap_err().kind(), Kind::Conflict(crate::model::error::Clash::Exists));
    assert_eq!(stage.logged_in().await, "suppliers.erin");
}

/// Who decides about an address at the same moment as somebody else decides again.
#[tokio::test]
async fn of_two_words_about_an_address_the_later_one_has_read_the_first() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    let (directory, store) = (stage.bench.directory(), stage.bench.pool.store());
    let erin = stage.holder("uid", "suppliers.erin").unwrap();
    let (mut first, mut second) = (Changes::new(), Changes::new());
    for changes in [&mut first, &mut second] {
        federation::precedence::decide_mail(&directory, changes, erin).unwrap();
    }
    store.commit(first).await.unwrap();
    assert_eq!(store.commit(second).await, Err(CommitError::Conflict));
}

#[tokio::test]
async fn nobody_loses_an_address_or_a_name_to_themselves() {
    let stage = Stage::vouching_for(&["suppliers.example"]).await;
    stage.logged_in().await;
    stage.modify("suppliers.erin", replace("mail", ERIN)).await.unwrap();
    stage.set(|provider| provider.mail_domains = MailDomains::all()).await;
    stage.modify("suppliers.erin", replace("mail", ERIN)).await.unwrap();
    assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some(ERIN));
    assert!(stage.bench.events(Action::FederatedYield).is_empty());
}
