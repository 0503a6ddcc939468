//! What operators watch: `/healthz` (the process answers), `/readyz` (the store works), `/metrics` (Prometheus text).
//!
//! Metrics say how busy a server is and are shown to this machine only: to loopback addresses, where an operator's agent runs.

use super::http::Http;
use crate::store::Store;
use crate::web::{Response, problem, text, with_header};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::net::IpAddr;
use std::sync::OnceLock;
use warp::http::{StatusCode, header};

/// The recorder is one for the process.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Where the figures come from.
#[derive(Clone)]
pub struct Metrics {
    store: Store,
}

impl Metrics {
    /// Begins to record, once for the process.
    pub fn install(store: Store) -> Self {
        RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok());
        Self { store }
    }

    fn render(&self) -> String {
        let figures = self.store.statistics();
        metrics::gauge!("poolgate_store_commits").set(figures.commits as f64);
        metrics::gauge!("poolgate_store_syncs").set(figures.syncs as f64);
        metrics::gauge!("poolgate_store_gets").set(figures.gets as f64);
        metrics::gauge!("poolgate_store_bytes").set(figures.bytes_on_disk as f64);
        metrics::gauge!("poolgate_store_blobs").set(figures.blobs as f64);
        RECORDER.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
    }
}

/// Answers if the path is one of the operator's.
pub fn answer(http: &Http, client: IpAddr, path: &str) -> Option<Response> {
    match path {
        "/healthz" => Some(text(StatusCode::OK, "ok\n")),
        "/readyz" => Some(match http.metrics.store.stopped() {
            None => text(StatusCode::OK, "ready\n"),
            Some(reason) => {
                tracing::error!(reason, "not ready: the store has stopped");
                text(StatusCode::SERVICE_UNAVAILABLE, "the store has stopped\n")
            }
        }),
        "/metrics" if client.is_loopback() => {
            Some(with_header(text(StatusCode::OK, http.metrics.render()), header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        }
        "/metrics" => Some(problem::plain(StatusCode::NOT_FOUND, "nothing is here")),
        _ => None,
    }
}
