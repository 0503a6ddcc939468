//! The userinfo endpoint (OpenID Connect Core 1.0, section 5.3), a resource that access tokens open
//! (RFC 6750).

use super::app::App;
use super::claims;
use super::error::{Code, Error, Refusal};
use super::token::is_form;
use super::wire::{Parameters, Scope, bearer, parse_scopes};
use crate::model::Error as Failure;
use crate::web::http::{Method, StatusCode};
use crate::web::{self, PoolRequest, Response};

/// What the token's scopes tell about its person.
pub async fn answer(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let failed = |failure: Failure| Error::Bearer(Some(Refusal::at_resource(&failure)));
    let token = token(request)?;
    let bearer = app.core.bearer(&request.pool, request.base.as_str(), &token).map_err(failed)?;
    let scopes = parse_scopes(&bearer.claims.scope);
    if !scopes.contains(&Scope::Openid) {
        return Err(Error::Bearer(Some(Refusal::new(Code::InsufficientScope, "the scope openid is needed"))));
    }
    let directory = App::directory(request);
    let entry = directory.entry(bearer.entry).map_err(failed)?.ok_or_else(|| failed(Failure::credentials()))?;
    let mut claims = claims::about(&directory, &entry, &scopes).map_err(failed)?;
    claims.insert("sub".into(), bearer.claims.sub.into());
    Ok(web::json(StatusCode::OK, &claims))
}

/// The token of the header, or of the form of a POST (RFC 6750, sections 2.1 and 2.2), and not of
/// both. Never of the query, which ends up in logs.
fn token(request: &PoolRequest) -> Result<String, Error> {
    let refuse = |description: &str| Error::Bearer(Some(Refusal::request(description)));
    let mut headers = request.headers.get_all("authorization").iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err(refuse("the Authorization header is there twice"));
    }
    let in_header = match header {
        None => None,
        Some(value) => match value.to_str().ok().map(|text| (text, bearer(text))) {
            Some((_, Some(token))) => Some(token.to_owned()),
            Some((text, None)) if !text.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) => {
                return Err(Error::Bearer(None));
            }
            _ => return Err(refuse("the Authorization header holds no bearer token")),
        },
    };
    let in_form = if request.method == Method::POST && is_form(request) {
        let form = Parameters::parse(&request.body).map_err(|malformed| refuse(&malformed.to_string()))?;
        form.once("access_token").map_err(|malformed| refuse(&malformed.to_string()))?.map(str::to_owned)
    } else {
        None
    };
    match (in_header, in_form) {
        (Some(_), Some(_)) => Err(refuse("the access token was sent in the header and in the form; send it once")),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(Error::Bearer(None)),
    }
}
