#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::super::testing::{Bench, Counting, NOW, Still, bench, new_pool, nothing, operator, registry};
use super::*;
use crate::audit::{Query, query};
use crate::model::error::Clash;
use crate::model::{Kind, Timestamp};
use crate::store::{Key, Options, Prefix, SegmentSync, Space};

const SPACES: [Space; 18] = [
    Space::Entry,
    Space::Value,
    Space::Child,
    Space::Unique,
    Space::Index,
    Space::Link,
    Space::Backlink,
    Space::Credential,
    Space::Application,
    Space::Grant,
    Space::Session,
    Space::Interaction,
    Space::SigningKey,
    Space::Provider,
    Space::Federated,
    Space::Audit,
    Space::Checkpoint,
    Space::Throttle,
];

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

fn found(pool: Option<Arc<Pool>>) -> Option<u32> {
    pool.map(|pool| pool.id().get())
}

fn server_records(bench: &Bench) -> usize {
    [ServerPrefix::slugs(), ServerPrefix::suffixes(), ServerPrefix::pools(), ServerPrefix::counters(), ServerPrefix::checkpoints()]
        .iter()
        .map(|prefix| bench.store.server_scan(prefix, None).count())
        .sum()
}

#[tokio::test]
async fn a_created_pool_is_found_by_slug_suffix_and_number() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    assert_eq!((pool.id().get(), pool.suffix().to_string().as_str(), pool.status()), (1, "o=acme", Status::Active));
    assert_eq!((pool.created(), pool.administrators().to_string().as_str()), (NOW, "cn=admins,ou=groups,o=acme"));
    let registry = &bench.registry;
    for _ in 0..2 {
        assert_eq!(found(registry.by_slug("acme").unwrap()), Some(1));
        assert_eq!(found(registry.by_id(PoolId::new(1)).unwrap()), Some(1));
        for name in ["o=acme", "O=ACME", "uid=alice,ou=people,o=Acme"] {
            assert_eq!(found(registry.by_suffix(&dn(name)).unwrap()), Some(1), "{name}");
        }
    }
    for slug in ["acm", "ACME", "", "o=acme", "admin"] {
        assert_eq!(found(registry.by_slug(slug).unwrap()), None, "{slug}");
    }
    for name in ["", "o=acm", "o=acme,dc=com", "cn=subschema", "uid=o=acme"] {
        assert_eq!(found(registry.by_suffix(&dn(name)).unwrap()), None, "{name}");
    }
}

#[tokio::test]
async fn creating_a_pool_is_one_commit() {
    let bench = bench().await;
    let before = bench.store.statistics().commits;
    let entry = |pool: &Pool, changes: &mut Changes| {
        changes.put(Key::named(Space::Application, b"of the caller"), pool.suffix().to_string().into_bytes());
        Ok(())
    };
    let pool = bench.registry.create(new_pool("acme", Some("dc=example,dc=com")), &operator(), entry).await.unwrap();
    assert_eq!(bench.store.statistics().commits, before + 1);
    let row = pool.store().get(&Key::named(Space::Application, b"of the caller")).unwrap().unwrap();
    assert_eq!(&row.value[..], b"dc=example,dc=com");
    assert_eq!(row.version, pool.version());
}

#[tokio::test]
async fn an_empty_pool_costs_three_records_of_the_server_and_one_of_its_own() {
    let bench = bench().await;
    bench.create("first", None).await.unwrap();
    let before = server_records(&bench);
    let pool = bench.create("second", None).await.unwrap();
    assert_eq!(server_records(&bench) - before, 3);
    let rows = |space: &Space| pool.store().count(&Prefix::space(*space)).unwrap();
    assert_eq!(SPACES.iter().map(rows).sum::<usize>(), 1, "the audit event of its creation");
    assert_eq!(rows(&Space::Audit), 1);
    assert_eq!(rows(&Space::SigningKey), 0, "keys are made on first use");
}

