//! curl, for what no library lets a client do so plainly.

use crate::harness::{Program, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_like_get_without_a_body() {
    let server = TestServer::demo().await;
    let url = format!("{}/.well-known/openid-configuration", server.issuer("acme"));
    let ask = async |flags: &[&str]| {
        let mut curl = Program::new("curl");
        curl.arguments(["-sS", "--max-time", "20"]).arguments(flags.iter().copied()).arguments([url.as_str()]).run().await.good()
    };
    let head = ask(&["--head"]).await;
    let get = ask(&["--include"]).await;
    let (fields, body) = get.split_once("\r\n\r\n").unwrap();
    let without_date = |fields: &str| fields.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n");
    assert!(!body.is_empty());
    assert_eq!(without_date(head.trim_end()), without_date(fields));
    server.stop().await;
}
