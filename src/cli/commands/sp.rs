//! `poolgate sp`.

use super::branch::InPool;
use super::update::{Patch, fields};
use super::{Failure, Outcome};
use crate::admin::types::{AcsDocument, AttributeDocument, ServiceProviderDocument};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::path::PathBuf;

const KIND: &str = "service-providers";

/// SAML service providers of a pool.
#[derive(Subcommand)]
pub enum ServiceProvider {
    /// Adds a service provider.
    Create(Create),
    /// Lists all service providers.
    List,
    /// Shows a service provider.
    Show {
        /// The entity id.
        entity_id: String,
    },
    /// Changes a service provider.
    Update {
        /// The entity id.
        entity_id: String,
        /// What people see.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        patch: Patch,
    },
    /// Deletes a service provider.
    Delete {
        /// The entity id.
        entity_id: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// The entity id.
    entity_id: String,
    /// What people see.
    #[arg(long, default_value = "")]
    name: String,
    /// An assertion consumer service; the first is the default one; may be repeated.
    #[arg(long, value_name = "URL", required = true)]
    acs: Vec<String>,
    /// The form of the name identifier.
    #[arg(long, value_name = "persistent|transient|email|uid", default_value = "persistent")]
    name_id: String,
    /// An attribute that it is told, under its own or another name; may be repeated.
    #[arg(long, value_name = "ATTRIBUTE[=NAME]")]
    attribute: Vec<String>,
    /// What is signed.
    #[arg(long, value_name = "assertion|response|both", default_value = "both")]
    sign: String,
    /// A PEM file with the certificate of its request signatures; may be repeated.
    #[arg(long, value_name = "FILE")]
    request_certificate: Vec<PathBuf>,
    /// Refuse unsigned requests.
    #[arg(long, requires = "request_certificate")]
    require_signed_requests: bool,
}

impl ServiceProvider {
    pub(super) async fn run(self, place: &InPool) -> Outcome {
        match self {
            Self::Create(create) => place.add(KIND, &create.document()?).await,
            Self::List => place.list(KIND, &["entity_id", "name"]).await,
            Self::Show { entity_id } => place.show(KIND, &entity_id).await,
            Self::Update { entity_id, name, patch } => {
                place.change(KIND, &entity_id, &patch.with(fields([("name", name.map(Value::from))]))?).await
            }
            Self::Delete { entity_id } => place.delete(KIND, &entity_id).await,
        }
    }
}

impl Create {
    fn document(self) -> Outcome<ServiceProviderDocument> {
        let acs = (0u16..).zip(self.acs).map(|(index, url)| AcsDocument { url, index, is_default: index == 0 }).collect();
        let attributes = self.attribute.iter().map(|attribute| {
            let (source, name) = attribute.split_once('=').unwrap_or((attribute, attribute));
            AttributeDocument { source: source.to_owned(), name: name.to_owned() }
        });
        let read = |file: &PathBuf| std::fs::read_to_string(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())));
        Ok(ServiceProviderDocument {
            entity_id: self.entity_id,
            name: self.name,
            acs,
            name_id: self.name_id,
            attributes: attributes.collect(),
            sign: self.sign,
            request_certificates: self.request_certificate.iter().map(read).collect::<Outcome<_>>()?,
            require_signed_requests: self.require_signed_requests,
        })
    }
}
