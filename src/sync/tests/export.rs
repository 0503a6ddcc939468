//! What an export holds while others change the pool.

use super::*;
use crate::model::Rdn;

#[tokio::test]
async fn an_entry_is_exported_though_the_parent_that_it_waits_for_goes() {
    let bench = Bench::start().await;
    let unit = |name: &str| format!("dn: ou={name},o=acme\nobjectClass: organizationalUnit\n\n");
    // More entries than one piece holds stand between alice and the younger parent that she is
    // moved to.
    let people: String = (0..300).map(|number| person(&format!("u{number}"), "")).collect();
    bench.import(&(person("alice", "") + &person("below", "") + &unit("home"))).await.unwrap();
    bench.import(&people).await.unwrap();
    bench.import(&unit("young")).await.unwrap();
    let directory = Directory::new(&bench.pool);
    let id = |dn: &str| directory.resolve(&Dn::parse(dn).unwrap()).unwrap();
    let (home, young, alice) = (id("ou=home,o=acme"), id("ou=young,o=acme"), id("uid=alice,ou=people,o=acme"));
    let below = id("uid=below,ou=people,o=acme");
    let move_to = async |entry, rdn: &str, parent| {
        bench.core.rename_entry(&bench.pool, &operator(), entry, &Rdn::parse(rdn).unwrap(), false, Some(parent)).await.unwrap();
    };
    move_to(alice, "uid=alice", young).await;
    move_to(below, "uid=below", alice).await;
    let mut export = Export::new(&bench.pool);
    let mut file = export.next(&bench.core).await.unwrap().unwrap();
    move_to(alice, "uid=alice", home).await;
    bench.core.delete_entry(&bench.pool, &operator(), young).await.unwrap();
    while let Some(piece) = export.next(&bench.core).await.unwrap() {
        file.extend(piece);
    }
    let text = String::from_utf8(file).unwrap();
    assert!(!text.contains("ou=young"), "it is gone");
    let places: Vec<usize> = ["ou=home,o=acme", "uid=alice,ou=home,o=acme", "uid=below,uid=alice,ou=home,o=acme"]
        .iter()
        .map(|dn| text.find(&format!("dn: {dn}\n")).unwrap_or_else(|| panic!("{dn} is missing")))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(text.matches("\n\ndn: ").count(), 5 + 3 + 300, "everything once");
}
