//! What went wrong in 2026 in other servers of this kind, tried here: each class of faults that
//! applies to what there is has its tests. The advisories stand with them.
//!
//! A test without a folder is one of this module; others lie in `tests/clients` or in a room of
//! `src`. The test at the end holds the table.
//!
//! | class | tests |
//! | --- | --- |
//! | the proof of one step passes another | `proofs::each_proof_is_refused_by_each_other_step` |
//! | | `proofs::no_proof_of_one_browser_is_taken_from_another` |
//! | | `proofs::the_steps_of_a_login_lead_to_tokens_in_their_own_order_only` |
//! | | `oidc/tests/authorize::coming_back_without_a_login_is_no_login` |
//! | fixation by a request made beforehand | `fixation::what_an_attacker_has_begun_is_no_way_in` |
//! | | `fixation::cookies_that_somebody_has_planted_tell_them_nothing_of_the_login` |
//! | | `login/tests::a_request_of_another_browser_is_no_way_in` |
//! | accounts linked by what is not proven | `linking::nobody_becomes_somebody_who_is_there` |
//! | | `linking::nobody_comes_into_being_before_an_upstream_has_answered` |
//! | | `authn/tests/federated/mail::what_is_proven_or_an_administrators_is_taken_from_nobody` |
//! | an answer at another provider's address | `linking::an_answer_counts_at_its_own_address` |
//! | disabled objects that still work | `disabled::whoever_is_disabled_gets_no_further` |
//! | | `disabled::a_service_account_that_is_disabled_is_nobody` |
//! | | `disabled::nobody_comes_back_from_an_upstream_to_what_was_switched_off_meanwhile` |
//! | | `disabled::an_application_that_is_deleted_gets_nothing_of_what_was_begun_for_it` |
//! | | `clients/policy_matrix/at_once::disabling_somebody` |
//! | | `clients/policy_matrix/at_once::suspending_the_pool` |
//! | | `clients/bridge::disabled_at_acme_is_disabled_there_and_nowhere_else` |
//! | tokens that are not verified | `tokens::a_changed_character_spoils_each_kind_of_token` |
//! | | `tokens::a_changed_character_spoils_cursors_marks_and_secrets` |
//! | | `tokens::a_changed_byte_of_a_response_changes_nothing_that_is_believed` |
//! | | `crypto/jwt/tests::a_token_with_any_character_changed_is_refused` |
//! | | `crypto/sealed/tests::a_changed_or_cut_record_does_not_open` |
//! | another algorithm than that of the key | `algorithms::no_place_takes_another_algorithm` |
//! | | `algorithms::no_id_token_of_an_upstream_is_taken_with_another_algorithm` |
//! | | `crypto/xml/verify/tests::weak_and_foreign_algorithms_are_refused` |
//! | | `saml/request/tests::a_query_is_signed_as_a_whole` |
//! | paths written otherwise | `paths::no_spelling_of_a_path_leads_to_a_pool_but_its_own` |
//! | | `paths::no_spelling_of_a_name_leads_out_of_its_branch_of_the_admin_api` |
//! | metric labels from what requests say | `metrics::invented_names_add_no_line_to_the_metrics` |
//! | hostile upstreams | `linking::an_upstream_that_never_ends_its_answer_is_left_soon` |
//! | | `authn/tests/federated::an_answer_that_fails_a_check_is_refused` |
//! | an empty form skips a step | `forms::no_form_does_anything_that_comes_back_by_half` |
//! | | `forms::no_form_of_a_program_gives_anything_that_is_sent_by_half` |
//! | | `login/tests::a_form_that_is_sent_by_half_does_nothing` |
//! | names that are cut at a comment | `saml::a_comment_in_a_request_cuts_no_text` |
//! | | `saml::a_comment_in_a_name_is_text_in_our_responses` |
//! | | `crypto/xml/verify/tests::a_comment_neither_cuts_a_value_nor_breaks_the_signature` |
//! | ids of another organisation | `admins::an_administrator_of_one_pool_does_nothing_to_another` |
//! | | `clients/isolation/ldap::entries_of_another_pool_are_not_there_for_anybody` |
//! | | `clients/isolation/admin::under_one_pool_nothing_of_another_is_found` |
//! | codes in answers to the browser | `answers::no_answer_holds_what_opens_something` |
//! | | `clients/operation/logs::no_secret_is_logged_however_much_is` |
//! | cookies made of public data | `cookies::no_cookie_is_made_of_what_others_know` |
//! | | `cookies::a_cookie_counts_once_and_under_its_own_name` |
//! | hosts that a request invents | `paths::nothing_that_a_request_says_of_its_host_comes_back` |
//! | | `clients/operation/refusals::requests_for_other_hosts_are_misdirected` |
//! | adds under a self rule | `ldap::nobody_adds_an_entry_of_any_class_by_a_rule_for_themselves` |
//! | | `clients/access::a_user_edits_the_own_profile_and_nothing_else` |
//! | unbounded and critical controls | `controls::two_hundred_thousand_controls_are_one_refusal` |
//! | | `controls::each_critical_control_refuses_each_operation_and_nothing_is_done` |
//! | memory faults of a codec | `ldap/codec/tests::arbitrary_bytes_never_panic` |
//! | depth and length without bound | `ldap::neither_depth_nor_length_exhausts_anything` |
//! | | `ldap/codec/tests/limits::a_filter_as_deep_as_a_message_allows_does_not_exhaust_the_stack` |
//! | origins and domains that end alike | `paths::an_origin_that_resembles_ours_sends_no_form` |
//! | | `federation/mail_domains::a_domain_is_meant_exactly` |
//! | forged cursors, default keys | `tokens::no_secret_of_a_new_server_is_that_of_another` |
//! | | `clients/isolation/ldap::a_page_of_one_pool_is_continued_in_no_other` |
//! | locks that a face skips | `authn/tests/interactive::pages_and_ldap_share_the_lockout` |
//! | | `clients/policy_matrix/verdicts::every_denial_is_one_answer_and_one_argon2_at_every_face` |
//! | | `clients/policy_matrix/verdicts::the_old_password_of_a_change_is_judged_like_a_login` |
//! | | `authn/tests/federated::a_disabled_or_locked_user_is_not_let_in_by_an_upstream` |
//! | an absent nonce | `linking::an_id_token_without_the_nonce_that_was_sent_logs_nobody_in` |
//! | an empty password | `ldap::an_empty_password_never_binds` |
//! | | `ldap/tests/bind::a_name_without_a_password_is_no_login` |
//! | names that become filters | `ldap::no_name_that_somebody_gives_is_a_pattern` |
//!
//! Not there yet, and with them no test: invitations; passkeys and magic links, the factors beside
//! a password; mail and messages, with codes and links in them; SCIM and its filters; upstreams
//! over LDAP, with templates of filters; upstreams over SAML, with an address of their own; claims
//! that clients map themselves, and with them reserved names; administrators of a pool over HTTP.

