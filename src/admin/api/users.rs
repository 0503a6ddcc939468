//! Users.

use super::entries;
use super::reply::{Reply, Shown, at};
use crate::admin::branch::Branch;
use crate::admin::context::{Context, Segment};
use crate::admin::types::{EntryDocument, NewUser};
use crate::model::{Attribute, Result};

const BRANCH: Branch = Branch::PEOPLE;

pub async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<Shown<EntryDocument>>> {
    let new: NewUser = context.document()?;
    let pool = context.pool(at(&path, 0)?)?;
    let uid = new.uid.clone();
    Ok(Reply::Made(entries::add(&context, &pool, BRANCH, &uid, attributes(new)).await?))
}

/// The entry of a user: inetOrgPerson with what was given.
fn attributes(new: NewUser) -> Vec<Attribute> {
    let names = [new.given_name.as_deref(), new.family_name.as_deref()];
    let whole_name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let display_name = new.display_name.as_deref().unwrap_or(if whole_name.is_empty() { &new.uid } else { &whole_name });
    let mut attributes = vec![
        Attribute::new("objectClass", ["inetOrgPerson"]),
        Attribute::new("uid", [new.uid.as_str()]),
        Attribute::new("cn", [display_name]),
        Attribute::new("displayName", [display_name]),
        Attribute::new("sn", [new.family_name.as_deref().unwrap_or(&new.uid)]),
        Attribute::new("givenName", new.given_name.as_deref()),
        Attribute::new("mail", new.mail.as_deref()),
        Attribute::new("userPassword", new.password.as_deref()),
    ];
    for (name, values) in &new.attributes {
        attributes.retain(|known| !known.name.eq_ignore_ascii_case(name));
        attributes.push(Attribute::new(name.as_str(), values.iter().map(String::as_str)));
    }
    attributes
}
