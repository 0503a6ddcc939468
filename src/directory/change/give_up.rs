//! What an entry gives up for another one.

use super::{attribute, check, edges::Edges, rename, write};
use crate::directory::draft::{Draft, Name};
use crate::directory::{Directory, Viewer};
use crate::model::{Actor, Attribute, Dn, EntryId, Error, Rdn, Result, Timestamp};
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
    drop_values(directory, &mut after, &Attribute { name: MAIL.to_owned(), values: mail.to_vec() })?;
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

/// Removes values, whatever options they have.
fn drop_values(directory: &Directory, draft: &mut Draft, dropped: &Attribute) -> Result<()> {
    let kind = directory.schema.require_attribute(&dropped.name)?;
    let dropped = dropped.values.iter().map(|value| attribute::comparable(kind, value)).collect::<Result<Vec<_>>>()?;
    let names: Vec<Name> = draft.attributes.keys().filter(|name| name.attribute == kind.id).cloned().collect();
    for name in names {
        let Some(content) = draft.attributes.get(&name) else { continue };
        let is_kept = |value: &&[u8]| attribute::comparable(kind, value).map_or(true, |value| !dropped.contains(&value));
        let kept: Vec<_> = content.values().filter(is_kept).map(<[u8]>::to_vec).collect();
        draft.set(kind, name, &kept);
    }
    Ok(())
}
