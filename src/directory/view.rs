//! What a viewer gets to see of an entry, in the form of an LDAP result: a copy of the stored TLVs,
//! without what the viewer may not read, with what is computed.

use super::draft;
use super::known::{KNOWN, Source};
use super::names::Names;
use super::record;
use super::schema::{AttributeType, Schema};
use super::{Directory, Filter, Record, Viewer, value};
use crate::model::ber::{self, Writer};
use crate::model::error::Rule;
use crate::model::{Attribute, AttributeId, Dn, Error, Kind, Rdn, Result};
use crate::policy::access;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

/// The name of the subschema subentry (RFC 4512, section 4.2).
pub const SUBSCHEMA: &str = "cn=subschema";

/// Which attributes are asked for (RFC 4511, section 4.5.1.8).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Selection {
    user: bool,
    operational: bool,
    listed: Vec<(AttributeId, Vec<String>)>,
}

/// Attributes whose values do not lie in the record.
static DERIVED: LazyLock<Vec<(&'static AttributeType, Source)>> = LazyLock::new(|| {
    let attributes = Schema::builtin().attribute_types().iter();
    attributes.map(|attribute| (attribute, Source::of(attribute))).filter(|(_, source)| source.is_derived()).collect()
});

/// Values of an attribute on their way to the caller.
enum Piece<'a> {
    /// A PartialAttribute as stored.
    Stored(&'a [u8]),
    /// The same, by where it lies in the entry's record.
    InRecord(Range<usize>),
    /// A name, and values that were computed.
    Derived(&'a str, Vec<Vec<u8>>),
}

impl Selection {
    /// All user attributes.
    pub fn user() -> Self {
        Self { user: true, ..Self::default() }
    }

    /// All attributes, operational ones too.
    pub fn all() -> Self {
        Self { user: true, operational: true, ..Self::default() }
    }

    /// What a list asks for: empty or `*` all user attributes, `+` all operational ones (RFC 3673),
    /// `1.1` none, `@class` those of a class (RFC 4529). Names that the schema does not know select
    /// nothing.
    pub fn parse<'a>(directory: &Directory, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut selection = Self::default();
        let mut empty = true;
        for name in names {
            empty = false;
            match name {
                "*" => selection.user = true,
                "+" => selection.operational = true,
                _ => match name.strip_prefix('@') {
                    Some(class) => selection.list_class(directory.schema, class),
                    None => selection.list(directory.schema, name),
                },
            }
        }
        selection.user |= empty;
        selection
    }

    fn list(&mut self, schema: &Schema, name: &str) {
        if let Some(attribute) = schema.attribute(name) {
            self.listed.push((attribute.id, draft::options(name)));
        }
    }

    fn list_class(&mut self, schema: &Schema, class: &str) {
        for class in schema.with_superclasses(&[class]).unwrap_or_default() {
            self.listed.extend(class.must.iter().chain(&class.may).map(|attribute| (*attribute, Vec::new())));
        }
    }

    fn has(&self, schema: &Schema, attribute: &AttributeType, options: &dyn Fn() -> Vec<String>) -> bool {
        let all = if attribute.is_operational() { self.operational } else { self.user };
        all || self.listed.iter().any(|(listed, wanted)| {
            (attribute.id == *listed || schema.is_subtype(attribute.id, *listed))
                && (wanted.is_empty() || {
                    let options = options();
                    wanted.iter().all(|option| options.contains(option))
                })
        })
    }
}

impl Directory {
    /// Writes a PartialAttributeList (RFC 4511, section 4.5.2), its SEQUENCE header included: what
    /// is selected and what the viewer may read.
    pub fn project(&self, entry: &Record, selection: &Selection, types_only: bool, viewer: &Viewer, out: &mut Vec<u8>) -> Result<()> {
        let mut writer = Writer::new(out);
        let list = writer.open(ber::SEQUENCE);
        let mut written = Ok(());
        if let Some(entry) = self.ready(entry, selection, viewer)? {
            // Attributes that lie side by side in the record are copied together.
            let mut run = 0..0;
            written = self.select(&entry, selection, viewer, &mut |piece| {
                if let Piece::InRecord(range) = &piece
                    && !types_only
                {
                    if range.start != run.end {
                        writer.raw(entry.part_of_record(&run));
                        run.start = range.start;
                    }
                    run.end = range.end;
                    return;
                }
                writer.raw(entry.part_of_record(&run));
                run = 0..0;
                write_piece(&mut writer, &entry, &piece, types_only);
            });
            writer.raw(entry.part_of_record(&run));
        }
        writer.close(list);
        written
    }

