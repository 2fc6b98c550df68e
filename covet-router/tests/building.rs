//! The builder: what it refuses and how it says so, and that nothing is left behind by edits.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

use covet_router::{InsertError, Method, PatternErrorKind, Relation, Router, RouterBuilder};

#[test]
fn insertion_reports_instead_of_panicking() {
    let mut b = Router::builder();
    b.insert("/{a}", 0).unwrap();
    let error = b.insert("/{b}", 1).unwrap_err();
    let conflict = error.conflict().unwrap();
    assert_eq!((conflict.new.as_str(), conflict.existing.as_str()), ("/{b}", "/{a}"));
    assert_eq!((conflict.relation, conflict.witness.as_deref()), (Relation::Same, Some("/a")));
    assert_eq!(
        error.to_string(),
        "`/{b}` conflicts with `/{a}`: they match the same paths; both match `/a`, and neither comes first"
    );
    let error = b.insert("no slash", 1).unwrap_err();
    assert!(matches!(&error, InsertError::Pattern(e) if e.kind == PatternErrorKind::MissingSlash));
    let params: String = (0..300).map(|i| format!("/{{p{i}}}")).collect();
    assert!(b.insert(params, 1).is_err());
    assert!(b.insert(format!("/{}", "a".repeat(100_000)), 1).is_err());
    assert_eq!(b.len(), 1);
}

#[test]
fn conflicts_name_their_relation() {
    let refused = |first: &str, second: &str| {
        let mut b = Router::builder();
        b.insert(first, 0).unwrap();
        b.insert(second, 1).err().map(|e| {
            let c = e.conflict().cloned().unwrap_or_else(|| panic!("{e}"));
            (c.relation, c.witness.unwrap_or_default())
        })
    };
    assert_eq!(refused("/{a}-{b}", "/{a}.{b}").unwrap().0, Relation::Overlap);
    assert_eq!(refused("/{x:a|b}", "/{x:b|c}"), Some((Relation::Overlap, "/b".into())));
    assert_eq!(refused("/{x:a|b}", "/{x:a|b|c}").unwrap().0, Relation::NewIsWider);
    assert_eq!(refused("/{x:a|b|c}", "/{x:a|b}").unwrap().0, Relation::NewIsNarrower);
    assert_eq!(refused("/users", "/users/{id?}"), Some((Relation::Same, "/users".into())));
    assert_eq!(refused("/{x:b|a}", "/{y:a|b}").unwrap().0, Relation::Same);
    // Told apart by the order, or by having no path in common.
    for (first, second) in [
        ("/{a}-{b}", "/{a}.{b}/x"),
        ("/{a}-{b}/x", "/{a}.{b}/y"),
        ("/{x:a|b}", "/{x:c|d}"),
        ("/{x:u64}", "/{x:i64}"),
        ("/a{x}", "/b{x}"),
        ("/{x}.png", "/{x}.jpg"),
        ("/{*a}", "/{*b?}"),
        ("/{*a}/x/{*b}", "/{*a}/y/{*b}"),
        ("/{a}/{b}", "/{a}/{*c}"),
        ("/{a}--{b}", "/{a}-{b}"),
        ("/users/", "/users/{id?}"),
    ] {
        assert_eq!(refused(first, second), None, "{first} {second}");
    }
}

#[test]
fn predicates_rank_and_conflict() {
    let mut b = Router::builder();
    b.predicate("even", 1, |s| s.len() % 2 == 0).unwrap();
    b.predicate("small", 2, |s| s.len() < 3).unwrap();
    b.predicate("long", 2, |s| s.len() > 1).unwrap();
    for name in ["even", "u64", "", "a|b", "x:y"] {
        assert!(matches!(b.predicate(name, 0, |_| true), Err(InsertError::PredicateName { .. })), "{name}");
    }
    b.insert("/{x:small}", "small").unwrap();
    b.insert("/{x:even}", "even").unwrap();
    b.insert("/{x:alnum}!", "alnum").unwrap();
    b.insert("/{x}", "plain").unwrap();
    let error = b.insert("/{x:long}", "long").unwrap_err();
    assert_eq!(error.conflict().unwrap().witness.as_deref().map(str::len), Some(3), "{error}");
    b.insert("/{x:long}/a", "long").unwrap();
    let r = b.build().unwrap();
    for (path, value) in [("/a", "small"), ("/ab", "even"), ("/abc", "plain"), ("/abcd", "even"), ("/abc/a", "long")] {
        assert_eq!(r.at(path).map(|m| *m.value), Some(value), "{path}");
    }
    assert!(r.at("/a/a").is_none());
}

