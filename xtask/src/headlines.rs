//! Which tables speak for a crate: in the root README, and in a quick look.

/// A table in the root README: its job, its group, and what a reader calls it.
pub(crate) struct Headline {
    pub(crate) job: &'static str,
    pub(crate) group: &'static str,
    pub(crate) title: &'static str,
}

const fn headline(job: &'static str, group: &'static str, title: &'static str) -> Headline {
    Headline { job, group, title }
}

pub(crate) const HEADLINES: &[Headline] = &[
    headline("json", "decode users50 owned", "JSON: decode 50 records"),
    headline("json", "decode users 1 MB owned", "JSON: decode 1 MB of records"),
    headline("json", "decode users50 to Value", "JSON: decode 50 records to `Value`"),
    headline("json", "encode users50, buffer reused", "JSON: encode 50 records, buffer reused"),
    headline("json", "encode users 1 MB, to_vec", "JSON: encode 1 MB of records to a new vector"),
    headline("router", "130 routes, realistic parameters", "Router: 130 routes"),
    headline("router", "GitHub", "Router: GitHub's routes"),
    headline("router", "GitHub, with methods", "Router: GitHub's routes, method and path"),
    headline("pool", "get and put, async, uncontended", "Pool: get and put, async, nobody waits"),
    headline("pool", "get and put, blocking, uncontended", "Pool: get and put, blocking, nobody waits"),
    headline(
        "pool",
        "16 tasks on 4 connections, held over a yield, 2 worker threads",
        "Pool: 16 tasks on 4 connections",
    ),
    headline("sqlite", "SQLite point select, 64 tasks", "SQLite: one row, 64 tasks"),
    headline("sqlite", "SQLite 100-row select, 64 tasks", "SQLite: 100 rows, 64 tasks"),
    headline("sqlite", "SQLite durable insert, 64 tasks, synchronous FULL", "SQLite: durable insert, 64 tasks"),
    headline("auth", "verify HS256, 3 claims", "Tokens: verify HS256"),
    headline("auth", "verify ES256, 3 claims", "Tokens: verify ES256"),
    headline(
        "auth",
        "authenticate HS256, 8 claims, 1,000,000 revoked",
        "Tokens: verify and look up among a million revoked",
    ),
    headline(
        "auth",
        "check miss, 1,000,000 revoked, expiries over one hour",
        "Blacklist: a token that is not among a million",
    ),
    headline("auth", "memory of 10,000,000, expiries over one hour", "Blacklist: memory of ten million"),
    headline(
        "kit",
        "route + authenticate + point select + encode, 64 callers",
        "All four jobs in one request, one row, 64 tasks",
    ),
    headline("kit", "100 rows to JSON", "100 SQL rows to JSON"),
    headline("suite", "cache: hit", "Cache: hit"),
    headline("suite", "composed: one row", "All four jobs in one request, one row, one thread"),
    headline("suite", "composed: 100 rows", "All four jobs in one request, 100 rows, one thread"),
];

/// What a quick look measures: groups that are ready in a moment.
pub(crate) const QUICK: &[(&str, &str)] = &[
    ("json", "decode users50 owned"),
    ("json", "decode users 1 MB owned"),
    ("json", "encode users50, buffer reused"),
    ("json", "encode users 1 MB, to_vec"),
    ("router", "130 routes, realistic parameters"),
    ("router", "GitHub"),
    ("pool", "get and put, async, uncontended"),
    ("pool", "get and put, blocking, uncontended"),
    ("sqlite", "SQLite cached point select, blocking"),
    ("auth", "verify HS256, 3 claims"),
    ("auth", "verify ES256, 3 claims"),
    ("suite", "cache: hit"),
    ("suite", "composed: one row"),
];
