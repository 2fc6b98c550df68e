//! Which route wins and what it captures, a test for each way in which routers have gone wrong: order-dependent tables, forgotten alternatives, wrong
//! `Allow` values, and the like.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

mod common;

use common::{expect, hit, table};
use covet_router::{Method, Miss, OwnedParams, Router, Target};

#[test]
fn suffixes_fall_back() {
    // A first-suffix-wins matcher takes `.tar.gz`, fails behind it, and never tries `.gz`.
    let r = table(&["/{a}.tar.gz/x", "/{a}.gz/y"]);
    expect(&r, "/f.tar.gz/y", "/{a}.gz/y", &["f.tar"]);
    expect(&r, "/f.tar.gz/x", "/{a}.tar.gz/x", &["f"]);
}

#[test]
fn literals_beside_and_after_parameters_in_any_order() {
    let patterns = ["/foo{a}", "/{a}/bar", "/{a}bar", "/foo", "/{x}.{ext}", "/{x}"];
    for rotation in 0..patterns.len() {
        let mut patterns = patterns;
        patterns.rotate_left(rotation);
        let r = table(&patterns);
        expect(&r, "/foo", "/foo", &[]);
        expect(&r, "/foox", "/foo{a}", &["x"]);
        expect(&r, "/foobar", "/foo{a}", &["bar"]);
        expect(&r, "/xbar", "/{a}bar", &["x"]);
        expect(&r, "/foo/bar", "/{a}/bar", &["foo"]);
        expect(&r, "/a.b.c", "/{x}.{ext}", &["a", "b.c"]);
        expect(&r, "/zzz", "/{x}", &["zzz"]);
    }
}

#[test]
fn backtracks_across_levels() {
    let r = table(&["/a/b/{x}/d", "/a/{y}/c/e", "/{z}/b/c/f", "/{*rest}", "/api/{v}/{*rest}", "/api/{*path}/help"]);
    expect(&r, "/a/b/c/d", "/a/b/{x}/d", &["c"]);
    expect(&r, "/a/b/c/e", "/a/{y}/c/e", &["b"]);
    expect(&r, "/a/b/c/f", "/{z}/b/c/f", &["a"]);
    expect(&r, "/a/b/c/g", "/{*rest}", &["a/b/c/g"]);
    expect(&r, "/api/docs/help", "/api/{v}/{*rest}", &["docs", "help"]);
}

#[test]
fn registry_routes() {
    let r = table(&[
        "/v2/",
        "/v2/{*name}/blobs/{digest}",
        "/v2/{*name}/blobs/uploads/",
        "/v2/{*name}/blobs/uploads/{id:uuid}",
        "/v2/{*name}/manifests/{reference}",
        "/v2/{*name}/tags/list",
    ]);
    expect(&r, "/v2/", "/v2/", &[]);
    expect(&r, "/v2/a/b/c/blobs/sha256:0f", "/v2/{*name}/blobs/{digest}", &["a/b/c", "sha256:0f"]);
    expect(&r, "/v2/a/blobs/uploads/", "/v2/{*name}/blobs/uploads/", &["a"]);
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    expect(&r, &format!("/v2/a/blobs/uploads/{id}"), "/v2/{*name}/blobs/uploads/{id:uuid}", &["a", id]);
    expect(&r, "/v2/blobs/blobs/blobs/x", "/v2/{*name}/blobs/{digest}", &["blobs/blobs", "x"]);
    assert_eq!(hit(&r, "/v2/blobs/x"), None);
}

#[test]
fn segments_that_look_alike() {
    // Same first eight bytes, same last eight, same length; zero bytes; lengths around the words of the comparison.
    let patterns = [
        "/abcdefghXijklmnop",
        "/abcdefghYijklmnop",
        "/abcdefghXYijklmnop",
        "/abcdefghYXijklmnop",
        "/abcdefgh",
        "/abcdefghi",
        "/abcdefg",
        "/a",
        "/a\0",
        "/a\0\0",
        "/\0a",
        "/\0",
        "/abcdefghijklmnop",
        "/abcdefghijklmnopq",
    ];
    let with_tails: Vec<String> = patterns.iter().flat_map(|p| [(*p).to_owned(), format!("{p}/{{x}}")]).collect();
    let r = table(&with_tails.iter().map(String::as_str).collect::<Vec<_>>());
    for pattern in patterns {
        expect(&r, pattern, pattern, &[]);
        expect(&r, &format!("{pattern}/1"), &format!("{pattern}/{{x}}"), &["1"]);
        assert_eq!(
            hit(&r, &format!("{pattern}\0/1")).filter(|_| !patterns.contains(&format!("{pattern}\0").as_str())),
            None
        );
    }
}