#[test]
fn nest_merge_remove_and_edit() {
    let mut api: RouterBuilder<&str> = Router::builder();
    let root = api.insert("/", "root").unwrap();
    let user = api.route(&Method::GET, "/users/{id}", "user").unwrap();
    api.name(user, "user").unwrap();
    api.host("h.example").unwrap().insert("/hosted", "hosted").unwrap();
    let mut b = Router::builder();
    let old = b.insert("/old", "old").unwrap();
    let ids = b.nest("/api/{version}", api).unwrap();
    assert_eq!(b.pattern(ids.get(root).unwrap()), Some("/api/{version}"));
    assert_eq!(b.pattern(ids.get(user).unwrap()), Some("/api/{version}/users/{id}"));
    assert_eq!(b.remove(old), Some("old"));
    assert_eq!(b.remove(old), None);
    b.insert("/old", "new").unwrap();
    let r = b.build().unwrap();
    assert_eq!(r.url_for("user", [("version", "v1"), ("id", "7")]).unwrap(), "/api/v1/users/7");
    assert_eq!(r.at("/api/v1").map(|m| *m.value), Some("root"));
    let mut b = r.to_builder();
    assert_eq!(b.remove(ids.get(root).unwrap()), Some("root"));
    let again = b.build().unwrap();
    assert!(again.at("/api/v1").is_none() && r.at("/api/v1").is_some());
    assert_eq!(again.find(&Method::GET, "/api/v1/users/7").unwrap().route_id(), ids.get(user).unwrap());
    // A clash leaves the builder as it was.
    let mut b = again.to_builder();
    let before = b.len();
    let mut other = Router::builder();
    other.insert("/fresh", "x").unwrap();
    other.route(&Method::GET, "/api/{v}/users/{uid}", "x").unwrap();
    assert!(b.merge(other).unwrap_err().is_conflict());
    assert_eq!(b.len(), before);
    b.insert("/fresh", "y").unwrap();
    let mut other = Router::builder();
    other.predicate("p", 0, |_| true).unwrap();
    b.predicate("p", 0, |_| false).unwrap();
    assert!(matches!(b.merge(other), Err(InsertError::PredicateName { .. })));
}

#[test]
fn names_are_unique() {
    let mut b = Router::builder();
    let x = b.insert("/x", 0).unwrap();
    let y = b.insert("/y", 0).unwrap();
    b.name(x, "n").unwrap();
    assert!(matches!(b.name(y, "n"), Err(InsertError::DuplicateName { .. })));
    b.name(x, "m").unwrap();
    b.name(y, "n").unwrap();
    b.remove(x);
    assert_eq!(b.name(x, "z"), Err(InsertError::UnknownRoute));
    b.name(y, "m").unwrap();
}

#[test]
fn unreachable_routes_are_listed() {
    let mut b = Router::builder();
    let dead = b.insert("/{*a}/{b}/x", 0).unwrap();
    b.insert("/{*a}/x", 0).unwrap();
    b.insert("/{*a}/{b:u64}/y", 0).unwrap();
    let head = b.route(&Method::HEAD, "/{*a}/{b}/z", 0).unwrap();
    b.route(&Method::GET, "/{*a}/z", 0).unwrap();
    let r = b.build().unwrap();
    let listed = r.unreachable_routes();
    assert_eq!(listed.iter().map(|s| s.id).collect::<Vec<_>>(), [dead, head].into_iter().collect::<Vec<_>>());
    assert_eq!(listed[0].to_string(), "`/{*a}/{b}/x` is unreachable: `/{*a}/x` comes first and matches all of it");
}
