//! Random tables and paths against the brute-force matcher of `oracle/mod.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

mod oracle;

use covet_router::{InsertError, Method, Miss, Router, RouterBuilder};
use oracle::{Kind, Pattern, Seg};
use proptest::collection::vec;
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => Just(Kind::Plain),
        1 => Just(Kind::OneOf(vec!["a", "b"])),
        1 => Just(Kind::OneOf(vec!["ab", "b"])),
        1 => Just(Kind::U64),
        1 => Just(Kind::I64),
        1 => Just(Kind::Hex),
        1 => Just(Kind::Alpha),
        1 => Just(Kind::Alnum),
        1 => Just(Kind::Even),
        1 => Just(Kind::Short),
    ]
}

fn seg() -> impl Strategy<Value = Seg> {
    let literal = prop_oneof![Just("a"), Just("b"), Just("ab"), Just("1"), Just(""), Just("a-b"), Just("abcdefghij")];
    let affix = prop_oneof![4 => Just(""), 1 => Just("a"), 1 => Just("ab"), 1 => Just("-"), 1 => Just("é")];
    let between = prop_oneof![Just("-"), Just("."), Just("a"), Just("--"), Just("aa")];
    let parts = (vec((kind(), between), 0..3), kind(), affix.clone()).prop_map(|(front, last, suffix)| {
        let mut parts = front;
        parts.push((last, suffix));
        parts
    });
    prop_oneof![
        6 => literal.prop_map(Seg::Lit),
        4 => kind().prop_map(|k| Seg::Par { prefix: "", parts: vec![(k, "")], optional: false }),
        1 => kind().prop_map(|k| Seg::Par { prefix: "", parts: vec![(k, "")], optional: true }),
        2 => (affix, parts).prop_map(|(prefix, parts)| Seg::Par { prefix, parts, optional: false }),
        1 => any::<bool>().prop_map(|may_be_empty| Seg::Rest { may_be_empty }),
    ]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    vec(seg(), 1..5)
}

fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[ab1]{1,2}",
        1 => Just(String::new()),
        1 => Just("abcdefghij".to_owned()),
        1 => Just("abcdefghik".to_owned()),
        2 => "[ab1é.-]{1,6}",
        1 => Just("a%2Fb".to_owned()),
    ];
    vec(piece, 1..6).prop_map(|pieces| pieces.iter().fold(String::new(), |acc, p| acc + "/" + p))
}

fn builder() -> RouterBuilder<usize> {
    let mut b = Router::builder();
    b.predicate("even", 7, oracle::even).unwrap();
    b.predicate("short", 9, oracle::short).unwrap();
    b
}

type Routes = Vec<(Pattern, Option<Method>)>;

/// Inserts what can be inserted, checking each refusal; returns the accepted routes.
fn accepted(routes: Routes) -> Routes {
    let mut b = builder();
    let mut kept: Routes = Vec::new();
    for (pattern, method) in routes {
        let text = oracle::text(&pattern);
        let result = match &method {
            Some(m) => b.route(m, &text, 0),
            None => b.insert(&text, 0),
        };
        match result {
            Ok(_) => kept.push((pattern, method)),
            Err(InsertError::Conflict(conflict)) => {
                // Predicates inside a segment can need a text that nobody would guess.
                let Some(witness) = conflict.witness.as_deref() else {
                    let both = format!("{} {}", conflict.new, conflict.existing);
                    assert!(both.contains(":even") || both.contains(":short"), "{conflict}");
                    continue;
                };
                assert!(!oracle::matching(&[pattern], witness).is_empty(), "{conflict}");
                let other = kept.iter().find(|(p, m)| {
                    let name = m.as_ref().map_or(String::new(), |m| format!("{m} "));
                    format!("{name}{}", oracle::text(p)) == conflict.existing
                });
                let (other, _) = other.expect("the other pattern is one that was accepted");
                assert!(!oracle::matching(std::slice::from_ref(other), witness).is_empty(), "{conflict}");
            }
            Err(e) => panic!("{text}: {e}"),
        }
    }
    kept
}

fn build(routes: &Routes, order: impl Iterator<Item = usize>) -> Router<usize> {
    let mut b = builder();
    for i in order {
        let (pattern, method) = &routes[i];
        let text = oracle::text(pattern);
        match method {
            Some(m) => b.route(m, &text, i),
            None => b.insert(&text, i),
        }
        .expect("accepted before, so accepted in any order");
    }
    b.build().unwrap()
}

