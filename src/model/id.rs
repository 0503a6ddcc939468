//! Numbers that name things. Each is a type of its own, so that one cannot stand for another.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] $inner);

        impl $name {
            /// Wraps the number.
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// The number itself.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A pool. Given once and never used again, even after the pool is gone. Zero names no pool.
    PoolId(u32)
}

number! {
    /// An entry within its pool. Grows with the time of creation.
    EntryId(u64)
}

number! {
    /// The place of a commit in the order of all commits of a store.
    Sequence(u64)
}

number! {
    /// An attribute type as records name it. Given once and never used again.
    AttributeId(u16)
}
