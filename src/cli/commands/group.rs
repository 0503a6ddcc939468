//! `poolgate group`.

use super::branch::{Change, InPool};
use super::{Outcome, output, segment};
use crate::admin::types::{Member, NewGroup};
use clap::Subcommand;

const KIND: &str = "groups";

/// Groups of a pool.
#[derive(Subcommand)]
pub enum Group {
    /// Adds a group.
    Create {
        /// The cn.
        cn: String,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
        /// The uid of a first member; may be repeated.
        #[arg(long, value_name = "UID")]
        member: Vec<String>,
    },
    /// Lists all groups.
    List,
    /// Shows a group and its members.
    Show {
        /// The cn.
        cn: String,
    },
    /// Changes attributes of a group.
    Update {
        /// The cn.
        cn: String,
        #[command(flatten)]
        change: Change,
    },
    /// Adds a member.
    Add {
        /// The group's cn.
        cn: String,
        /// The member's uid.
        uid: String,
    },
    /// Removes a member.
    Remove {
        /// The group's cn.
        cn: String,
        /// The member's uid.
        uid: String,
    },
    /// Deletes a group.
    Delete {
        /// The cn.
        cn: String,
    },
}

impl Group {
    pub(super) async fn run(self, place: &InPool) -> Outcome {
        match self {
            Self::Create { cn, description, member } => place.add(KIND, &NewGroup { cn, description, members: member }).await,
            Self::List => place.list(KIND, &["name", "dn"]).await,
            Self::Show { cn } => place.show(KIND, &cn).await,
            Self::Update { cn, change } => place.change(KIND, &cn, &change.patch()?).await,
            Self::Add { cn, uid } => place.act(KIND, &cn, "members", &Member { uid }).await,
            Self::Remove { cn, uid } => {
                let path = format!("{}/members/{}", place.item_path(KIND, &cn)?, segment(&uid));
                place.operator.client().await?.delete(&path).await?;
                output::done(&format!("{uid} is no member of {cn} any more"), place.operator.json);
                Ok(())
            }
            Self::Delete { cn } => place.delete(KIND, &cn).await,
        }
    }
}