#[tokio::test]
async fn no_lookup_reads_more_than_a_few_rows_however_many_pools_there_are() {
    let bench = bench().await;
    for number in 0..200 {
        bench.create(&format!("pool-{number}"), None).await.unwrap();
    }
    let fresh = registry(&bench.store).await;
    let reads = |look: &dyn Fn()| {
        let before = bench.store.statistics();
        look();
        let after = bench.store.statistics();
        assert_eq!(after.scanned, before.scanned, "a look-up does not scan");
        after.gets - before.gets
    };
    let name = dn("uid=alice,ou=people,o=pool-77");
    assert!(reads(&|| assert!(fresh.by_slug("pool-77").unwrap().is_some())) <= 2);
    assert!(reads(&|| assert!(fresh.by_suffix(&name).unwrap().is_some())) <= 2);
    assert!(reads(&|| assert!(fresh.by_slug("pool-77").unwrap().is_some())) <= 1);
    assert!(reads(&|| assert!(fresh.by_suffix(&name).unwrap().is_some())) <= 1);
    assert!(reads(&|| assert!(fresh.by_slug("pool-9999").unwrap().is_none())) <= 1);
    assert_eq!(reads(&|| assert!(fresh.by_slug("No Slug").unwrap().is_none())), 0);
    let deep = dn(&["dc=none"; 60].join(","));
    assert!(reads(&|| assert!(fresh.by_suffix(&deep).unwrap().is_none())) <= suffix::MAX_SUFFIX_RDNS as u64);
    let before = bench.store.statistics();
    registry(&bench.store).await;
    let after = bench.store.statistics();
    assert_eq!((after.gets - before.gets, after.scanned - before.scanned), (1, 0), "a registry begins with the check value of its key");
}

#[tokio::test]
async fn no_suffix_equals_contains_or_lies_under_anothers() {
    let bench = bench().await;
    bench.create("one", Some("ou=staff,dc=example,dc=com")).await.unwrap();
    let taken =
        ["ou=staff,dc=example,dc=com", "OU=Staff, DC=Example, DC=COM", "dc=example,dc=com", "dc=com", "ou=x,ou=staff,dc=example,dc=com"];
    for (number, suffix) in taken.into_iter().enumerate() {
        let error = bench.create(&format!("two-{number}"), Some(suffix)).await.unwrap_err();
        assert_eq!(*error.kind(), Kind::Conflict(Clash::Exists), "{suffix}: {error}");
    }
    for (number, suffix) in ["ou=guests,dc=example,dc=com", "dc=example2,dc=com", "o=staff"].into_iter().enumerate() {
        bench.create(&format!("three-{number}"), Some(suffix)).await.unwrap();
    }
    let holder = |name: &str| bench.registry.by_suffix(&dn(name)).unwrap().map(|pool| pool.slug().to_string());
    assert_eq!(holder("uid=a,ou=guests,dc=example,dc=com").as_deref(), Some("three-0"));
    assert_eq!(holder("uid=a,ou=staff,dc=example,dc=com").as_deref(), Some("one"));
    assert_eq!(holder("uid=a,dc=example,dc=com"), None);
}

#[tokio::test]
async fn a_slug_is_used_once() {
    let bench = bench().await;
    bench.create("acme", None).await.unwrap();
    let error = bench.create("acme", Some("o=other")).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Conflict(Clash::Exists));
    assert!(bench.registry.by_suffix(&dn("o=other")).unwrap().is_none(), "a refused creation leaves nothing");
}

#[tokio::test]
async fn what_fill_refuses_is_not_created() {
    let bench = bench().await;
    let refused = bench.registry.create(new_pool("acme", None), &operator(), |_, _| Err(Error::not_allowed("no"))).await;
    assert!(refused.is_err());
    assert!(bench.registry.by_slug("acme").unwrap().is_none());
    assert_eq!(bench.create("acme", None).await.unwrap().id().get(), 1);
}

