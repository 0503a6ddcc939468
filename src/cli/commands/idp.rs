//! `poolgate idp`.

use super::Outcome;
use super::branch::{InPool, secret_from_input};
use crate::admin::types::{MappingDocument, ProviderDocument};
use clap::{Args, Subcommand};

const KIND: &str = "identity-providers";

/// Upstream identity providers of a pool.
#[derive(Subcommand)]
pub enum IdentityProvider {
    /// Adds an OpenID Connect provider.
    Create(Create),
    /// Lists all identity providers.
    List,
    /// Shows an identity provider.
    Show {
        /// The name.
        name: String,
    },
    /// Deletes an identity provider; the users it brought stay.
    Delete {
        /// The name.
        name: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// The name: letters, digits, hyphens. It becomes part of the uids of the users it brings.
    name: String,
    /// What the login page calls it.
    #[arg(long)]
    display_name: Option<String>,
    /// Its issuer: https, or http on this machine. Register with it as redirect URI /oauth2/idpresponse under the pool's URL if its metadata promises
    /// authorization_response_iss_parameter_supported, and else /oauth2/idpresponse/NAME.
    #[arg(long)]
    issuer: String,
    /// Our client id there.
    #[arg(long)]
    client_id: String,
    /// Read our client secret there from standard input.
    #[arg(long)]
    client_secret_stdin: bool,
    /// The claim that names the person there.
    #[arg(long, value_name = "CLAIM")]
    username_claim: Option<String>,
    /// Take mail addresses that it does not call verified: its operator vouches for them.
    #[arg(long)]
    unverified_mail: bool,
}

impl IdentityProvider {
    pub(super) async fn run(self, place: &InPool) -> Outcome {
        match self {
            Self::Create(create) => place.add(KIND, &create.document()?).await,
            Self::List => place.list(KIND, &["name", "display_name", "issuer", "client_id"]).await,
            Self::Show { name } => place.show(KIND, &name).await,
            Self::Delete { name } => place.delete(KIND, &name).await,
        }
    }
}

impl Create {
    fn document(self) -> Outcome<ProviderDocument> {
        Ok(ProviderDocument {
            name: self.name,
            display_name: self.display_name,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: secret_from_input(self.client_secret_stdin)?,
            mapping: MappingDocument { username: self.username_claim, unverified_mail: self.unverified_mail, ..MappingDocument::default() },
        })
    }
}
