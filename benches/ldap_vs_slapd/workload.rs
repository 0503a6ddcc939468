//! What the servers are asked to do, and by how many at once.

use crate::ber::{Template, bind, enumerated, octets, search, tlv};
use crate::people;
use std::fmt;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A search by uid below `ou=people` that returns the whole entry.
    Search,
    /// The same for two attributes.
    TwoAttributes,
    /// A compare of the mail address.
    Compare,
    /// A simple bind, again and again as the same person on each connection.
    Bind,
    /// A modify that replaces the description. Durable.
    Modify,
    /// The same of one entry, by all.
    ModifyOne,
}

/// How many ask at once: connections, and requests that each has under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub connections: usize,
    pub window: usize,
}

impl Operation {
    pub const ALL: [Self; 6] = [Self::Search, Self::TwoAttributes, Self::Compare, Self::Bind, Self::Modify, Self::ModifyOne];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::TwoAttributes => "two-attributes",
            Self::Compare => "compare",
            Self::Bind => "bind",
            Self::Modify => "modify",
            Self::ModifyOne => "modify-one",
        }
    }

    /// Whether requests can be under way together on one connection: a bind must be alone (RFC
    /// 4511, section 4.2.1).
    pub const fn has_window(self) -> bool {
        !matches!(self, Self::Bind)
    }

    /// Who asks.
    pub const fn identity(self) -> &'static str {
        match self {
            Self::Modify | Self::ModifyOne => people::ADMINISTRATOR,
            _ => people::READER,
        }
    }

    /// The request, for the person whose number is put into it.
    pub fn request(self) -> Template {
        let name = people::name(0);
        match self {
            Self::Search => Template::new(&search(people::PEOPLE, "uid", &people::uid(0), &[])),
            Self::TwoAttributes => Template::new(&search(people::PEOPLE, "uid", &people::uid(0), &["cn", "mail"])),
            Self::Compare => {
                let assertion = [octets("mail"), octets(&people::mail(0))].concat();
                Template::new(&tlv(0x6e, &[octets(&name), tlv(0x30, &assertion)].concat()))
            }
            Self::Bind => Template::new(&bind(&name, people::PASSWORD)),
            Self::Modify | Self::ModifyOne => {
                let values = tlv(0x31, &octets(&people::description(0)));
                let replace = [enumerated(2), tlv(0x30, &[octets("description"), values].concat())].concat();
                let changes = tlv(0x30, &tlv(0x30, &replace));
                Template::new(&tlv(0x66, &[octets(&name), changes].concat()))
            }
        }
    }

    /// The identifier octet of the last answer to a request.
    pub const fn answer(self) -> u8 {
        match self {
            Self::Search | Self::TwoAttributes => 0x65,
            Self::Compare => 0x6f,
            Self::Bind => 0x61,
            Self::Modify | Self::ModifyOne => 0x67,
        }
    }

    /// The result code of that answer.
    pub const fn code(self) -> u8 {
        match self {
            // compareTrue
            Self::Compare => 6,
            _ => 0,
        }
    }

    /// The least octets of the entry that a search returns; none if nothing is searched for.
    pub const fn entry(self) -> Option<usize> {
        match self {
            Self::Search => Some(900),
            Self::TwoAttributes => Some(80),
            _ => None,
        }
    }
}

impl Shape {
    pub const ALL: [Self; 6] = [Self::new(1, 1), Self::new(1, 8), Self::new(8, 1), Self::new(8, 8), Self::new(64, 1), Self::new(64, 8)];

    const fn new(connections: usize, window: usize) -> Self {
        Self { connections, window }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}x{}", self.connections, self.window))
    }
}
