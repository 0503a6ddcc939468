//! `poolgate user`.

use super::Outcome;
use super::branch::{Change, InPool, attributes, secret_from_input};
use crate::admin::types::{NewPassword, NewUser};
use clap::{Args, Subcommand};
use serde_json::json;

const KIND: &str = "users";

/// Users of a pool.
#[derive(Subcommand)]
pub enum User {
    /// Adds a user.
    Create(Create),
    /// Lists all users.
    List,
    /// Shows a user.
    Show {
        /// The uid.
        uid: String,
    },
    /// Changes attributes of a user.
    Update {
        /// The uid.
        uid: String,
        #[command(flatten)]
        change: Change,
    },
    /// Sets a password, or makes one and prints it.
    Password {
        /// The uid.
        uid: String,
        /// Read the password from standard input.
        #[arg(long)]
        stdin: bool,
    },
    /// Refuses logins of a user until the user is enabled again; sessions, tokens and bound
    /// connections end for good.
    Disable {
        /// The uid.
        uid: String,
    },
    /// Lets a disabled user log in again.
    Enable {
        /// The uid.
        uid: String,
    },
    /// Lifts the lock that failed logins have brought.
    Unlock {
        /// The uid.
        uid: String,
    },
    /// Deletes a user.
    Delete {
        /// The uid.
        uid: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// The uid.
    uid: String,
    /// The mail address.
    #[arg(long)]
    mail: Option<String>,
    /// The given name.
    #[arg(long)]
    given_name: Option<String>,
    /// The family name.
    #[arg(long)]
    family_name: Option<String>,
    /// What people see.
    #[arg(long)]
    display_name: Option<String>,
    /// A further attribute.
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    /// Read the password from standard input; without it the user has none.
    #[arg(long)]
    password_stdin: bool,
}

impl User {
    pub(super) async fn run(self, place: &InPool) -> Outcome {
        match self {
            Self::Create(create) => place.add(KIND, &create.document()?).await,
            Self::List => place.list(KIND, &["name", "dn", "disabled"]).await,
            Self::Show { uid } => place.show(KIND, &uid).await,
            Self::Update { uid, change } => place.change(KIND, &uid, &change.patch()?).await,
            Self::Password { uid, stdin } => place.act(KIND, &uid, "password", &NewPassword { password: secret_from_input(stdin)? }).await,
            Self::Disable { uid } => place.change(KIND, &uid, &json!({ "disabled": true })).await,
            Self::Enable { uid } => place.change(KIND, &uid, &json!({ "disabled": false })).await,
            Self::Unlock { uid } => place.act(KIND, &uid, "unlock", &()).await,
            Self::Delete { uid } => place.delete(KIND, &uid).await,
        }
    }
}

impl Create {
    fn document(self) -> Outcome<NewUser> {
        Ok(NewUser {
            uid: self.uid,
            password: secret_from_input(self.password_stdin)?,
            mail: self.mail,
            given_name: self.given_name,
            family_name: self.family_name,
            display_name: self.display_name,
            attributes: attributes(&self.attribute)?,
        })
    }
}
