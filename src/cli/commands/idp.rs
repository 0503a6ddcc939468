//! `poolgate idp`.

use super::Outcome;
use super::branch::{InPool, secret_from_input};
use super::update::{Patch, fields};
use crate::admin::types::{MappingDocument, ProviderDocument};
use clap::{Args, Subcommand};
use serde_json::Value;

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
    /// Changes an identity provider.
    Update(Change),
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
    /// Its issuer: https, or http on this machine. Register with it as redirect URI
    /// /oauth2/idpresponse under the pool's URL if its metadata promises
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
    #[arg(long, requires = "mail_domain")]
    unverified_mail: bool,
    /// A domain for whose mail addresses it vouches, or * for all; may be repeated. Addresses
    /// elsewhere become nobody's here.
    #[arg(long, value_name = "DOMAIN")]
    mail_domain: Vec<String>,
}

#[derive(Args)]
pub struct Change {
    /// The name.
    name: String,
    /// What the login page calls it.
    #[arg(long)]
    display_name: Option<String>,
    /// A domain for whose mail addresses it vouches, in the place of those before; may be repeated.
    /// One that is taken away ends the logins for which it has vouched.
    #[arg(long, value_name = "DOMAIN")]
    mail_domain: Option<Vec<String>>,
    /// Read our client secret there from standard input.
    #[arg(long)]
    client_secret_stdin: bool,
    #[command(flatten)]
    patch: Patch,
}

impl IdentityProvider {
    pub(super) async fn run(self, place: &InPool) -> Outcome {
        match self {
            Self::Create(create) => place.add(KIND, &create.document()?).await,
            Self::List => place.list(KIND, &["name", "display_name", "issuer", "client_id"]).await,
            Self::Show { name } => place.show(KIND, &name).await,
            Self::Update(change) => change.run(place).await,
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
            mail_domains: self.mail_domain,
        })
    }
}

impl Change {
    async fn run(self, place: &InPool) -> Outcome {
        let secret = secret_from_input(self.client_secret_stdin)?;
        let flags = fields([
            ("display_name", self.display_name.map(Value::from)),
            ("mail_domains", self.mail_domain.map(Value::from)),
            ("client_secret", secret.map(Value::from)),
        ]);
        place.change(KIND, &self.name, &self.patch.with(flags)?).await
    }
}
