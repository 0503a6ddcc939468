//! Forms of ours that come back with the request in them.

use super::key;
use crate::authn::{Core, Interaction, Place, Unsealed};
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

/// Why a form counts for nothing.
pub enum Void {
    /// A page says what is wrong: the browser keeps no cookies, or the login has ended.
    Page(PageError),
    /// It was not sealed for this browser, which may be asked the same anew.
    Another(Box<Interaction>),
}

/// The request in a form that was sealed for that place and this browser.
pub fn returned(core: &Core, request: &PoolRequest, form: &Form, place: Place) -> Result<Returned, Void> {
    let browser = browser::existing(request).ok_or_else(|| Void::Page(PageError::without_cookies(request)))?;
    let expired = || Void::Page(PageError::expired(request));
    let sealed = form.get(SEALED_REQUEST).ok_or_else(expired)?;
    match core.unseal(&request.pool, sealed, place, &key(&browser)).ok_or_else(expired)? {
        Unsealed::Own(interaction) => Ok(Returned { interaction, sealed: sealed.to_owned(), browser }),
        Unsealed::OfAnotherBrowser(interaction) => Err(Void::Another(Box::new(interaction))),
    }
}