#[tokio::test]
async fn creations_at_the_same_time_all_succeed_with_numbers_of_their_own() {
    let bench = Arc::new(bench().await);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                bench.create(&format!("pool-{number}"), Some(&format!("ou=u{number},dc=example,dc=com"))).await.unwrap().id().get()
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_two_registries_that_create_the_same_one_wins() {
    let bench = bench().await;
    let other = registry(&bench.store).await;
    let operator = operator();
    let (first, second) = tokio::join!(bench.create("acme", None), other.create(new_pool("acme", None), &operator, nothing));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    let (first, second) =
        tokio::join!(bench.create("upper", Some("dc=com")), other.create(new_pool("lower", Some("dc=a,dc=com")), &operator, nothing));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
}

#[tokio::test]
async fn updates_are_seen_by_every_registry_at_once_and_audited() {
    let bench = bench().await;
    let other = registry(&bench.store).await;
    let pool = bench.create("acme", None).await.unwrap();
    assert_eq!(other.by_slug("acme").unwrap().unwrap().display_name(), "Pool acme");
    let updated = bench
        .registry
        .update(pool.id(), &operator(), |draft| {
            draft.display_name = "Acme Corp".into();
            draft.settings.lockout.threshold = 3;
            draft.settings.administrators = Some(dn("cn=root,o=acme"));
            Ok(())
        })
        .await
        .unwrap();
    assert!(updated.version() > pool.version());
    let seen = other.by_slug("acme").unwrap().unwrap();
    assert_eq!(
        (seen.display_name(), seen.settings().lockout.threshold, seen.administrators().to_string().as_str()),
        ("Acme Corp", 3, "cn=root,o=acme")
    );
    assert_eq!(pool.display_name(), "Pool acme", "a handle stays as it was read");
    let events = query(pool.store(), &Query { limit: 10, ..Query::default() }).unwrap();
    let events: Vec<_> = events.into_iter().map(|(_, event)| event.unwrap()).collect();
    let actions: Vec<_> = events.iter().map(|event| (event.action, event.actor.as_str())).collect();
    assert_eq!(actions, [(Action::PoolCreate, "uid:1000"), (Action::PoolUpdate, "uid:1000")]);
}

#[tokio::test]
async fn an_update_without_a_change_is_no_commit() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let before = bench.store.statistics().commits;
    let same = bench.registry.update(pool.id(), &operator(), |_| Ok(())).await.unwrap();
    assert_eq!((same.version(), bench.store.statistics().commits), (pool.version(), before));
}

#[tokio::test]
async fn unfit_settings_and_names_are_refused() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let changes: [fn(&mut Draft); 4] = [
        |draft| draft.display_name = " ".into(),
        |draft| draft.display_name = "a\nb".into(),
        |draft| draft.display_name = "a".repeat(MAX_DISPLAY_NAME + 1),
        |draft| draft.settings.hashing.memory_kib = u32::MAX,
    ];
    for change in changes {
        let apply = |draft: &mut Draft| {
            change(draft);
            Ok(())
        };
        let error = bench.registry.update(pool.id(), &operator(), apply).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Invalid(_)), "{error}");
    }
    let mut new = new_pool("other", None);
    new.settings.session.idle = crate::model::Seconds(0);
    assert!(bench.registry.create(new, &operator(), nothing).await.is_err());
}

#[tokio::test]
async fn a_pool_is_suspended_and_made_active_again() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    for status in [Status::Suspended, Status::Active] {
        bench.registry.set_status(pool.id(), &operator(), status).await.unwrap();
        assert_eq!(bench.registry.by_slug("acme").unwrap().unwrap().status(), status);
    }
    assert!(bench.registry.set_status(pool.id(), &operator(), Status::Deleting).await.is_err());
    assert!(bench.registry.set_status(PoolId::new(9), &operator(), Status::Active).await.is_err());
}

