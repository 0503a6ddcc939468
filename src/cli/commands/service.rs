//! `poolgate service`.

use super::Outcome;
use super::branch::{Change, InPool, secret_from_input};
use crate::admin::types::{NewPassword, NewService};
use clap::Subcommand;
use serde_json::json;

const KIND: &str = "services";

/// Service accounts of a pool.
#[derive(Subcommand)]
pub enum Service {
    /// Adds a service account; makes a password and prints it unless one is given.
    Create {
        /// The cn.
        cn: String,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists all service accounts.
    List,
    /// Shows a service account.
    Show {
        /// The cn.
        cn: String,
    },
    /// Changes attributes of a service account.
    Update {
        /// The cn.
        cn: String,
        #[command(flatten)]
        change: Change,
    },
    /// Sets a password, or makes one and prints it.
    Password {
        /// The cn.
        cn: String,
        /// Read the password from standard input.
        #[arg(long)]
        stdin: bool,
    },
    /// Refuses binds until the account is enabled again.
    Disable {
        /// The cn.
        cn: String,
    },
    /// Lets a disabled account bind again.
    Enable {
        /// The cn.
        cn: String,
    },
    /// Lifts the lock that failed binds have brought.
    Unlock {
        /// The cn.
        cn: String,
    },
    /// Deletes a service account.
    Delete {
        /// The cn.
        cn: String,
    },
}

impl Service {
    pub(super) async fn run(self, place: &InPool) -> Outcome {
        match self {
            Self::Create { cn, description, password_stdin } => {
                place.add(KIND, &NewService { cn, description, password: secret_from_input(password_stdin)? }).await
            }
            Self::List => place.list(KIND, &["name", "dn", "disabled"]).await,
            Self::Show { cn } => place.show(KIND, &cn).await,
            Self::Update { cn, change } => place.change(KIND, &cn, &change.patch()?).await,
            Self::Password { cn, stdin } => place.act(KIND, &cn, "password", &NewPassword { password: secret_from_input(stdin)? }).await,
            Self::Disable { cn } => place.change(KIND, &cn, &json!({ "disabled": true })).await,
            Self::Enable { cn } => place.change(KIND, &cn, &json!({ "disabled": false })).await,
            Self::Unlock { cn } => place.act(KIND, &cn, "unlock", &()).await,
            Self::Delete { cn } => place.delete(KIND, &cn).await,
        }
    }
}
