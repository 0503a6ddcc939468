//! Index terms.