async fn fill_rows(pool: &Pool, count: u32) {
    for part in 0..count / 100 {
        let mut changes = Changes::new();
        for number in 0..100 {
            let at = Timestamp::from_seconds(NOW.seconds() + 60);
            changes.put_until(Key::named(Space::Session, &(part * 100 + number).to_be_bytes()), vec![1; 20], at);
        }
        pool.store().commit(changes).await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_pool_leaves_its_slug_suffix_and_number_and_nothing_else() {
    let bench = bench().await;
    let other = bench.create("other", None).await.unwrap();
    fill_rows(&other, 100).await;
    let pool = bench.create("acme", None).await.unwrap();
    fill_rows(&pool, 2500).await;
    bench.registry.delete(pool.id(), &operator()).await.unwrap();
    for space in SPACES {
        assert_eq!(pool.store().count(&Prefix::space(space)).unwrap(), 0);
    }
    assert!(bench.registry.by_slug("acme").unwrap().is_none());
    assert!(bench.registry.by_suffix(&dn("uid=a,o=acme")).unwrap().is_none());
    assert!(bench.registry.by_id(pool.id()).unwrap().is_none());
    assert_eq!(other.store().count(&Prefix::space(Space::Session)).unwrap(), 100);
    assert!(bench.create("acme", Some("o=new")).await.is_err());
    for suffix in ["o=acme", "ou=x,o=acme"] {
        assert!(bench.create("new", Some(suffix)).await.is_err(), "{suffix}");
    }
    assert_eq!(bench.create("new", None).await.unwrap().id().get(), 3);
    assert!(matches!(bench.registry.delete(pool.id(), &operator()).await.unwrap_err().kind(), Kind::NotFound { .. }));
    assert_eq!(bench.registry.resume_deletions().await.unwrap(), 0);
}

#[tokio::test]
async fn a_deletion_that_was_interrupted_goes_on_at_the_next_start() {
    let Bench { store, registry: first, folder } = bench().await;
    let pool = first.create(new_pool("acme", None), &operator(), nothing).await.unwrap();
    let id = pool.id();
    fill_rows(&pool, 300).await;
    // What the first steps of a deletion leave when the process ends there.
    first.begin_deletion(id, &operator()).await.unwrap();
    store.remove_pool_rows(id, 50).await.unwrap();
    assert!(first.by_slug("acme").unwrap().is_none(), "a pool that is being deleted does not serve");
    assert_eq!(first.by_id(id).unwrap().unwrap().status(), Status::Deleting);
    assert_eq!(first.list(None, 10).unwrap().len(), 1);
    assert!(first.update(id, &operator(), |_| Ok(())).await.is_err());
    drop((pool, first));
    store.close();

    let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
    let second = registry(&store).await;
    assert_eq!(second.resume_deletions().await.unwrap(), 1);
    assert!(second.by_id(id).unwrap().is_none());
    assert_eq!(store.pool(id).count(&Prefix::space(Space::Session)).unwrap(), 0);
    assert_eq!(second.resume_deletions().await.unwrap(), 0);
}

#[tokio::test]
async fn pools_are_listed_in_parts() {
    let bench = bench().await;
    for number in 0..5 {
        bench.create(&format!("pool-{number}"), None).await.unwrap();
    }
    let numbers = |after: Option<u32>, limit| -> Vec<u32> {
        bench.registry.list(after.map(PoolId::new), limit).unwrap().iter().map(|(id, _)| id.get()).collect()
    };
    assert_eq!(numbers(None, 2), [1, 2]);
    assert_eq!(numbers(Some(2), 2), [3, 4]);
    assert_eq!(numbers(Some(4), 2), [5]);
    assert_eq!(numbers(Some(5), 2), [0; 0]);
}

#[tokio::test]
async fn secrets_open_in_their_pool_at_their_key_only() {
    let bench = bench().await;
    let (one, two) = (bench.create("one", None).await.unwrap(), bench.create("two", None).await.unwrap());
    let (key, other) = (Key::named(Space::Provider, b"a"), Key::named(Space::Provider, b"b"));
    let sealed = one.seal(&key, b"client secret").unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"secret"));
    assert_eq!(one.open(&key, &sealed).unwrap().expose(), b"client secret");
    assert!(one.open(&other, &sealed).is_err());
    assert!(two.open(&key, &sealed).is_err());
    let again = registry(&bench.store).await.by_slug("one").unwrap().unwrap();
    assert_eq!(again.open(&key, &sealed).unwrap().expose(), b"client secret");
    assert_eq!(again.mac("paging", b"x"), one.mac("paging", b"x"));
    assert_ne!(one.mac("paging", b"x"), two.mac("paging", b"x"));
    assert_ne!(one.mac("paging", b"x"), one.mac("names", b"x"));
    assert_eq!(format!("{one:?}"), "Pool(1 one active)");
}

#[tokio::test]
async fn another_master_key_is_refused_with_a_sentence() {
    let bench = bench().await;
    bench.create("acme", None).await.unwrap();
    let wrong = MasterKey::new(crate::model::Secret::new([8; 32]));
    let error = Registry::open(bench.store.clone(), wrong, Arc::new(Still), Arc::new(Counting::default())).await.unwrap_err();
    assert!(error.message().contains("put the key there that the store was made with"), "{error}");
}

#[tokio::test]
async fn whoever_still_holds_a_deleted_pool_writes_nothing_into_it() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    fill_rows(&pool, 100).await;
    bench.registry.delete(pool.id(), &operator()).await.unwrap();
    let late = pool.store().decide(|changes| {
        changes.put(Key::named(Space::Session, b"late"), Vec::new());
        Ok(())
    });
    assert!(matches!(late.await.unwrap_err().kind(), Kind::NotFound { .. }));
    assert_eq!(pool.store().count(&Prefix::space(Space::Session)).unwrap(), 0);
}

