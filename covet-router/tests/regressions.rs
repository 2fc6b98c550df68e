//! One test for each way in which routers have gone wrong: structure changed by decoding, order-dependent tables, panics on insertion, redirects
//! to other hosts, wrong `Allow` values, and the like.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

use covet_router::{
    BuildError, Case, InsertError, Method, Miss, OwnedParams, Params, PathErrorKind, PatternErrorKind, Relation,
    Router, RouterBuilder, Target, TrailingSlash, UrlError, normalize,
};

fn table(patterns: &[&str]) -> Router<String> {
    let mut b = Router::builder();
    for pattern in patterns {
        b.insert(pattern, (*pattern).to_owned()).unwrap_or_else(|e| panic!("{e}"));
    }
    b.build().unwrap()
}

fn hit(router: &Router<String>, path: &str) -> Option<(String, Vec<String>)> {
    router.at(path).map(|m| (m.value.clone(), m.params.iter().map(|(_, v)| v.to_owned()).collect()))
}

fn expect(router: &Router<String>, path: &str, pattern: &str, params: &[&str]) {
    let params: Vec<String> = params.iter().map(|p| (*p).to_owned()).collect();
    assert_eq!(hit(router, path), Some((pattern.to_owned(), params)), "{path}");
}

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
fn unicode_is_cut_at_characters() {
    let r = table(&["/ß{a}", "/{a}é{b}", "/{a}-{b}", "/ü/{x}"]);
    expect(&r, "/ßü", "/ß{a}", &["ü"]);
    expect(&r, "/ñéñ", "/{a}é{b}", &["ñ", "ñ"]);
    expect(&r, "/€-€", "/{a}-{b}", &["€", "€"]);
    expect(&r, "/ü/日本", "/ü/{x}", &["日本"]);
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
fn escaped_names_cannot_slip_past() {
    let r = table(&["/admin", "/{page}"]);
    expect(&r, "/%61dmin", "/{page}", &["%61dmin"]);
    expect(&r, &normalize("/%61dmin").unwrap(), "/admin", &[]);
    assert_eq!(normalize("/a/%2e%2e/admin").unwrap_err().kind, PathErrorKind::DotSegment);
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
