//! Files with people whose mail addresses users of an upstream have.

use super::*;
use crate::federation::{self, IdentityProvider, MailDomains, Mapping, ProviderKind, UpstreamIdentity, link};

const ISSUER: &str = "https://idp.example";

impl Bench {
    /// A pool with somebody whom an upstream that vouches for those domains has brought, with that
    /// address.
    async fn with_squatter(domains: &[&str], address: &str) -> Self {
        let bench = Self::start().await;
        let provider = IdentityProvider {
            name: "suppliers".into(),
            display_name: "Suppliers".into(),
            kind: ProviderKind::Oidc { issuer: ISSUER.into(), client_id: "acme".into(), client_secret: None },
            mapping: Mapping::default(),
            mail_domains: MailDomains::parse(domains).unwrap(),
        };
        let identity = UpstreamIdentity {
            issuer: ISSUER.into(),
            subject: "1".into(),
            username: Some("squatter".into()),
            mail: Some(address.into()),
            mail_elsewhere: None,
            name: None,
            given_name: None,
            family_name: None,
            logged_in: None,
        };
        let (core, directory) = (&bench.core, Directory::new(&bench.pool));
        let fill = |changes: &mut crate::store::Changes| {
            federation::put(&bench.pool, changes, &provider, &*core.entropy)?;
            link::find_or_create(&directory, changes, "suppliers", &identity, core.clock.now(), &*core.entropy)
        };
        bench.pool.store().decide(fill).await.unwrap();
        bench
    }

    fn squatter_has(&self) -> Vec<String> {
        self.values("uid=suppliers.squatter,ou=people,o=acme", "mail")
    }
}

fn files() -> [(Format, String, u64); 2] {
    let table = "uid,cn,sn,mail\nbob,Bob,B,bob@acme.example\nalice,Alice,A,Alice@acme.example\n";
    let ldif = person("bob", "mail: bob@acme.example\n") + &person("alice", "mail: Alice@acme.example\n");
    [(Format::Ldif, ldif, 7), (Format::Csv, table.to_owned(), 3)]
}

#[tokio::test]
async fn a_person_of_a_file_takes_an_address_that_an_upstream_gave_without_proof() {
    for (format, text, line) in files() {
        let bench = Bench::with_squatter(&["*"], "alice@acme.example").await;
        let file = Arc::new(Bytes::from(text));
        let report = bench.import_from(file, format).await.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(report.added, 2);
        let told = "uid=suppliers.squatter,ou=people,o=acme, whom the identity provider `suppliers` had brought, loses the mail address Alice@acme.example";
        assert_eq!(report.notes, [Note { line, message: told.into() }]);
        assert_eq!(bench.values("uid=alice,ou=people,o=acme", "mail"), ["Alice@acme.example"]);
        assert_eq!(bench.squatter_has(), [""; 0]);
    }
}

#[tokio::test]
async fn an_address_that_is_proven_is_refused_and_so_is_one_of_an_administrator() {
    for (format, text, line) in files() {
        let bench = Bench::with_squatter(&["acme.example"], "alice@acme.example").await;
        let rows = bench.rows();
        let failure = bench.import_from(Arc::new(Bytes::from(text.clone())), format).await.unwrap_err();
        let Failure::Refused { problems, earlier: 0 } = failure else { panic!("{failure}") };
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!(problem.line, line);
        assert!(problem.message.contains("mail_domains of the identity provider `suppliers`"), "{problem}");
        assert_eq!((bench.rows(), bench.squatter_has()), (rows, vec!["alice@acme.example".to_owned()]));

        let bench = Bench::with_squatter(&["*"], "x@acme.example").await;
        bench.import(&person("first", "mail: alice@acme.example\n")).await.unwrap();
        let rows = bench.rows();
        let failure = bench.import_from(Arc::new(Bytes::from(text)), format).await.unwrap_err();
        assert!(
            failure.to_string().contains(&format!("line {line}: mail 'Alice@acme.example' is taken by an entry of the pool")),
            "{failure}"
        );
        assert_eq!(bench.rows(), rows);
    }
}

#[tokio::test]
async fn a_name_is_taken_from_nobody_but_one_that_reads_like_an_address_of_the_file() {
    let bench = Bench::with_squatter(&["*"], "x@acme.example").await;
    let problems = bench.problems(&person("suppliers.squatter", "")).await;
    assert!(problems.iter().any(|problem| problem.contains("exists in the pool already")), "{problems:?}");

    let directory = Directory::new(&bench.pool);
    let squatter = directory.by_unique("uid", b"suppliers.squatter").unwrap().unwrap();
    let rdn = crate::model::Rdn::single("uid", "suppliers.team@pb.example");
    bench.core.rename_entry(&bench.pool, &operator(), squatter, &rdn, true, None).await.unwrap();
    let report = bench.import(&person("team", "mail: suppliers.team@pb.example\n")).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(report.notes[0].message.ends_with("loses the uid suppliers.team@pb.example"), "{:?}", report.notes);
    assert_eq!(directory.by_unique("uid", b"suppliers.team_pb.example").unwrap(), Some(squatter));
}