/// Makes the row of a pool one that this version cannot read, or one whose data key another master
/// key sealed.
async fn spoil(bench: &Bench, pool: &Pool, is_foreign: bool) {
    let key = ServerKey::pool(pool.id());
    let mut row = bench.store.server_get(&key).unwrap().unwrap().value.to_vec();
    if is_foreign {
        let other = MasterKey::new(crate::model::Secret::new([8; 32]));
        let data_key = DataKey::generate(1, &Counting::default());
        let wrapped = other.wrap(&data_key, &data_key_place(pool.id()), &Counting::default()).unwrap();
        row = PoolRecord { data_keys: vec![wrapped.into()], ..PoolRecord::decode(&row).unwrap() }.encode();
    } else {
        row[0] = 99;
    }
    let mut changes = ServerChanges::new();
    changes.put(key, row);
    bench.store.commit_server(changes).await.unwrap();
}

#[tokio::test]
async fn pools_that_cannot_be_read_are_listed_with_the_reason_and_disturb_no_other() {
    let bench = bench().await;
    let mut pools = Vec::new();
    for number in 0..4 {
        pools.push(bench.create(&format!("pool-{number}"), None).await.unwrap());
    }
    spoil(&bench, &pools[1], true).await;
    spoil(&bench, &pools[2], false).await;
    let fresh = registry(&bench.store).await;
    for registry in [&bench.registry, &fresh] {
        let listed = registry.list(None, 10).unwrap();
        let told: Vec<_> = listed
            .iter()
            .map(|(id, pool)| match pool {
                Ok(pool) => (id.get(), pool.slug().as_str(), ""),
                Err(unreadable) => (id.get(), unreadable.name.as_str(), unreadable.reason.message()),
            })
            .collect();
        let foreign = "a secret was sealed with another key: give the server the master key that the store was made with";
        let newer = "a stored record has version 99 and this server reads versions 1 to 1; start the server version that wrote it";
        assert_eq!(told, [(1, "pool-0", ""), (2, "pool-1", foreign), (3, "pool-2", newer), (4, "pool-3", "")]);
        for (slug, named) in [("pool-1", "pool-1"), ("pool-2", "3")] {
            let error = registry.by_slug(slug).unwrap_err();
            assert!(error.message().starts_with(&format!("the pool {named} cannot be read: ")), "{error}");
            assert!(registry.by_suffix(&dn(&format!("uid=a,o={slug}"))).is_err());
        }
        for slug in ["pool-0", "pool-3"] {
            assert!(registry.by_slug(slug).unwrap().is_some());
            assert!(registry.by_suffix(&dn(&format!("uid=a,o={slug}"))).unwrap().is_some());
        }
    }
    assert_eq!(fresh.resume_deletions().await.unwrap(), 0);
    bench.create("pool-4", None).await.unwrap();
}

#[tokio::test]
async fn pools_that_cannot_be_read_are_deleted_like_any_other() {
    for is_foreign in [true, false] {
        let bench = bench().await;
        let other = bench.create("other", None).await.unwrap();
        let pool = bench.create("acme", None).await.unwrap();
        fill_rows(&pool, 1500).await;
        spoil(&bench, &pool, is_foreign).await;
        assert_eq!(bench.registry.number("acme").unwrap(), Some(pool.id()));
        bench.registry.delete(pool.id(), &operator()).await.unwrap();
        for space in SPACES {
            assert_eq!(pool.store().count(&Prefix::space(space)).unwrap(), 0, "{space:?}");
        }
        assert_eq!(bench.registry.list(None, 10).unwrap().len(), 1);
        assert!(bench.registry.by_slug("acme").unwrap().is_none());
        assert_eq!(bench.store.server_scan(&ServerPrefix::checkpoints(), None).count(), 0);
        assert!(bench.create("acme", Some("o=new")).await.is_err(), "its slug stays used");
        assert!(bench.registry.by_slug("other").unwrap().is_some());
        assert_eq!(other.store().count(&Prefix::space(Space::Audit)).unwrap(), 1);
    }
}

#[tokio::test]
async fn the_deletion_of_a_pool_that_cannot_be_read_goes_on_at_the_next_start() {
    for is_foreign in [true, false] {
        let bench = bench().await;
        let pool = bench.create("acme", None).await.unwrap();
        fill_rows(&pool, 300).await;
        spoil(&bench, &pool, is_foreign).await;
        // What a deletion leaves when the process ends there.
        bench.registry.begin_deletion(pool.id(), &operator()).await.unwrap();
        bench.store.remove_pool_rows(pool.id(), 50).await.unwrap();
        assert_eq!(registry(&bench.store).await.resume_deletions().await.unwrap(), 1);
        assert_eq!(pool.store().count(&Prefix::space(Space::Session)).unwrap(), 0);
        assert!(bench.registry.by_id(pool.id()).unwrap().is_none());
    }
}