mod admins;
mod algorithms;
mod answers;
mod attempt;
mod controls;
mod cookies;
mod disabled;
mod fixation;
mod forms;
mod ldap;
mod linking;
mod metrics;
mod pages;
mod paths;
mod proofs;
mod saml;
mod tokens;
mod upstream;

use crate::harness::TestServer;
use crate::web_client::Application;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The demo, with an application of somebody else that asks whether it may.
async fn stage() -> TestServer {
    let server = TestServer::demo().await;
    let client = ["client", "create", "theirs", "--pool", "acme", "--redirect-uri", "http://localhost:9093/callback", "--secret-stdin"];
    server.poolgate_with_input(&client, "theirs-secret").await.good();
    server
}

/// The application of somebody else.
fn theirs(server: &TestServer) -> Application {
    Application::new(server, "acme", "theirs", "theirs-secret", "http://localhost:9093/callback")
}

/// The tests that a table names: file and name.
fn named(table: &str) -> BTreeSet<(String, String)> {
    let rows = table.lines().filter(|line| line.starts_with("//! |"));
    let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    quoted.filter_map(|test| test.split_once("::")).map(|(file, name)| (file.to_owned(), name.to_owned())).collect()
}

/// Where a file of tests lies that the table names.
fn path(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = match (file.strip_prefix("clients/"), file.contains('/')) {
        (Some(file), _) => root.join("tests/clients").join(file),
        (None, true) => root.join("src").join(file),
        (None, false) => root.join("tests/clients/rivals").join(file),
    };
    path.with_extension("rs")
}

/// The names of the tests of a source, wherever in it they stand; what is ignored is none.
fn tests_of(source: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
        match function {
            Some(rest) if is_test => drop(tests.insert(rest.split('(').next().unwrap_or_default().to_owned())),
            _ => {}
        }
        is_test = line.starts_with("#[test]") || line.starts_with("#[tokio::test") || (is_test && line.starts_with("//"));
    }
    tests
}

#[test]
fn the_table_names_tests_that_are_there_and_each_test_of_the_module() {
    let table = named(include_str!("mod.rs"));
    assert!(table.len() > 50, "{table:?}");
    for (file, name) in &table {
        let source = std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(tests_of(&source).contains(name), "{file} has no test {name}");
    }
    let own = std::fs::read_dir(path("mod").parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    for file in own.filter(|file| !file.ends_with("mod.rs")) {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        for name in tests_of(&std::fs::read_to_string(&file).unwrap()) {
            assert!(table.contains(&(stem.clone(), name.clone())), "{stem}::{name} is missing in the table");
        }
    }
    // What looks for them finds what is none, too.
    let planted = "#[test]\nfn a() {}\nfn b() {}\n#[test]\n#[ignore]\nfn c() {}\n#[tokio::test(flavor = \"x\")]\nasync fn d() {}";
    assert_eq!(tests_of(planted).into_iter().collect::<Vec<_>>(), ["a", "d"]);
}