/// Literals of every length that the comparison treats in a way of its own, each beginning as the others do; one byte changed anywhere is another segment.
#[test]
fn literals_are_compared_to_the_last_byte() {
    let text = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST";
    let lengths: Vec<usize> = (1..=45).collect();
    let patterns: Vec<String> = lengths.iter().map(|n| format!("/{}/{{x}}/{}", &text[..*n], &text[..*n])).collect();
    let r = table(&patterns.iter().map(String::as_str).collect::<Vec<_>>());
    for (n, pattern) in lengths.iter().zip(&patterns) {
        let literal = &text[..*n];
        expect(&r, &format!("/{literal}/1/{literal}"), pattern, &["1"]);
        for i in 0..*n {
            let mut other = literal.to_owned();
            other.replace_range(i..=i, "#");
            for path in [format!("/{other}/1/{literal}"), format!("/{literal}/1/{other}")] {
                assert_eq!(hit(&r, &path), None, "{path}");
            }
        }
        for path in [format!("/{literal}/1/{literal}/"), format!("/{literal}//{literal}"), format!("/{literal}/1")] {
            assert_eq!(hit(&r, &path), None, "{path}");
        }
    }
}

#[test]
fn wide_tables_probe_to_the_end() {
    let patterns: Vec<String> = (0..3000).map(|i| format!("/r{i}/{{x}}")).collect();
    let r = table(&patterns.iter().map(String::as_str).collect::<Vec<_>>());
    for i in 0..3000 {
        expect(&r, &format!("/r{i}/y"), &format!("/r{i}/{{x}}"), &["y"]);
        assert_eq!(hit(&r, &format!("/s{i}/y")), None);
    }
}

#[test]
fn many_parameters() {
    let wide: String = (0..60).map(|i| format!("/{{p{i}}}")).collect();
    let dense: String = format!("/x/{}", (0..30).map(|i| format!("{{q{i}}}.")).collect::<String>());
    let r = table(&[&wide, &dense]);
    let path: String = (0..60).map(|i| format!("/{i}")).collect();
    let m = r.at(&path).unwrap();
    assert_eq!(m.params.len(), 60);
    for i in 0..60 {
        assert_eq!(m.params.parse::<usize>(&format!("p{i}")).unwrap(), i);
    }
    let path: String = format!("/x/{}", (0..30).map(|i| format!("v{i}.")).collect::<String>());
    let m = r.at(&path).unwrap();
    assert_eq!((m.params.get("q0"), m.params.get("q29")), (Some("v0"), Some("v29")));
    let owned: OwnedParams = m.params.to_owned();
    assert_eq!(owned.get("q17"), Some("v17"));
}

#[test]
fn deep_and_shallow_tables_agree() {
    // Fifteen segments is the deepest table of the short walk.
    for depth in [14, 15, 16, 17, 63, 64] {
        let deep: String =
            (0..depth).map(|i| if i % 2 == 0 { "/s".to_owned() } else { format!("/{{p{i}}}") }).collect();
        let r = table(&[&deep, "/s/{x}", "/{*rest}"]);
        let path: String = (0..depth).map(|i| if i % 2 == 0 { "/s" } else { "/v" }).collect();
        assert_eq!(hit(&r, &path).unwrap().0, deep);
        assert_eq!(r.at(&path).unwrap().params.iter().filter(|(_, v)| *v == "v").count(), depth / 2);
        expect(&r, "/s/1", "/s/{x}", &["1"]);
        assert_eq!(hit(&r, &format!("{path}/more")).unwrap().0, "/{*rest}");
        assert_eq!(hit(&r, &"/s".repeat(200)).unwrap().0, "/{*rest}");
    }
}

#[test]
fn types_share_a_place() {
    let r = table(&[
        "/{x:one|two}",
        "/{x:uuid}",
        "/{x:u64}",
        "/{x:i64}",
        "/{x:hex}",
        "/{x:alpha}",
        "/{x:alnum}",
        "/{x}",
        "/{*x}",
        "/fixed",
    ]);
    for (text, pattern) in [
        ("fixed", "/fixed"),
        ("one", "/{x:one|two}"),
        ("67e55044-10b1-426f-9247-bb680e5fe0c8", "/{x:uuid}"),
        ("7", "/{x:u64}"),
        ("-7", "/{x:i64}"),
        ("7f", "/{x:hex}"),
        ("99999999999999999999", "/{x:hex}"),
        ("zz", "/{x:alpha}"),
        ("z9", "/{x:alnum}"),
        ("z-9", "/{x}"),
        ("a/b", "/{*x}"),
    ] {
        expect(
            &r,
            &format!("/{text}"),
            pattern,
            &[text]
                .map(|t| if pattern == "/fixed" { "" } else { t })
                .into_iter()
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>(),
        );
    }
}

