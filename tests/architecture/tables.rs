//! What the guards compare the sources with. A new room, edge or exception is added here in the
//! change that needs it, with its reason, and one that nobody needs any more goes.

/// Rows: a name, and what it may do or who may do it.
pub type Table<'a> = &'a [(&'a str, &'a [&'a str])];

/// Rooms from the ground up, each with the rooms that it may import.
pub const ROOMS: Table<'_> = &[
    ("model", &[]),
    ("crypto", &["model"]),
    ("crowd", &["model"]),
    // The memory blocks of argon2 belong to the threads that use them.
    ("work", &["crypto", "model"]),
    ("policy", &["model"]),
    ("store", &["model"]),
    ("audit", &["store", "crypto", "model"]),
    ("pool", &["audit", "policy", "store", "crypto", "model", "work"]),
    ("directory", &["pool", "policy", "store", "crypto", "model"]),
    ("application", &["pool", "policy", "store", "crypto", "model", "work"]),
    ("federation", &["directory", "pool", "audit", "store", "crypto", "model"]),
    ("authn", &["federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("web", &["pool", "crypto", "crowd", "model"]),
    // What the faces share on the way through a login: it holds requests and sessions, and answers
    // with pages.
    ("entrance", &["web", "authn", "store", "model"]),
    ("sync", &["authn", "federation", "directory", "pool", "audit", "store", "crypto", "model"]),
    ("admin", &["sync", "web", "authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model"]),
    ("login", &["entrance", "web", "authn", "federation", "crypto", "model"]),
    ("saml", PROVIDER),
    ("oidc", PROVIDER),
    ("ldap", &["authn", "directory", "pool", "crypto", "crowd", "model"]),
    (
        "server",
        &[
            "login",
            "saml",
            "oidc",
            "ldap",
            "admin",
            "entrance",
            "web",
            "authn",
            "directory",
            "pool",
            "policy",
            "store",
            "crypto",
            "crowd",
            "model",
            "work",
        ],
    ),
    ("cli", &["server", "admin", "model"]),
];

/// What a face that issues tokens or assertions may import: the core, the kit around warp and the
/// way through a login.
const PROVIDER: &[&str] = &["entrance", "web", "authn", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model"];

/// What a room passes on of another, by the place that does it: who imports the one may name these
/// of the other.
pub const REEXPORTS: Table<'_> = &[
    // Requests and answers of the admin API show settings as they are.
    ("admin/types/mod.rs", &["crate::pool::Settings"]),
    // Access rules judge what the directory describes, in its words.
    ("directory/mod.rs", &["crate::policy::access::EntryKind", "crate::policy::access::Viewer"]),
    ("directory/schema/attribute.rs", &["crate::policy::access::AccessClass"]),
];

/// Crates that only named rooms may use, because replacing or auditing them must stay a local
/// matter.
pub const CONFINED: Table<'_> = &[
    ("sled", &["store/"]),
    ("quick_cache", &["store/", "pool/", "authn/", "federation/"]),
    ("warp", &["web/", "server/", "*/routes.rs"]),
    ("bergshamra", &["crypto/xml"]),
    // Nobody names it: it is there for its feature, which bergshamra uses.
    ("kryptering", &[]),
    ("uppsala", &["crypto/xml"]),
    ("argon2", &["crypto/password"]),
    ("aws_lc_rs", &["crypto/", "server/"]),
    ("openidconnect", &["federation/"]),
    ("reqwest", &["federation/"]),
    ("idna", &["federation/mail_domains"]),
    // Tests read with it what the server signs.
    ("jsonwebtoken", &[]),
    ("minijinja", &["web/", "login/", "oidc/"]),
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

/// Where a password or a secret may be compared with a hash: in `work`, on whose threads that runs,
/// and in the engine that asks for it.
pub const VERIFIERS: &[&str] = &["work/", "authn/", "application/secret.rs"];

/// Which room names the records of which space, to write or to expect them. Others go through it.
pub const OWNERS: Table<'_> = &[
    // A credential is written only while its entry is there, which its writer expects.
    ("Entry", &["directory", "authn"]),
    ("Value", &["directory"]),
    ("Child", &["directory"]),
    ("Unique", &["directory"]),
    ("Index", &["directory"]),
    ("Link", &["directory"]),
    ("Backlink", &["directory"]),
    // An entry that is deleted takes its credentials with it.
    ("Credential", &["authn", "directory"]),
    ("Application", &["application"]),
    ("Grant", &["application"]),
    ("Session", &["authn"]),
    ("Interaction", &["authn"]),
    ("SigningKey", &["pool"]),
    ("Provider", &["federation"]),
    ("Federated", &["federation"]),
    ("Audit", &["audit"]),
    // Chains of commits stand in the room that makes them.
    ("Checkpoint", &["directory", "sync"]),
    ("Throttle", &["authn"]),
];

/// What names records of a space beside `Space` itself: functions of `Key` and of `Prefix`, and
/// their spaces.
pub const NAMERS: &[(&str, &str)] = &[
    ("entry", "Entry"),
    ("value", "Value"),
    ("child", "Child"),
    ("children", "Child"),
    ("unique", "Unique"),
    ("index", "Index"),
    ("link", "Link"),
    ("links", "Link"),
    ("backlink", "Backlink"),
    ("backlinks", "Backlink"),
    ("credential", "Credential"),
    ("credentials", "Credential"),
    ("audit", "Audit"),
];

/// The most lines of a file, not counting its tests.
pub const MAX_LINES: usize = 500;

/// Names that say nothing about what a module is for.
pub const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "prelude", "misc"];
