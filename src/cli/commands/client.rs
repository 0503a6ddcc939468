//! `poolgate client`.

use super::Outcome;
use super::branch::{InPool, secret_from_input};
use super::update::{Patch, fields};
use crate::admin::types::{NewClient, NewSecret};
use clap::{Args, Subcommand};
use serde_json::Value;

const KIND: &str = "clients";

/// OpenID Connect clients of a pool.
#[derive(Subcommand)]
pub enum OidcClient {
    /// Adds a client; makes a secret and prints it unless it is public or a secret is given.
    Create(Create),
    /// Lists all clients.
    List,
    /// Shows a client.
    Show {
        /// The client id.
        client_id: String,
    },
    /// Changes a client.
    Update {
        /// The client id.
        client_id: String,
        /// What people see.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        patch: Patch,
    },
    /// Gives a client a new secret; makes one and prints it unless one is given.
    Secret {
        /// The client id.
        client_id: String,
        /// Read the secret from standard input.
        #[arg(long)]
        stdin: bool,
        /// Take back all that the client was given as well, as after a secret that others know.
        #[arg(long)]
        revoke: bool,
    },
    /// Takes back all that a client was given: codes, tokens and what people have agreed to.
    Revoke {
        /// The client id.
        client_id: String,
    },
    /// Deletes a client.
    Delete {
        /// The client id.
        client_id: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// The client id; one is made if it is not given.
    #[arg(default_value = "")]
    client_id: String,
    /// What people see.
    #[arg(long, default_value = "")]
    name: String,
    /// Where codes may be sent; may be repeated.
    #[arg(long, value_name = "URL", required = true)]
    redirect_uri: Vec<String>,
    /// Where a logout may lead; may be repeated.
    #[arg(long, value_name = "URL")]
    post_logout_redirect_uri: Vec<String>,
    /// It can keep no secret: a browser or mobile application.
    #[arg(long)]
    public: bool,
    /// It is the pool owner's own and asks no consent.
    #[arg(long)]
    first_party: bool,
    /// Let it leave out PKCE, which some confidential clients cannot send.
    #[arg(long, conflicts_with = "public")]
    without_pkce: bool,
    /// The algorithm of its ID tokens.
    #[arg(long, value_name = "RS256|ES256")]
    id_token_alg: Option<String>,
    /// Read its secret from standard input.
    #[arg(long, conflicts_with = "public")]
    secret_stdin: bool,
}

impl OidcClient {
    pub(super) async fn run(self, place: &InPool) -> Outcome {
        match self {
            Self::Create(create) => place.add(KIND, &create.document()?).await,
            Self::List => place.list(KIND, &["client_id", "name", "public", "first_party"]).await,
            Self::Show { client_id } => place.show(KIND, &client_id).await,
            Self::Update { client_id, name, patch } => {
                place.change(KIND, &client_id, &patch.with(fields([("name", name.map(Value::from))]))?).await
            }
            Self::Secret { client_id, stdin, revoke } => {
                place.act(KIND, &client_id, "secret", &NewSecret { secret: secret_from_input(stdin)?, revoke }).await
            }
            Self::Revoke { client_id } => place.act(KIND, &client_id, "revoke", &()).await,
            Self::Delete { client_id } => place.delete(KIND, &client_id).await,
        }
    }
}

impl Create {
    fn document(self) -> Outcome<NewClient> {
        Ok(NewClient {
            client_id: self.client_id,
            name: self.name,
            public: self.public,
            secret: secret_from_input(self.secret_stdin)?,
            redirect_uris: self.redirect_uri,
            post_logout_redirect_uris: self.post_logout_redirect_uri,
            require_pkce: Some(!self.without_pkce),
            first_party: self.first_party,
            id_token_alg: self.id_token_alg,
        })
    }
}
