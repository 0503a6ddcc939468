//! `poolgate audit`.

use super::branch::InPool;
use super::{Outcome, output, segment};
use clap::Args;

/// The audit log of a pool, oldest first.
#[derive(Args)]
pub struct Audit {
    #[command(flatten)]
    place: InPool,
    /// Events at or after this time, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Events before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Events of this kind only, such as `bind`.
    #[arg(long)]
    action: Option<String>,
}

impl Audit {
    pub(super) async fn run(self) -> Outcome {
        let filters = [("from", &self.from), ("to", &self.to), ("action", &self.action)];
        let query: Vec<String> =
            filters.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", segment(value)))).collect();
        let path = format!("{}?{}", self.place.list_path("audit")?, query.join("&"));
        let events = self.place.operator.client().await?.all(&path).await?;
        let fields = ["at", "action", "outcome", "actor", "face", "address", "target", "reason", "count"];
        output::list(&events, &fields, self.place.operator.json);
        Ok(())
    }
}