    /// The same as attributes.
    pub fn attributes(&self, entry: &Record, selection: &Selection, viewer: &Viewer) -> Result<Vec<Attribute>> {
        let mut attributes = Vec::new();
        let Some(entry) = self.ready(entry, selection, viewer)? else { return Ok(attributes) };
        let stored = |tlv: &[u8]| Attribute {
            name: record::description(tlv).unwrap_or_default().to_owned(),
            values: record::values(tlv).map(<[u8]>::to_vec).collect(),
        };
        self.select(&entry, selection, viewer, &mut |piece| {
            attributes.push(match piece {
                Piece::Stored(tlv) => stored(tlv),
                Piece::InRecord(range) => stored(entry.part_of_record(&range)),
                Piece::Derived(name, values) => Attribute { name: name.to_owned(), values },
            });
        })?;
        Ok(attributes)
    }

    /// The values of one attribute, whether stored, computed or kept as edges; empty if the viewer
    /// may not read it.
    pub fn attribute(&self, entry: &Record, name: &str, viewer: &Viewer) -> Result<Vec<Vec<u8>>> {
        let selection = Selection::parse(self, [name]);
        Ok(self.attributes(entry, &selection, viewer)?.into_iter().flat_map(|attribute| attribute.values).collect())
    }

    /// Whether the entry has the value (RFC 4511, section 4.10). Rule::NoSuchAttribute if it has no
    /// value that the viewer may read, Rule::UndefinedAttribute if the schema has no such
    /// attribute, Rule::InappropriateMatching if it cannot be compared, Rule::Syntax if the value
    /// is none.
    pub fn compare(&self, entry: &Record, name: &str, value: &[u8], viewer: &Viewer) -> Result<bool> {
        let attribute = self.schema.require_attribute(name)?;
        let readable = access::may_filter(viewer, attribute.access, entry.id());
        if !readable || Filter::present(self, name).evaluate(self, entry, viewer)? != Some(true) {
            return Err(Error::invalid(Rule::NoSuchAttribute, format!("the entry has no {}", attribute.name())));
        }
        let source = Source::of(attribute);
        match attribute.equality {
            None => return Err(Error::invalid(Rule::InappropriateMatching, format!("values of {} cannot be compared", attribute.name()))),
            Some(rule) if source == Source::Stored => drop(value::normalise(rule, value)?),
            Some(_) => {}
        }
        Ok(Filter::equality(self, name, value)?.evaluate(self, entry, viewer)? == Some(true))
    }

