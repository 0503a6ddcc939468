//! What operators watch: `/healthz` (the process answers), `/readyz` (the store works), `/metrics`
//! (Prometheus text).
//!
//! Metrics say how busy a server is and are shown on this machine only, where an operator's agent
//! runs: not through a proxy on it, and not to a page that leads a browser here.

use super::http::Http;
use crate::authn::Core;
use crate::crowd::Gate;
use crate::crowd::requests::Crowd;
use crate::store::Store;
use crate::web::{Response, problem, text, with_header};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::{Arc, OnceLock};
use warp::http::{StatusCode, header};

/// The recorder is one for the process.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Where the figures come from.
pub struct Metrics {
    store: Store,
    core: Arc<Core>,
    gates: [(&'static str, Arc<Gate>); 2],
    requests: Arc<Crowd>,
}

impl Metrics {
    /// Begins to record, once for the process.
    pub fn install(store: Store, core: Arc<Core>, web: &Arc<Gate>, directory: &Arc<Gate>, requests: &Arc<Crowd>) -> Self {
        RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok());
        Self { store, core, gates: [("http", Arc::clone(web)), ("ldap", Arc::clone(directory))], requests: Arc::clone(requests) }
    }

    /// Counts one answered request by the class of its status.
    pub fn count(&self, status: StatusCode) {
        let class = match status.as_u16() {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        metrics::counter!("poolgate_http_requests_total", "status" => class).increment(1);
    }

    fn render(&self) -> String {
        for (kind, gate) in &self.gates {
            metrics::gauge!("poolgate_connections", "kind" => *kind).set(gate.taken() as f64);
            metrics::counter!("poolgate_connections_refused_total", "kind" => *kind).absolute(gate.refused());
            metrics::counter!("poolgate_connections_displaced_total", "kind" => *kind).absolute(gate.displaced());
        }
        metrics::gauge!("poolgate_http_requests").set(self.requests.entered() as f64);
        metrics::counter!("poolgate_http_requests_refused_total").absolute(self.requests.refused());
        metrics::counter!("poolgate_http_requests_displaced_total").absolute(self.requests.displaced());
        metrics::gauge!("poolgate_work_waiting").set(self.core.work.waiting() as f64);
        metrics::counter!("poolgate_work_refused_total").absolute(self.core.work.refused());
        metrics::counter!("poolgate_password_hashes_total").absolute(self.core.hashes());
        let figures = self.store.statistics();
        metrics::counter!("poolgate_store_commits_total").absolute(figures.commits);
        metrics::counter!("poolgate_store_conflicts_total").absolute(figures.conflicts);
        metrics::counter!("poolgate_store_syncs_total").absolute(figures.syncs);
        metrics::counter!("poolgate_store_gets_total").absolute(figures.gets);
        metrics::counter!("poolgate_store_hits_total").absolute(figures.hits);
        metrics::gauge!("poolgate_store_waiting").set(figures.waiting as f64);
        metrics::gauge!("poolgate_store_bytes").set(figures.bytes_on_disk as f64);
        metrics::gauge!("poolgate_store_blobs").set(figures.blobs as f64);
        metrics::gauge!("poolgate_store_stopped").set(u8::from(self.store.stopped().is_some()));
        RECORDER.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
    }
}

/// Answers if the path is one of the operator's. `is_local` says that somebody on this machine
/// asks.
pub fn answer(http: &Http, path: &str, is_local: bool) -> Option<Response> {
    match path {
        "/healthz" => Some(text(StatusCode::OK, "ok\n")),
        "/readyz" => Some(match http.metrics.store.stopped() {
            None => text(StatusCode::OK, "ready\n"),
            Some(reason) => {
                tracing::error!(reason, "not ready: the store has stopped");
                text(StatusCode::SERVICE_UNAVAILABLE, "the store has stopped\n")
            }
        }),
        "/metrics" if is_local => {
            Some(with_header(text(StatusCode::OK, http.metrics.render()), header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        }
        "/metrics" => Some(problem::plain(StatusCode::NOT_FOUND, "nothing is here")),
        _ => None,
    }
}
