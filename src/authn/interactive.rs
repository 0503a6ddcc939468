//! The interactive entrance: hosted pages that ask, one step at a time.

use super::{Core, Origin, interaction::BrowserKey, interaction::ReturnPoint};
use crate::{
    model::{Result, Secret},
    pool::Pool,
};
use std::sync::Arc;

/// What a page can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// The password of this pool.
    Password,
}

/// What a page says above its form. None tells unknown from wrong from locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// The name or the password is not right.
    Credentials,
    /// The password was right, and must be changed by an administrator before it can be used.
    MustChange,
    /// The password was right, and is too old.
    Expired,
    /// The upstream login did not succeed.
    Upstream,
}

/// What comes next in a login.
#[derive(Clone, Debug)]
pub enum Step {
    /// Show a form that asks for these.
    Ask(Vec<Factor>, Option<Message>),
    /// Send the browser to this absolute URL of an upstream identity provider.
    Redirect(String),
    /// The person is logged in.
    Granted(Granted),
}

/// A finished login.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The value for the session cookie, new with each login.
    pub session: Secret<String>,
    /// Where to go on.
    pub return_point: ReturnPoint,
    /// The interaction to go on with.
    pub interaction: String,
}

/// What an upstream sent back: the query of its callback, already percent-decoded. Duplicates are refused by whoever parsed it.
#[derive(Clone, Default)]
pub struct Callback {
    /// `state` (RFC 6749, section 4.1.2).
    pub state: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `error` (RFC 6749, section 4.1.2.1).
    pub error: Option<String>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
}

impl Core {
    /// Tries a name and a password. `previous` is the session cookie that the browser sent, if any: that session ends when this login succeeds.
    #[allow(clippy::too_many_arguments)]
    pub async fn login_password(
        &self,
        _pool: &Arc<Pool>,
        _interaction: &str,
        _browser: &BrowserKey,
        _username: &str,
        _password: &Secret<Vec<u8>>,
        _previous: Option<&str>,
        _origin: Origin,
    ) -> Result<Step> {
        todo!()
    }

    /// Sends the person to an upstream identity provider. `callback` is the absolute URL of `/oauth2/idpresponse` of this pool.
    pub async fn login_upstream(
        &self,
        _pool: &Arc<Pool>,
        _interaction: &str,
        _browser: &BrowserKey,
        _provider: &str,
        _callback: &str,
    ) -> Result<Step> {
        todo!()
    }

    /// Takes the answer of an upstream. The interaction is found by `state`; it must be this browser's.
    pub async fn login_callback(
        &self,
        _pool: &Arc<Pool>,
        _answer: &Callback,
        _browser: &BrowserKey,
        _previous: Option<&str>,
        _origin: Origin,
    ) -> Result<Step> {
        todo!()
    }
}