    /// The entry with all values that are to be shown; `None` if it is gone.
    fn ready<'e>(&self, entry: &'e Record, selection: &Selection, viewer: &Viewer) -> Result<Option<Cow<'e, Record>>> {
        self.with_wanted(entry, |slot| self.wants(entry, slot, selection, viewer))
    }

    fn wants(&self, entry: &Record, slot: &record::Slot, selection: &Selection, viewer: &Viewer) -> bool {
        let options = || {
            let body = entry.body(slot);
            let description =
                if slot.in_parts { record::spill(body).ok().map(|(_, description)| description) } else { record::description(body) };
            description.map(draft::options).unwrap_or_default()
        };
        self.schema.attribute_by_id(slot.attribute).is_some_and(|attribute| {
            access::may_read(viewer, attribute.access, entry.id()) && selection.has(self.schema, attribute, &options)
        })
    }

    fn select(&self, entry: &Record, selection: &Selection, viewer: &Viewer, sink: &mut dyn FnMut(Piece<'_>)) -> Result<()> {
        for (place, slot) in entry.slots().filter(|(_, slot)| self.wants(entry, slot, selection, viewer)) {
            match entry.tlv(place, &slot) {
                Some(tlv) if slot.in_parts => sink(Piece::Stored(tlv)),
                Some(_) => sink(Piece::InRecord(slot.range)),
                None => {}
            }
        }
        let by_name = selection.operational || !selection.listed.is_empty();
        let others = DERIVED.iter().filter(|(attribute, _)| by_name || !attribute.is_operational());
        for (attribute, source) in others.filter(|(_, source)| entry.has_links() || !source.is_edges()) {
            if selection.has(self.schema, attribute, &Vec::new) && access::may_read(viewer, attribute.access, entry.id()) {
                let values = self.derived(entry, attribute, *source, viewer)?;
                if !values.is_empty() {
                    sink(Piece::Derived(attribute.name(), values));
                }
            }
        }
        Ok(())
    }

    /// The values of an attribute that does not lie in the record, as far as the viewer may know
    /// the entries that they name.
    pub(super) fn derived(&self, entry: &Record, attribute: &AttributeType, source: Source, viewer: &Viewer) -> Result<Vec<Vec<u8>>> {
        let one = |value: String| Ok(vec![value.into_bytes()]);
        match source {
            Source::Stored | Source::Nothing => Ok(Vec::new()),
            Source::Edges | Source::MemberUid => self.edge_values(entry, attribute.id, source, viewer),
            Source::EntryUuid => one(entry.uuid().to_string()),
            Source::Created => one(value::generalized(entry.created())),
            Source::Modified => one(value::generalized(entry.modified())),
            Source::Creator => self.actor(entry.header()?.creator, viewer),
            Source::Modifier => self.actor(entry.header()?.modifier, viewer),
            Source::EntryCsn => one(entry_csn(entry)?),
            Source::EntryDn => Ok(Names::new(self).of(entry)?.map(String::into_bytes).into_iter().collect()),
            Source::HasSubordinates => one(if self.shows_children(entry.id(), viewer)? { "TRUE" } else { "FALSE" }.to_owned()),
            Source::SubschemaSubentry => one(SUBSCHEMA.to_owned()),
            Source::StructuralObjectClass => {
                let Some(entry) = self.with_wanted(entry, |slot| slot.attribute == KNOWN.object_class)? else { return Ok(Vec::new()) };
                let classes: Vec<_> = entry.read_values(KNOWN.object_class).filter_map(|class| std::str::from_utf8(class).ok()).collect();
                let class = self.schema.structural_class(&classes).ok();
                Ok(class.map(|class| class.name().as_bytes().to_vec()).into_iter().collect())
            }
            Source::MemberOf => {
                let mut names = Names::new(self);
                let mut values = Vec::new();
                for group in self.groups_of(entry.id())? {
                    values.extend(names.visible(group, viewer)?.map(String::into_bytes));
                }
                Ok(values)
            }
        }
    }

    /// Who acted, as far as the viewer may know.
    fn actor(&self, name: String, viewer: &Viewer) -> Result<Vec<Vec<u8>>> {
        if access::may_see_actors(viewer) {
            return named(name);
        }
        let Ok(dn) = Dn::parse(&name) else { return Ok(Vec::new()) };
        match self.locate(&dn, viewer) {
            Ok(_) => named(name),
            Err(error) if matches!(error.kind(), Kind::NotFound { .. } | Kind::Invalid(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn edge_values(&self, entry: &Record, attribute: AttributeId, source: Source, viewer: &Viewer) -> Result<Vec<Vec<u8>>> {
        let mut names = Names::new(self);
        let mut values = Vec::new();
        for behind in self.edges_behind(entry, attribute, source)? {
            for target in self.targets(behind, entry.id(), None) {
                let target = target?;
                if source == Source::Edges {
                    values.extend(names.visible(target, viewer)?.map(String::into_bytes));
                } else if self.is_visible(target, viewer)? {
                    values.extend(self.uid(target)?);
                }
            }
        }
        if source == Source::MemberUid {
            values.sort_unstable();
            values.dedup();
        }
        Ok(values)
    }

    /// The numbers of the attributes of which the entry has edges now.
    pub(super) fn linked(&self, entry: &Record) -> Result<Vec<AttributeId>> {
        let mut linked = Vec::new();
        for attribute in entry.header()?.links {
            if self.targets(attribute, entry.id(), None).next().transpose()?.is_some() {
                linked.push(attribute);
            }
        }
        debug_assert!(linked.iter().all(|attribute| KNOWN.links.contains(attribute)));
        Ok(linked)
    }
}

fn write_piece(writer: &mut Writer<'_>, entry: &Record, piece: &Piece<'_>, types_only: bool) {
    let stored = match piece {
        Piece::Stored(tlv) => *tlv,
        Piece::InRecord(range) => entry.part_of_record(range),
        Piece::Derived(name, values) => {
            let values = if types_only { &[] } else { values.as_slice() };
            return record::write_partial_attribute(writer, name, values);
        }
    };
    if types_only {
        record::write_partial_attribute::<&[u8]>(writer, record::description(stored).unwrap_or_default(), &[]);
    } else {
        writer.raw(stored);
    }
}

/// When the entry was changed, and for the how manyth time. The count is its own: one of the whole
/// store would tell how much others write.
fn entry_csn(entry: &Record) -> Result<String> {
    let seconds = value::generalized(entry.modified());
    let micros = entry.modified().micros().rem_euclid(1_000_000);
    let header = entry.header()?;
    let (count, node) = (header.changes & 0xff_ffff, header.node);
    Ok(format!("{}.{micros:06}Z#{count:06x}#{node:03x}#000000", seconds.trim_end_matches('Z')))
}

/// Who acted, as the DN that creatorsName and modifiersName must hold: an operator, who has no
/// entry, is shown as `cn=uid:1000`.
fn named(name: String) -> Result<Vec<Vec<u8>>> {
    Ok(match Dn::parse(&name) {
        Ok(dn) if dn.is_root() => Vec::new(),
        Ok(_) => vec![name.into_bytes()],
        Err(_) => vec![Rdn::single("cn", name).to_string().into_bytes()],
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
