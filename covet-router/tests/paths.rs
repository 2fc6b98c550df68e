//! Path hygiene, a test for each way in which routers have gone wrong: structure changed by decoding, forms that are no path, redirects to other hosts,
//! policies for slashes and case.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

mod common;

use common::{expect, hit, table};
use covet_router::{BuildError, Case, Method, Miss, PathErrorKind, Router, Target, TrailingSlash, normalize};

#[test]
fn escaped_slash_never_changes_structure() {
    let r = table(&["/a/{x}", "/a/{x}/c", "/a/b/c"]);
    expect(&r, "/a/b%2Fc", "/a/{x}", &["b%2Fc"]);
    assert_eq!(r.at("/a/b%2Fc").unwrap().params.decode("x").unwrap(), "b/c");
    expect(&r, "/a/b%2fc%2Fd/c", "/a/{x}/c", &["b%2fc%2Fd"]);
}

#[test]
fn decoding_happens_once_and_malformed_escapes_are_errors() {
    let r = table(&["/{x}"]);
    let decode = |path: &str| r.at(path).unwrap().params.decode("x").map(|v| v.into_owned()).map_err(|e| e.to_string());
    assert_eq!(decode("/%252F").unwrap(), "%2F");
    assert_eq!(decode("/%E2%82%AC").unwrap(), "€");
    assert_eq!(decode("/%").unwrap_err(), "parameter `x`: `%` without two hexadecimal digits");
    assert_eq!(decode("/%ff").unwrap_err(), "parameter `x`: not UTF-8 after decoding");
    assert!(r.at("/%zz").unwrap().params.decode("y").unwrap_err().to_string().contains("`y`"));
}

#[test]
fn slashes_are_not_merged_and_dots_not_resolved() {
    let r = table(&["/", "/a", "/a/b", "/{x}/{y}"]);
    for path in ["//", "//a", "/a//b", "/a/", "/a/b/", "///"] {
        assert_eq!(hit(&r, path), None, "{path}");
    }
    expect(&r, "/a/..", "/{x}/{y}", &["a", ".."]);
    let r = table(&["/a//b", "/x/{*rest}"]);
    expect(&r, "/a//b", "/a//b", &[]);
    expect(&r, "/x//", "/x/{*rest}", &["/"]);
    assert_eq!(hit(&r, "/a/b"), None);
}

#[test]
fn forms_that_are_no_path_match_nothing() {
    let r = table(&["/", "/{x}", "/{*rest?}"]);
    for path in ["", "*", "http://host/a", "host:443", "a", "\u{e9}", "?", "#"] {
        assert_eq!(hit(&r, path), None, "{path}");
    }
}

#[test]
fn options_star_lists_everything() {
    let mut b = Router::builder();
    b.route(&Method::GET, "/a", ()).unwrap();
    b.route(&Method::PUT, "/b", ()).unwrap();
    let r = b.build().unwrap();
    let Err(Miss::MethodNotAllowed { allow }) = r.find(&Method::OPTIONS, "*") else { panic!("the automatic answer") };
    assert_eq!(allow, "GET, HEAD, PUT, OPTIONS");
    assert_eq!(r.find(&Method::GET, "*").unwrap_err(), Miss::NotFound);
}

#[test]
fn offsets_reach_the_longest_path() {
    let r = table(&["/{a}/{b}", "/{*rest}"]);
    let path = format!("/{}/b", "a".repeat(65_532));
    assert_eq!(path.len(), 65_535);
    assert_eq!(r.at(&path).unwrap().params.get("b"), Some("b"));
    let path = format!("/{}", "a/".repeat(32_767));
    assert_eq!(r.at(&path).unwrap().params.get("rest").map(str::len), Some(65_534));
    let path = format!("{path}x");
    assert!(r.at(&path).is_none());
    assert_eq!(r.find(&Method::GET, &path).unwrap_err(), Miss::TooLong { max: 65_535 });
    let mut b = Router::builder();
    b.max_path_len(8);
    b.insert("/{*rest}", ()).unwrap();
    let r = b.build().unwrap();
    assert!(r.at("/1234567").is_some() && r.at("/12345678").is_none());
}

#[test]
fn unicode_is_cut_at_characters() {
    let r = table(&["/ß{a}", "/{a}é{b}", "/{a}-{b}", "/ü/{x}"]);
    expect(&r, "/ßü", "/ß{a}", &["ü"]);
    expect(&r, "/ñéñ", "/{a}é{b}", &["ñ", "ñ"]);
    expect(&r, "/€-€", "/{a}-{b}", &["€", "€"]);
    expect(&r, "/ü/日本", "/ü/{x}", &["日本"]);
}