fn captures(m: &covet_router::Match<'_, '_, usize>) -> oracle::Captures {
    m.params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// What the rule says about a request: the route and its captures, or the methods allowed.
fn expected(routes: &Routes, method: &Method, path: &str) -> Result<(usize, oracle::Captures), Vec<Method>> {
    let patterns: Vec<Pattern> = routes.iter().map(|(p, _)| p.clone()).collect();
    let mut allow = Vec::new();
    for group in oracle::groups(&patterns, path) {
        let of = |wanted: Option<&Method>| group.iter().find(|(i, _)| routes[*i].1.as_ref() == wanted);
        let head = || if *method == Method::HEAD { of(Some(&Method::GET)) } else { None };
        if let Some((i, captures)) = of(Some(method)).or_else(head).or_else(|| of(None)) {
            return Ok((*i, captures.clone()));
        }
        allow.extend(group.iter().filter_map(|(i, _)| routes[*i].1.clone()));
    }
    if allow.contains(&Method::GET) {
        allow.push(Method::HEAD);
    }
    if !allow.is_empty() {
        allow.push(Method::OPTIONS);
    }
    allow.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    allow.dedup();
    Err(allow)
}

fn check(router: &Router<usize>, routes: &Routes, path: &str) {
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::from_bytes(b"PURGE").unwrap()];
    for method in &methods {
        let found = match router.find(method, path) {
            Ok(m) => Ok((*m.value, captures(&m))),
            Err(Miss::NotFound) => Err(Vec::new()),
            Err(Miss::MethodNotAllowed { allow }) => {
                let mut list: Vec<Method> = allow.to_str().unwrap().split(", ").map(|m| m.parse().unwrap()).collect();
                list.sort_by(|a, b| a.as_str().cmp(b.as_str()));
                Err(list)
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected(routes, method, path), "{method} {path}\n{router}");
    }
    let any: Routes = routes.iter().filter(|(_, m)| m.is_none()).cloned().collect();
    let found = router.at(path).map(|m| (m.pattern().to_owned(), captures(&m)));
    let expected = expected(&any, &Method::GET, path).ok().map(|(i, c)| (oracle::text(&any[i].0), c));
    assert_eq!(found, expected, "{path}\n{router}");
}

fn table() -> impl Strategy<Value = Routes> {
    let method = prop_oneof![
        4 => Just(None),
        2 => Just(Some(Method::GET)),
        1 => Just(Some(Method::HEAD)),
        2 => Just(Some(Method::POST)),
        1 => Just(Some(Method::from_bytes(b"PURGE").unwrap())),
    ];
    vec((pattern(), method), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn lookups_follow_the_rule(routes in table(), paths in vec(path(), 1..12)) {
        let routes = accepted(routes);
        let router = build(&routes, 0..routes.len());
        for path in &paths {
            check(&router, &routes, path);
        }
    }

    #[test]
    fn any_method_tables(patterns in vec(pattern(), 1..16), paths in vec(path(), 1..12)) {
        let routes = accepted(patterns.into_iter().map(|p| (p, None)).collect());
        let router = build(&routes, 0..routes.len());
        let patterns: Vec<Pattern> = routes.iter().map(|(p, _)| p.clone()).collect();
        for path in &paths {
            check(&router, &routes, path);
            let all: Vec<_> = router.all_matches(&Method::GET, path).iter().map(|m| (*m.value, captures(m))).collect();
            assert_eq!(all, oracle::matching(&patterns, path), "{path}\n{router}");
        }
    }

    #[test]
    fn insertion_order_never_matters(routes in table(), seed in any::<u64>(), paths in vec(path(), 1..6)) {
        let routes = accepted(routes);
        let straight = build(&routes, 0..routes.len());
        let mut order: Vec<usize> = (0..routes.len()).collect();
        let mut x = seed | 1;
        for i in (1..order.len()).rev() {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            order.swap(i, usize::try_from(x % (i as u64 + 1)).unwrap());
        }
        let shuffled = build(&routes, order.into_iter());
        prop_assert_eq!(straight.to_string(), shuffled.to_string());
        prop_assert_eq!(straight.arena_bytes(), shuffled.arena_bytes());
        let listed = |r: &Router<usize>| r.routes().map(|r| (r.pattern().to_owned(), r.method().cloned(), *r.value)).collect::<Vec<_>>();
        prop_assert_eq!(listed(&straight), listed(&shuffled));
        for path in &paths {
            for method in [Method::GET, Method::POST] {
                let a = straight.find(&method, path).map(|m| (*m.value, captures(&m)));
                let b = shuffled.find(&method, path).map(|m| (*m.value, captures(&m)));
                prop_assert_eq!(a, b);
            }
        }
    }

    #[test]
    fn nothing_reported_unreachable_is_reached(patterns in vec(pattern(), 1..12), paths in vec(path(), 1..30)) {
        let routes = accepted(patterns.into_iter().map(|p| (p, None)).collect());
        let router = build(&routes, 0..routes.len());
        let dead: Vec<_> = router.unreachable_routes().into_iter().map(|s| s.id).collect();
        for path in &paths {
            if let Some(m) = router.at(path) {
                prop_assert!(!dead.contains(&m.route_id()), "{} reached by {}", m.pattern(), path);
            }
        }
    }

    #[test]
    fn explanations_agree_with_lookups(routes in table(), asked in path()) {
        let routes = accepted(routes);
        let router = build(&routes, 0..routes.len());
        let explained = router.explain(&Method::GET, &asked);
        let chosen = explained.matching.iter().filter(|v| v.reason == "chosen").count();
        prop_assert_eq!(chosen, usize::from(router.find(&Method::GET, &asked).is_ok()));
    }

    #[test]
    fn no_text_makes_the_builder_panic(pattern in "[/{}*?:|a-c.é-]{0,24}", path in "[/%2Fa-c.?#é-]{0,24}") {
        let mut b = builder();
        let _ = b.insert("/{a}/{*b}", 0);
        let _ = b.insert(&pattern, 1);
        let router = b.build().unwrap();
        let _ = router.at(&path);
        let _ = router.find(&Method::GET, &path);
        let _ = router.explain(&Method::GET, &path).to_string();
        let _ = covet_router::normalize(&path);
        let _ = router.to_string();
    }
}

/// More through `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(250)
}
