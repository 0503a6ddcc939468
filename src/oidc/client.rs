//! Which client sends a request to the token endpoint (RFC 6749, section 2.3), and whether it is
//! really that client.

use super::app::App;
use super::error::{Code, Error, Refusal};
use super::wire::{Parameters, Presented, Refused, client_credentials};
use crate::application::{self, AuthMethod, Client};
use crate::audit::{Action, Reason};
use crate::authn::ClientProof;
use crate::model::Error as Failure;
use crate::web::PoolRequest;

/// The client that sends the request, authenticated if it has a secret.
pub async fn authenticate(app: &App, request: &PoolRequest, form: &Parameters) -> Result<Client, Error> {
    let header = request.header("authorization");
    let basic = request.headers.contains_key("authorization");
    let refuse = |refusal| Error::Token { refusal, basic };
    if basic && (header.is_none() || request.headers.get_all("authorization").iter().count() > 1) {
        return Err(refuse(Refusal::request("the Authorization header is there twice or is not text")));
    }
    let presented = client_credentials(header, form).map_err(|refused| {
        refuse(match refused {
            Refused::Request(description) => Refusal::request(description),
            Refused::Client(description) => Refusal::new(Code::InvalidClient, description),
        })
    })?;
    let failed = |failure: Failure| refuse(Refusal::at_token(&failure));
    let unknown = || refuse(Refusal::new(Code::InvalidClient, "the client is not known, or has not proven that it is itself"));
    let slowed = |wait| Error::Slowed { wait };
    let origin = App::origin(request);
    let Some(client) = application::find_client(request.pool.store(), presented.client_id()).map_err(failed)? else {
        app.core.count_unknown_client(&request.pool, origin);
        return Err(unknown());
    };
    match (&presented, client.auth_method, client.is_public()) {
        (Presented::Identifier(_), AuthMethod::None, true) => Ok(client),
        (Presented::Basic(_, secret), AuthMethod::Secret | AuthMethod::SecretBasic, false)
        | (Presented::Post(_, secret), AuthMethod::Secret | AuthMethod::SecretPost, false) => {
            match app.core.prove_client(&request.pool, &client, secret, origin).await.map_err(failed)? {
                ClientProof::Right => Ok(client),
                ClientProof::Wrong => Err(unknown()),
                ClientProof::Slowed(wait) => Err(slowed(wait)),
            }
        }
        // Not the way that it authenticates: no secret was tried. Of clients that exist only:
        // names that nobody registered say nothing.
        _ => {
            let name = client.client_id.as_str();
            app.core.count_failure(request.pool.id(), Action::ClientAuthentication, name, Reason::WrongPassword, origin);
            Err(unknown())
        }
    }
}