#[test]
fn trailing_slash_policies() {
    let build = |policy| {
        let mut b = Router::builder();
        b.trailing_slash(policy);
        for (pattern, value) in
            [("/a", 1), ("/b/", 2), ("/c", 3), ("/c/", 4), ("/f/{*rest?}", 5), ("/u/{id}", 6), ("/{x}/{y}.{z}", 7)]
        {
            b.route(&Method::GET, pattern, value).unwrap();
            b.insert(pattern, value).unwrap();
        }
        b.route(&Method::POST, "/p/", 8).unwrap();
        b.route(&Method::GET, "/p", 9).unwrap();
        b.build().unwrap()
    };
    let find = |r: &Router<i32>, path: &str| match r.find(&Method::GET, path) {
        Ok(m) => Ok((*m.value, m.params.iter().map(|(_, v)| v.to_owned()).collect::<Vec<_>>().join(","))),
        Err(miss) => Err(miss.to_string()),
    };
    let strict = build(TrailingSlash::Strict);
    let ignore = build(TrailingSlash::Ignore);
    let redirect = build(TrailingSlash::Redirect);
    for (path, value, captured, location) in [
        ("/a/", 1, "", "/a"),
        ("/b", 2, "", "/b/"),
        ("/f", 5, "", "/f/"),
        ("/u/7/", 6, "7", "/u/7"),
        ("/q/r.s/", 7, "q,r,s", "/q/r.s"),
    ] {
        assert_eq!(find(&strict, path), Err("no route matches the path".into()), "{path}");
        assert_eq!(find(&ignore, path), Ok((value, captured.into())), "{path}");
        assert_eq!(ignore.at(path).map(|m| *m.value), Some(value), "{path}");
        assert_eq!(
            redirect.find(&Method::GET, path).unwrap_err(),
            Miss::Redirect { location: location.into() },
            "{path}"
        );
        assert!(redirect.at(path).is_none());
    }
    for r in [&strict, &ignore, &redirect] {
        assert_eq!(find(r, "/c"), Ok((3, String::new())));
        assert_eq!(find(r, "/c/"), Ok((4, String::new())));
        assert!(find(r, "/a//").is_err());
        assert!(find(r, "/").is_err());
    }
    // A path that exists for other methods is not redirected, but it is ignored into the other form.
    assert!(matches!(redirect.find(&Method::GET, "/p/").unwrap_err(), Miss::MethodNotAllowed { .. }));
    assert_eq!(find(&ignore, "/p/"), Ok((9, String::new())));
}

#[test]
fn redirects_stay_on_this_host() {
    let mut b = Router::builder();
    b.trailing_slash(TrailingSlash::Redirect);
    b.insert("/{*rest}/x", 0).unwrap();
    b.insert("//evil.com/", 0).unwrap();
    b.insert("/\\evil.com/", 0).unwrap();
    b.insert("/{a}/y/", 0).unwrap();
    let r = b.build().unwrap();
    for path in ["//evil.com/x/", "//evil.com", "/\\evil.com", "/\\evil.com/x/", "/a\\b/y", "/a\r\nb/y"] {
        assert_eq!(r.find(&Method::GET, path).unwrap_err(), Miss::NotFound, "{path:?}");
    }
    assert_eq!(r.find(&Method::GET, "/a/y").unwrap_err(), Miss::Redirect { location: "/a/y/".into() });
}

#[test]
fn case_policies() {
    let build = |policy| {
        let mut b = Router::builder();
        b.case(policy);
        b.insert("/Users/{name}", 1).unwrap();
        b.insert("/files/v{n:u64}/{kind:Pdf|doc}", 2).unwrap();
        b.insert("/a-very-long-segment-Name/x", 3).unwrap();
        b.build()
    };
    let ignore = build(Case::Ignore).unwrap();
    assert_eq!(ignore.at("/uSERS/Bob").unwrap().params.get("name"), Some("Bob"));
    assert_eq!(ignore.at("/FILES/V7/pDF").map(|m| *m.value), Some(2));
    assert_eq!(ignore.at("/A-VERY-LONG-SEGMENT-NAME/X").map(|m| *m.value), Some(3));
    assert_eq!(ignore.all_matches(&Method::GET, "/USERS/x").len(), 1);
    let redirect = build(Case::Redirect).unwrap();
    let location = |path: &str| match redirect.find(&Method::GET, path) {
        Err(Miss::Redirect { location }) => location.into_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(location("/uSERS/Bob"), "/Users/Bob");
    assert_eq!(location("/FILES/V7/pDF"), "/files/v7/Pdf");
    assert!(redirect.find(&Method::GET, "/Users/Bob").is_ok());
    let strict = build(Case::Strict).unwrap();
    assert!(strict.at("/users/bob").is_none());
    let mut b = Router::builder();
    b.insert("/a", 0).unwrap();
    b.insert("/A", 0).unwrap();
    b.case(Case::Ignore);
    assert!(matches!(b.build(), Err(BuildError::Conflict(_))));
}

#[test]
fn targets_from_requests() {
    let headers = {
        let mut h = http::HeaderMap::new();
        h.insert("host", "a.example.com".parse().unwrap());
        h
    };
    let target = |uri: &str| {
        let uri: http::Uri = uri.parse().unwrap();
        let t = Target::from_request_parts(&Method::GET, &uri, &headers);
        (t.path.to_owned(), t.host.map(str::to_owned))
    };
    assert_eq!(target("/x?y=1"), ("/x".into(), Some("a.example.com".into())));
    assert_eq!(target("http://b.example.com:80/x"), ("/x".into(), Some("b.example.com:80".into())));
    assert_eq!(target("b.example.com:443").0, "");
    assert_eq!(target("*").0, "*");
}

#[test]
fn escaped_names_cannot_slip_past() {
    let r = table(&["/admin", "/{page}"]);
    expect(&r, "/%61dmin", "/{page}", &["%61dmin"]);
    expect(&r, &normalize("/%61dmin").unwrap(), "/admin", &[]);
    assert_eq!(normalize("/a/%2e%2e/admin").unwrap_err().kind, PathErrorKind::DotSegment);
}
