//! Requests that another site posts. Our cookies are Lax and do not come with such a POST, so the
//! browser is sent once more to the same endpoint, by a form of ours, with the request sealed in
//! it. That POST comes from our own site, with the cookies that there are, and is decided upon
//! whether there are any or not: nobody is sent round twice.

use super::{Entrance, SEALED_REQUEST, path};
use crate::authn::{Interaction, ReturnPoint};
use crate::model::Result;
use crate::web::form::Form;
use crate::web::page::{self, PageError, SelfPosting};
use crate::web::{PoolRequest, Response, csrf};

/// What has been posted to the endpoint of a face.
pub enum Posted {
    /// A request of an application, to be read by the face.
    Anew,
    /// A request that the browser has brought back, read before.
    HandedOver(Interaction),
    /// Neither: this is the answer.
    Answer(Response),
}

impl Entrance {
    /// Tells a request that another site posts from one that the browser brings back.
    pub fn posted(&self, request: &PoolRequest, face: ReturnPoint) -> Posted {
        // What the form cannot read, the face judges.
        let form = Form::parse(&request.body).unwrap_or_default();
        let Some(sealed) = form.get(SEALED_REQUEST) else { return Posted::Anew };
        let Some(interaction) = self.core.open_handover(&request.pool, sealed, face) else {
            return Posted::Answer(PageError::expired(request).into());
        };
        // Somebody else's page has sent it, so that the cookies are not there. To give the browser
        // new ones would part it from what waits in its other tabs.
        if csrf::is_foreign(request) {
            return Posted::Answer(self_posting(request, &interaction, sealed));
        }
        Posted::HandedOver(interaction)
    }

    /// Answers a request that another site has posted with the page that brings it back.
    pub fn hand_over(&self, request: &PoolRequest, interaction: &Interaction) -> Result<Response> {
        let sealed = self.core.seal_handover(&request.pool, interaction)?;
        Ok(self_posting(request, interaction, &sealed))
    }
}

fn self_posting(request: &PoolRequest, interaction: &Interaction, sealed: &str) -> Response {
    let action = request.base.join(path(interaction.return_point()));
    let form =
        SelfPosting { text: "handover-text", application: interaction.application(), action: &action, fields: &[(SEALED_REQUEST, sealed)] };
    page::post(request, &form)
}
