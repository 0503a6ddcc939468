//! The token endpoint (RFC 6749, section 3.2): parse, client authentication, grant, issue, one
//! commit. No grant can skip the first two.

use super::app::App;
use super::client;
use super::error::{Code, Error, Refusal};
use super::grants;
use super::wire::Parameters;
use crate::web::http::{StatusCode, header};
use crate::web::{self, PoolRequest, Response};

/// Answers a token request.
pub async fn post(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let basic = request.headers.contains_key(header::AUTHORIZATION);
    let refuse = |refusal| Error::Token { refusal, basic };
    let form = form(request).map_err(refuse)?;
    let client = client::authenticate(app, request, &form).await?;
    let tokens = match form.first("grant_type") {
        Some("authorization_code") => grants::code::redeem(app, request, &client, &form).await.map_err(refuse)?,
        Some(_) => return Err(refuse(Refusal::new(Code::UnsupportedGrantType, "only the grant_type authorization_code is supported"))),
        None => return Err(refuse(Refusal::request("grant_type is missing"))),
    };
    Ok(web::with_header(web::json(StatusCode::OK, &tokens), header::PRAGMA, "no-cache"))
}

/// The form of the body. Credentials in the query would end up in logs: they are not looked at (RFC
/// 6749, section 2.3.1).
fn form(request: &PoolRequest) -> Result<Parameters, Refusal> {
    if !is_form(request) {
        return Err(Refusal::request("send the parameters as application/x-www-form-urlencoded"));
    }
    let form = Parameters::parse(&request.body)?;
    form.each_once()?;
    Ok(form)
}

/// Whether the body says that it is a form.
pub(super) fn is_form(request: &PoolRequest) -> bool {
    let media_type = request.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
