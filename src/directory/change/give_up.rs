//! What an entry gives up for another one.

use super::{attribute, check, edges::Edges, rename, write};
use crate::directory::draft::Draft;
use crate::directory::{Directory, Viewer};
use crate::model::{Actor, Dn, EntryId, Error, Rdn, Result, Timestamp};
use crate::policy::access;
use crate::store::Changes;

/// The attribute of mail addresses.
const MAIL: &str = "mail";

pub fn give_up(
    directory: &Directory,
    changes: &mut Changes,
    id: EntryId,
    mail: &[Vec<u8>],
    rdn: Option<&Rdn>,
    actor: &Actor,
    now: Timestamp,
) -> Result<()> {
    let schema = directory.schema;
    let viewer = Viewer::of(actor);
    let entry = directory.visible(id, &viewer)?;
    access::may_arrange(&viewer)?;
    let before = Draft::of(&entry)?;
    let mut after = before.clone();
    let kind = schema.require_attribute(MAIL)?;
    let mail = mail.iter().map(|value| attribute::comparable(kind, value)).collect::<Result<Vec<_>>>()?;
    attribute::drop_values(&mut after, kind, &mail);
    if let Some(rdn) = rdn {
        let gone = || Error::not_found("there is no such entry");
        let parent: Dn = directory.dn(after.header.parent.ok_or_else(gone)?)?.ok_or_else(gone)?;
        after.header.rdn = check::rdn_text(schema, rdn, &parent)?;
        rename::drop_old_values(directory, &mut after, &entry.rdn()?)?;
        check::add_rdn_values(schema, &mut after, rdn)?;
    }
    check::complete(schema, &mut after, &directory.linked(&entry)?)?;
    after.touch(actor, now);
    write::replace(directory, changes, &entry, (&before, &after), &Edges::new(directory, id, &viewer), now)
}
