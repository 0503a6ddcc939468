//! The grants of the token endpoint, one file each. By the time a grant runs, the client has proven
//! who it is.

pub mod code;
