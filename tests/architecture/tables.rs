//! What the guards compare the sources with. A new room, edge or exception is added here in the change that needs it, with its reason.

/// Rooms from the ground up, each with the rooms that it may import.
pub const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("crypto", &["model"]),
    // The memory blocks of argon2 belong to the threads that use them.
    ("work", &["crypto", "model"]),
    ("policy", &["model"]),
    ("store", &["model"]),
    ("audit", &["policy", "store", "crypto", "model"]),
    ("pool", &["audit", "policy", "store", "crypto", "model", "work"]),
    ("directory", &["pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("application", &["pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("federation", &["directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("authn", &["federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("web", &["pool", "crypto", "model"]),
    // What the faces share on the way through a login: it holds requests and sessions, and answers with pages.
    ("entrance", &["web", "authn", "store", "model"]),
    ("sync", &["authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    (
        "admin",
        &["sync", "web", "authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"],
    ),
    ("login", FACE),
    ("saml", FACE),
    ("oidc", FACE),
    ("ldap", &["authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    (
        "server",
        &[
            "login",
            "saml",
            "oidc",
            "ldap",
            "admin",
            "sync",
            "entrance",
            "web",
            "authn",
            "federation",
            "application",
            "directory",
            "pool",
            "audit",
            "policy",
            "store",
            "crypto",
            "model",
            "work",
        ],
    ),
    ("cli", &["server", "admin", "model"]),
];

/// What a face with pages or HTTP endpoints may import: the core, the kit around warp and the way through a login.
const FACE: &[&str] =
    &["entrance", "web", "authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"];

/// What a room passes on of another, by the place that does it: who imports the one may name these of the other.
pub const REEXPORTS: &[(&str, &[&str])] = &[
    // Requests and answers of the admin API show settings as they are.
    ("admin/types/mod.rs", &["crate::pool::Settings"]),
    // Access rules judge what the directory describes, in its words.
    ("directory/mod.rs", &["crate::policy::access::EntryKind", "crate::policy::access::Viewer"]),
    ("directory/schema/attribute.rs", &["crate::policy::access::AccessClass"]),
];

/// Crates that only named rooms may use, because replacing or auditing them must stay a local matter.
pub const CONFINED: &[(&str, &[&str])] = &[
    ("sled", &["store/"]),
    ("quick_cache", &["store/", "pool/", "authn/", "directory/", "federation/"]),
    ("warp", &["web/", "server/", "*/routes.rs"]),
    ("bergshamra", &["crypto/xml"]),
    ("kryptering", &["crypto/xml"]),
    ("uppsala", &["crypto/xml"]),
    ("argon2", &["crypto/password"]),
    ("aws_lc_rs", &["crypto/", "server/"]),
    ("openidconnect", &["federation/"]),
    ("reqwest", &["federation/"]),
    ("idna", &["federation/mail_domains"]),
    ("jsonwebtoken", &["crypto/"]),
    ("minijinja", &["web/", "login/", "oidc/", "saml/"]),
    ("fluent", &["web/page"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("figment", &["server/"]),
    ("rlimit", &["server/"]),
    ("rcgen", &["crypto/", "server/"]),
    // A filter is for the whole process and for good.
    ("seccompiler", &["store/embedded/segment_sync"]),
    ("libc", &["store/embedded/segment_sync"]),
    ("serde_path_to_error", &["admin/document"]),
];

/// Where a password or a secret may be compared with a hash: in `work`, on whose threads that runs, and in the engine that asks for it.
pub const VERIFIERS: &[&str] = &["crypto/password", "work/", "authn/", "application/secret.rs"];

/// Which room writes the records of which space. Others go through it.
pub const OWNERS: &[(&str, &[&str])] = &[
    ("Entry", &["directory"]),
    ("Value", &["directory"]),
    ("Child", &["directory"]),
    ("Unique", &["directory"]),
    ("Index", &["directory"]),
    ("Link", &["directory"]),
    ("Backlink", &["directory"]),
    ("Credential", &["authn"]),
    ("Application", &["application"]),
    ("Grant", &["application"]),
    ("Session", &["authn"]),
    ("Interaction", &["authn"]),
    ("SigningKey", &["pool"]),
    // A change of the master key seals the secrets of providers anew.
    ("Provider", &["federation", "pool"]),
    ("Federated", &["federation"]),
    ("Audit", &["audit"]),
    // Chains of commits stand in the room that makes them.
    ("Checkpoint", &["directory", "sync"]),
    ("Throttle", &["authn"]),
];

/// The most lines of a file, not counting its tests.
pub const MAX_LINES: usize = 500;

/// Names that say nothing about what a module is for.
pub const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "prelude", "misc"];
