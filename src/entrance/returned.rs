//! Forms of ours that come back with the request in them.

use super::key;
use crate::authn::{Core, Interaction, Place};
use crate::model::Secret;
use crate::web::form::Form;
use crate::web::page::PageError;
use crate::web::{PoolRequest, browser};

/// The hidden field in which a request travels.
pub const SEALED_REQUEST: &str = "sealed_request";

/// A request that a browser has brought back.
pub struct Returned {
    /// The request.
    pub interaction: Interaction,
    /// The field as it came, which is good for the next form too.
    pub sealed: String,
    /// The key of the browser.
    pub browser: Secret<String>,
}

/// The request in a form that was sealed for that place and this browser. Otherwise a page says what is wrong: the browser keeps no cookies, or the login has ended.
pub fn returned(core: &Core, request: &PoolRequest, form: &Form, place: Place) -> Result<Returned, PageError> {
    let browser = browser::existing(request).ok_or_else(|| PageError::without_cookies(request))?;
    let sealed = form.get(SEALED_REQUEST).ok_or_else(|| PageError::expired(request))?;
    let interaction = core.unseal(&request.pool, sealed, place, &key(&browser)).ok_or_else(|| PageError::expired(request))?;
    Ok(Returned { interaction, sealed: sealed.to_owned(), browser })
}