#[test]
fn the_method_is_part_of_the_match() {
    let mut b = Router::builder();
    b.route(&Method::GET, "/users/new", "form").unwrap();
    b.route(&Method::POST, "/users/{id}", "update").unwrap();
    b.insert("/users/{id}", "any").unwrap();
    b.route(&Method::GET, "/g", "get").unwrap();
    b.insert("/g", "fallback").unwrap();
    b.route(&Method::HEAD, "/h", "head").unwrap();
    b.route(&Method::GET, "/h", "get").unwrap();
    let r = b.build().unwrap();
    let find = |method: Method, path: &str| r.find(&method, path).map(|m| *m.value).ok();
    assert_eq!(find(Method::GET, "/users/new"), Some("form"));
    assert_eq!(find(Method::HEAD, "/users/new"), Some("form"));
    assert_eq!(find(Method::POST, "/users/new"), Some("update"));
    assert_eq!(find(Method::DELETE, "/users/new"), Some("any"));
    assert_eq!(find(Method::HEAD, "/g"), Some("get"));
    assert_eq!(find(Method::PUT, "/g"), Some("fallback"));
    assert_eq!(find(Method::HEAD, "/h"), Some("head"));
    // `at` sees what was inserted for any method, and nothing else.
    assert_eq!(r.at("/users/new").map(|m| *m.value), Some("any"));
    assert!(r.at("/h").is_none());
}

