//! Attributes that the directory itself gives a meaning: where their values come from.

use super::schema::{AttributeType, Schema};
use crate::model::AttributeId;
use std::sync::LazyLock;

/// Where the values of an attribute come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The record holds them.
    Stored,
    /// Edges to other entries.
    Edges,
    /// Names of the targets of edges, by their uid.
    MemberUid,
    /// The header: entryUUID (RFC 4530).
    EntryUuid,
    /// The header: createTimestamp.
    Created,
    /// The header: modifyTimestamp.
    Modified,
    /// The header: creatorsName.
    Creator,
    /// The header: modifiersName.
    Modifier,
    /// The header: entryCSN.
    EntryCsn,
    /// The place in the tree: entryDN (RFC 5020).
    EntryDn,
    /// Whether there are children: hasSubordinates.
    HasSubordinates,
    /// The name of the subschema: subschemaSubentry.
    SubschemaSubentry,
    /// The object classes: structuralObjectClass.
    StructuralObjectClass,
    /// Edges of groups to the entry: memberOf.
    MemberOf,
    /// Computed, and not known how: no values.
    Nothing,
}

impl Source {
    /// Where the values of that attribute come from.
    pub fn of(attribute: &AttributeType) -> Self {
        SOURCES.get(usize::from(attribute.id.get())).copied().unwrap_or(Self::Stored)
    }

    /// Whether they lie outside of the record's attributes.
    pub fn is_derived(self) -> bool {
        self != Self::Stored
    }

    /// Whether they lie in edges of the entry.
    pub const fn is_edges(self) -> bool {
        matches!(self, Self::Edges | Self::MemberUid)
    }

    fn by_definition(attribute: &AttributeType) -> Self {
        const NAMES: &[(&str, Source)] = &[
            ("memberUid", Source::MemberUid),
            ("entryUUID", Source::EntryUuid),
            ("createTimestamp", Source::Created),
            ("modifyTimestamp", Source::Modified),
            ("creatorsName", Source::Creator),
            ("modifiersName", Source::Modifier),
            ("entryCSN", Source::EntryCsn),
            ("entryDN", Source::EntryDn),
            ("hasSubordinates", Source::HasSubordinates),
            ("subschemaSubentry", Source::SubschemaSubentry),
            ("structuralObjectClass", Source::StructuralObjectClass),
            ("memberOf", Source::MemberOf),
        ];
        let named = NAMES.iter().find(|(name, _)| attribute.names.iter().any(|other| other.eq_ignore_ascii_case(name)));
        match named {
            Some((_, source)) => *source,
            None if attribute.link => Self::Edges,
            None if attribute.is_virtual => Self::Nothing,
            None => Self::Stored,
        }
    }
}

/// Numbers of attributes that the directory reads by itself. An attribute that the schema lacks has
/// the number zero, which no attribute has.
#[derive(Debug)]
pub struct Known {
    pub object_class: AttributeId,
    pub uid: AttributeId,
    pub member: AttributeId,
    pub unique_member: AttributeId,
    pub member_uid: AttributeId,
    pub disabled: AttributeId,
    pub entry_uuid: AttributeId,
    pub created: AttributeId,
    pub modified: AttributeId,
    /// Every attribute whose values are edges.
    pub links: Vec<AttributeId>,
}

/// The numbers in the built-in schema.
pub static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let schema = Schema::builtin();
    let id = |name: &str| schema.attribute(name).map_or(AttributeId::new(0), |attribute| attribute.id);
    Known {
        object_class: id("objectClass"),
        uid: id("uid"),
        member: id("member"),
        unique_member: id("uniqueMember"),
        member_uid: id("memberUid"),
        disabled: id("poolgateAccountDisabled"),
        entry_uuid: id("entryUUID"),
        created: id("createTimestamp"),
        modified: id("modifyTimestamp"),
        links: schema.attribute_types().iter().filter(|attribute| is_edge(attribute)).map(|attribute| attribute.id).collect(),
    }
});

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let attributes = Schema::builtin().attribute_types();
    let size = attributes.iter().map(|attribute| usize::from(attribute.id.get()) + 1).max().unwrap_or(0);
    let mut sources = vec![Source::Stored; size];
    for attribute in attributes {
        if let Some(slot) = sources.get_mut(usize::from(attribute.id.get())) {
            *slot = Source::by_definition(attribute);
        }
    }
    sources
});

fn is_edge(attribute: &AttributeType) -> bool {
    Source::by_definition(attribute).is_edges()
}
