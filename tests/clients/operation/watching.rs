//! `/healthz`, `/readyz`, `/metrics`.

use super::{exchange_with, status};
use crate::harness::TestServer;
use futures_util::FutureExt;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// A request for that path with further header lines.
fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_readiness_are_told_to_anybody_and_figures_to_this_machine() {
    let server = TestServer::demo().await;
    let address = server.running.addresses().http[0];
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = exchange_with(address, get(path, "")).await;
        assert_eq!((status(&answer), answer.ends_with(text)), (200, true), "{answer}");
        // Probes come by address or by any name.
        let probe = format!("GET {path} HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&exchange_with(address, probe).await), 200);
    }
    let figures = exchange_with(address, get("/metrics", "")).await;
    assert_eq!(status(&figures), 200);
    for total in ["commits", "conflicts", "syncs", "gets", "hits"] {
        assert!(figures.contains(&format!("# TYPE poolgate_store_{total}_total counter\n")), "{total}: {figures}");
    }
    for now in ["store_bytes ", "store_blobs 0\n", "store_waiting 0\n", "store_stopped 0\n", "work_waiting 0\n"] {
        assert!(figures.contains(&format!("\npoolgate_{now}")), "{now}: {figures}");
    }
    assert!(!figures.contains("acme") && !figures.contains("alice"), "figures name nobody: {figures}");

    // Whoever comes through a proxy is somebody else than this machine, and so is a page elsewhere
    // whose name leads a browser here.
    for lines in
        ["X-Forwarded-For: 203.0.113.9\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "Forwarded: for=127.0.0.1\r\n", "Via: 1.1 proxy\r\n"]
    {
        assert_eq!(status(&exchange_with(address, get("/metrics", lines)).await), 404, "{lines}");
    }
    let foreign = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange_with(address, foreign).await), 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_figures_are_not_told_to_whoever_comes_through_it() {
    let server = TestServer::configured(|config| {
        config.trusted_proxies = ["127.0.0.0/8", "::1", "10.0.0.0/8"].map(|network| network.parse().unwrap()).into();
    })
    .await;
    let address = server.running.addresses().http[0];
    let nothing = exchange_with(address, get("/metrics/x", "")).await;
    for lines in [
        "X-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-For: 203.0.113.9, 10.0.0.2\r\n",
        "x-forwarded-for: 2001:db8::9\r\n",
        "X-Forwarded-For: ::ffff:203.0.113.9\r\n",
        // What the client itself wrote comes before what the proxy added, in one line or in two
        // (RFC 9110, section 5.3).
        "X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n",
        "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9, 10.0.0.2\r\n",
        "X-Forwarded-For: 203.0.113.9:51234\r\n",
        "X-Forwarded-For: [2001:db8::9]:51234\r\n",
        // A proxy that has not said who asks has not said that it is somebody of this machine.
        "X-Forwarded-For: unknown\r\n",
        "X-Forwarded-For: \r\n",
    ] {
        let answer = exchange_with(address, get("/metrics", lines)).await;
        assert_eq!(status(&answer), 404, "{lines}{answer}");
        let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(body(&answer), body(&nothing));
        assert_eq!(status(&exchange_with(address, get("/healthz", lines)).await), 200, "{lines}");
    }
    assert_eq!(status(&exchange_with(address, get("/metrics", "")).await), 200, "an agent on this machine");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_no_place_for_their_work_is_told_when_to_ask_again() {
    let server = TestServer::configured(|config| {
        (config.limits.work_threads, config.limits.work_queue_per_pool) = (1, NonZeroUsize::MIN);
    })
    .await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let (address, core) = (server.running.addresses().http[0], Arc::clone(server.running.core()));
    let pool = core.registry.by_slug("acme").unwrap().unwrap().id();
    let (until, gone) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let job = move || {
        begun.send(()).unwrap();
        gone.recv()
    };
    let mut running = Box::pin(core.work.run(pool, job));
    assert!((&mut running).now_or_never().is_none());
    begins.await.unwrap();
    let mut next = Box::pin(core.work.run(pool, || ()));
    assert!((&mut next).now_or_never().is_none());
    // The first look at the keys of a pool has them made.
    let keys = get("/pools/acme/.well-known/jwks.json", "");
    let refused = exchange_with(address, keys.clone()).await;
    assert_eq!(status(&refused), 503, "{refused}");
    assert!(refused.contains("\r\nretry-after: 5\r\n"), "{refused}");
    drop(until);
    next.await.unwrap();
    assert_eq!(status(&exchange_with(address, keys).await), 200);
    server.stop().await;
}