#[test]
fn allow_is_the_union_without_duplicates() {
    let purge = Method::from_bytes(b"PURGE").unwrap();
    let mut b = Router::builder();
    b.route(&Method::GET, "/a/b", 0).unwrap();
    b.route(&Method::HEAD, "/a/b", 0).unwrap();
    b.route(&Method::POST, "/a/{x}", 0).unwrap();
    b.route(&purge, "/{y}/b", 0).unwrap();
    let r = b.build().unwrap();
    let allow = |method: &Method, path: &str| match r.find(method, path) {
        Err(Miss::MethodNotAllowed { allow }) => allow.to_str().unwrap().to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(allow(&Method::DELETE, "/a/b"), "GET, HEAD, POST, OPTIONS, PURGE");
    assert_eq!(allow(&Method::OPTIONS, "/a/c"), "POST, OPTIONS");
    assert_eq!(allow(&Method::from_bytes(b"OTHER").unwrap(), "/z/b"), "OPTIONS, PURGE");
    assert_eq!(r.find(&purge, "/a/b").unwrap().pattern(), "/{y}/b");
    let miss = r.find(&Method::OPTIONS, "/a/b").unwrap_err();
    assert_eq!(
        (miss.status(&Method::OPTIONS), miss.status(&Method::PUT)),
        (http::StatusCode::NO_CONTENT, http::StatusCode::METHOD_NOT_ALLOWED)
    );
    let mut b = Router::builder();
    b.automatic_options(false);
    b.route(&Method::GET, "/a", 0).unwrap();
    let r = b.build().unwrap();
    let Err(Miss::MethodNotAllowed { allow }) = r.find(&Method::OPTIONS, "/a") else { panic!("405") };
    assert_eq!(allow, "GET, HEAD");
}

#[test]
fn hosts_before_no_host() {
    let mut b = Router::builder();
    b.insert("/", "none").unwrap();
    b.insert("/only-main", "main").unwrap();
    b.host("{tenant}.example.com").unwrap().insert("/", "tenant").unwrap();
    b.host("{tenant}.example.com").unwrap().route(&Method::GET, "/t/{id}", "t").unwrap();
    b.host("api.example.com").unwrap().insert("/", "api").unwrap();
    b.host("{*sub}.example.com").unwrap().insert("/", "deep").unwrap();
    assert!(b.host("{other}.example.com").unwrap_err().is_conflict());
    assert!(b.host("{tenant}.example.com").unwrap().insert("/x/{tenant}", "").is_err(), "one name twice");
    let r = b.build().unwrap();
    let look = |host: Option<&'static str>, path: &'static str| {
        let m = r.lookup(&Target { method: &Method::GET, path, host }).ok()?;
        Some((*m.value, m.params.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(",")))
    };
    assert_eq!(look(Some("acme.example.com:443"), "/"), Some(("tenant", "tenant=acme".into())));
    assert_eq!(look(Some("ACME.Example.COM"), "/t/7"), Some(("t", "tenant=ACME,id=7".into())));
    assert_eq!(look(Some("API.example.com."), "/"), Some(("api", String::new())));
    assert_eq!(look(Some("a.b.example.com"), "/"), Some(("deep", "sub=a.b".into())));
    assert_eq!(look(Some("example.com"), "/"), Some(("none", String::new())));
    assert_eq!(look(Some("api.example.com"), "/only-main"), Some(("main", String::new())));
    assert_eq!(look(Some("api.example.com"), "/t/7").map(|m| m.0), Some("t"), "the next host that matches");
    assert_eq!(look(None, "/"), Some(("none", String::new())));
    assert!(r.at("/t/7").is_none(), "bound to a host");
    let miss = r.lookup(&Target { method: &Method::POST, path: "/t/7", host: Some("a.example.com") }).unwrap_err();
    assert!(matches!(miss, Miss::MethodNotAllowed { .. }));
}

#[test]
fn optional_segments() {
    let r = table(&["/users/{id?}", "/{lang:en|de?}/about", "/x/{a?}/{b?}", "/only/{z:u64?}/end"]);
    expect(&r, "/users", "/users/{id?}", &[]);
    expect(&r, "/users/7", "/users/{id?}", &["7"]);
    assert_eq!(hit(&r, "/users/"), None);
    expect(&r, "/about", "/{lang:en|de?}/about", &[]);
    expect(&r, "/de/about", "/{lang:en|de?}/about", &["de"]);
    expect(&r, "/x", "/x/{a?}/{b?}", &[]);
    assert_eq!(r.at("/x/1").unwrap().params.get("a"), Some("1"), "the leftmost is filled first");
    expect(&r, "/x/1/2", "/x/{a?}/{b?}", &["1", "2"]);
    expect(&r, "/only/end", "/only/{z:u64?}/end", &[]);
    assert_eq!(hit(&r, "/only/q/end"), None);
    let r = table(&["/{x?}"]);
    expect(&r, "/", "/{x?}", &[]);
}

/// The walk takes what nearly all patterns begin with in one comparison; what it passes must still be there for the way back.
#[test]
fn a_shared_beginning_changes_nothing() {
    for beginning in ["/1", "/v1", "/api/v1", "/a/b/c", "/people", "/longer1", "//a", "/a/b/c/d/e"] {
        let mut b = Router::builder();
        for i in 0..40 {
            b.insert(format!("{beginning}/r{i}/{{id}}"), i).unwrap();
        }
        b.insert(beginning, 100).unwrap();
        b.insert("/{a}/{b}/{c}", 101).unwrap();
        b.insert("/{*rest}", 102).unwrap();
        let router = b.build().unwrap();
        let at = |path: &str| {
            router.at(path).map(|m| (*m.value, m.params.iter().map(|(_, v)| v.to_owned()).collect::<Vec<_>>()))
        };
        let one = |value, param: &str| Some((value, vec![param.to_owned()]));
        assert_eq!(at(beginning), Some((100, Vec::new())), "{beginning}");
        assert_eq!(at(&format!("{beginning}/r7/some-identifier")), one(7, "some-identifier"), "{beginning}");
        assert_eq!(at(&format!("{beginning}/r39/é")), one(39, "é"), "{beginning}");
        for miss in ["/", "/r7/x/y/z", "/none/x/y/z", "x/r7/y/z", "/r7//z/y"] {
            let path = format!("{beginning}{miss}");
            // Behind `//` the first segment is empty, which a catch-all takes as well.
            assert_eq!(router.at(&path).map(|m| *m.value), Some(expected(&path)), "{path}");
        }
    }

    /// None of these paths belongs to a pattern with the shared beginning.
    fn expected(path: &str) -> usize {
        let segments: Vec<&str> = path[1..].split('/').collect();
        if segments.len() == 3 && segments.iter().all(|s| !s.is_empty()) { 101 } else { 102 }
    }
}

/// Two variants of one route can tie without being the same; the alternation whose texts sort first is tried first, wherever it stands.
#[test]
fn ties_within_one_route_have_a_fixed_order() {
    for (pattern, name) in [("/{p:a|b?}/{q:ab|b?}", "p"), ("/{p:ab|b?}/{q:a|b?}", "q")] {
        let mut b = Router::builder();
        b.insert(pattern, ()).unwrap();
        let router = b.build().unwrap();
        assert_eq!(router.at("/b").unwrap().params.iter().collect::<Vec<_>>(), [(name, "b")], "{pattern}");
    }
}
