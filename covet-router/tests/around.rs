//! What surrounds a lookup: URLs, explanations, the printed tree, parameters that outlive the request or become structs.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

mod common;

use common::table;
use covet_router::{Method, OwnedParams, Params, Router, UrlError};

#[test]
fn urls_lead_back() {
    let mut b = Router::builder();
    for (name, pattern) in [
        ("user", "/users/{id:u64}"),
        ("cmp", "/{owner}/compare/{base}...{head}"),
        ("file", "/files/{*path}"),
        ("maybe", "/m/{x?}/{y?}"),
        ("root", "/{x?}"),
        ("rest", "/r/{*p?}"),
        ("two", "/{*a}/-/{*b}"),
        ("kind", "/k/{k:a|b}"),
    ] {
        let id = b.insert(pattern, ()).unwrap();
        b.name(id, name).unwrap();
    }
    let r = b.build().unwrap();
    assert_eq!(r.url_for("user", [("id", 7)]).unwrap(), "/users/7");
    assert_eq!(r.url_for("user", &[("id", "7")]).unwrap(), "/users/7");
    let owned = vec![("id".to_owned(), 7u64)];
    assert_eq!(r.url_for("user", &owned).unwrap(), "/users/7");
    assert_eq!(
        r.url_for("cmp", [("owner", "a/b"), ("base", "x"), ("head", "y z")]).unwrap(),
        "/a%2Fb/compare/x...y%20z"
    );
    assert_eq!(r.url_for("file", [("path", "a/b?c#d%")]).unwrap(), "/files/a/b%3Fc%23d%25");
    assert_eq!(r.url_for("maybe", [("x", "1")]).unwrap(), "/m/1");
    let nothing: [(&str, &str); 0] = [];
    assert_eq!(r.url_for("root", nothing).unwrap(), "/");
    assert_eq!(r.url_for("rest", nothing).unwrap(), "/r/");
    assert_eq!(r.url_for("kind", [("k", "b")]).unwrap(), "/k/b");
    let error = |name: &str, params: &[(&str, &str)]| r.url_for(name, params).unwrap_err();
    assert!(matches!(error("nobody", &[]), UrlError::UnknownRoute { .. }));
    assert!(matches!(error("user", &[]), UrlError::MissingParam { name } if name == "id"));
    assert!(matches!(error("user", &[("id", "7"), ("x", "1")]), UrlError::UnknownParam { name, .. } if name == "x"));
    assert!(matches!(error("user", &[("id", "7"), ("id", "8")]), UrlError::RepeatedParam { .. }));
    assert!(matches!(error("user", &[("id", "abc")]), UrlError::Constraint { .. }));
    assert!(matches!(error("file", &[("path", "")]), UrlError::Empty { .. }));
    assert!(matches!(error("file", &[("path", "../etc")]), UrlError::DotSegment { .. }));
    assert!(matches!(error("cmp", &[("owner", ".."), ("base", "a"), ("head", "b")]), UrlError::DotSegment { .. }));
    assert!(matches!(error("cmp", &[("owner", "o"), ("base", "a...b"), ("head", "c")]), UrlError::Ambiguous { .. }));
    assert!(matches!(error("two", &[("a", "x/-/y"), ("b", "z")]), UrlError::Ambiguous { .. }));
    assert!(matches!(error("two", &[("a", "/evil.com"), ("b", "z")]), UrlError::Ambiguous { .. }));
}

#[test]
fn explanations_say_why() {
    let mut b = Router::builder();
    b.route(&Method::GET, "/users/{id:u64}", 0).unwrap();
    b.route(&Method::GET, "/users/{name}", 0).unwrap();
    b.route(&Method::POST, "/users/{name}", 0).unwrap();
    let r = b.build().unwrap();
    let text = r.explain(&Method::GET, "/users/7").to_string();
    assert_eq!(
        text,
        "GET /users/7 matches `/users/{id:u64}`\nmatching, in order:\n  GET /users/{id:u64}: chosen\n  GET /users/{name}: comes later in the order of precedence\n  POST /users/{name}: does not answer GET\n"
    );
    let text = r.explain(&Method::GET, "/users/7/x").to_string();
    assert!(text.contains("the path goes on after the pattern"), "{text}");
    let text = r.explain(&Method::GET, "/users?x=1").to_string();
    assert!(text.contains("without query"), "{text}");
}

#[test]
fn the_tree_reads_well() {
    let mut b = Router::builder();
    let user = b.route(&Method::GET, "/users/{id:u64}", 0).unwrap();
    b.name(user, "user").unwrap();
    b.route(&Method::DELETE, "/users/{uid:u64}", 0).unwrap();
    b.route(&Method::GET, "/users", 0).unwrap();
    b.insert("/static/js/{*path}", 0).unwrap();
    b.host("api.example.com").unwrap().insert("/", 0).unwrap();
    let expected = "\
api.example.com
└── /  [any]
*
├── /static/js/{*path}  [any]
└── /users  [GET]
    └── /{id:u64}  [GET \"user\", DELETE as /users/{uid:u64}]
";
    assert_eq!(b.build().unwrap().to_string(), expected);
}

#[test]
fn routers_are_shared_freely() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<Router<String>>();
    check::<OwnedParams>();
    fn params(p: &Params<'_, '_>) -> OwnedParams {
        p.to_owned()
    }
    let r = table(&["/{a}"]);
    let mut extensions = http::Extensions::new();
    extensions.insert(params(&r.at("/x").unwrap().params));
    assert_eq!(extensions.get::<OwnedParams>().unwrap().get("a"), Some("x"));
}

#[cfg(feature = "serde")]
#[test]
fn parameters_deserialize() {
    use serde::Deserialize;
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Pdf,
        Doc,
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct P {
        id: u32,
        kind: Kind,
        name: Option<String>,
    }
    let r = table(&["/{id}/{kind}/{name?}", "/one/{x}/y/z", "/n"]);
    let m = r.at("/7/pdf/a%20b").unwrap();
    assert_eq!(m.params.deserialize::<P>().unwrap(), P { id: 7, kind: Kind::Pdf, name: Some("a b".into()) });
    assert_eq!(m.params.deserialize::<(u8, String, String)>().unwrap(), (7, "pdf".into(), "a b".into()));
    assert_eq!(m.params.to_owned().deserialize::<P>().unwrap().id, 7);
    let m = r.at("/7/doc").unwrap();
    assert_eq!(m.params.deserialize::<P>().unwrap().name, None);
    let error = r.at("/x/pdf").unwrap().params.deserialize::<P>().unwrap_err();
    assert_eq!(
        (error.param(), error.to_string().as_str()),
        (Some("id"), "parameter `id`: `x` is not an unsigned 32-bit integer")
    );
    let error = r.at("/7/gif").unwrap().params.deserialize::<P>().unwrap_err();
    assert_eq!(error.param(), Some("kind"));
    let m = r.at("/one/5/y/z").unwrap();
    assert_eq!(m.params.deserialize::<u64>().unwrap(), 5);
    assert_eq!(m.params.deserialize::<&str>().unwrap(), "5");
    assert_eq!(m.params.deserialize::<P>().unwrap_err().param(), Some("id"), "a missing field is named");
    let error = m.params.deserialize::<(u8, u8)>().unwrap_err();
    assert_eq!(error.to_string(), "2 values are wanted, and there are 1 parameters");
    r.at("/n").unwrap().params.deserialize::<()>().unwrap();
}
