//! To an upstream identity provider and back.

use super::dispatch;
use super::form::{kept, origin, returned};
use super::pages::{self, Notice};
use crate::authn::{Callback, Core, Kept, Step};
use crate::entrance::{self, Visit};
use crate::model::error::{Denial, Rule};
use crate::model::{Error, Kind};
use crate::web::form::Form;
use crate::web::page::PageError;
use crate::web::{PoolRequest, Response, browser, see_other};
use std::sync::Arc;

/// The path under the pool's URL to which upstreams send their answers; those that do not name
/// themselves in them send theirs to a path of their own below it.
pub const CALLBACK_PATH: &str = "/oauth2/idpresponse";

/// Sends the browser to the upstream whose name the path ends with.
pub async fn leave(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let (_, returned) = match returned(&core, &request) {
        Ok(returned) => returned,
        Err(page) => return Ok(*page),
    };
    let provider = request.path.rsplit('/').next().unwrap_or_default();
    let (key, callback) = (entrance::key(&returned.browser), request.base.join(CALLBACK_PATH));
    match core.login_upstream(&request.pool, &returned.interaction, &key, provider, &callback, origin(&request)).await {
        Ok(Step::Redirect(url)) => Ok(see_other(&url)),
        Ok(step) => dispatch::follow(&request, &returned, "", step),
        // Nothing of the path is shown: it may say anything.
        Err(error) if matches!(error.kind(), Kind::NotFound { .. } | Kind::Denied(Denial::LoginRequired)) => {
            Err(PageError::of(&request, &error))
        }
        Err(error) => {
            tracing::warn!(pool = %request.pool.slug(), provider, %error, "an upstream login cannot begin");
            pages::login(&request, &Visit::again(&returned), "", Some(Notice::Upstream(provider.to_owned())))
        }
    }
}

/// Takes the upstream's answer.
pub async fn back(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let fields = Form::parse(request.query.as_bytes())
        .map_err(|error| PageError::of(&request, &Error::invalid(Rule::Request, error.to_string())))?;
    let browser = browser::existing(&request).ok_or_else(|| PageError::expired(&request))?;
    let field = |name: &str| fields.get(name).map(str::to_owned);
    let callback = request.base.join(&request.path);
    let answer = Callback { callback, state: field("state"), code: field("code"), error: field("error"), iss: field("iss") };
    let (session, mark) = kept(&request);
    let kept = Kept { session: session.as_deref(), mark: mark.as_ref() };
    let key = entrance::key(&browser);
    let step = core.login_callback(&request.pool, &answer, &key, kept, origin(&request)).await;
    match step {
        Ok(Step::Granted(granted)) => Ok(dispatch::go_on(&request, &granted)),
        Ok(Step::Redirect(url)) => Ok(see_other(&url)),
        Ok(Step::Ask(_, message)) => pages::upstream_failed(&request, message),
        Err(error) => Err(PageError::of(&request, &error)),
    }
}
