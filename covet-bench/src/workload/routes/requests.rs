//! Requests for a table.

use super::{Piece, Route, RouteTable, pieces};
use crate::Rng;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// The path, as it stands in the request line.
    pub path: String,
    /// The index of the route that it belongs to; `None` if it must miss.
    pub route: Option<usize>,
}

/// What parameters look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Two bytes, as in the oldest router benchmarks: flatters routers that are slow on long segments.
    Short,
    /// What the parameter's name suggests: numbers of one to nine digits, hashes of forty, names, UUIDs.
    Realistic,
}

/// What scanners ask every server for.
const SCANS: [&str; 20] = [
    "/.env",
    "/.git/config",
    "/.aws/credentials",
    "/wp-login.php",
    "/wp-admin/setup-config.php",
    "/wp-content/plugins/contact-form/readme.txt",
    "/xmlrpc.php",
    "/phpmyadmin/index.php",
    "/admin/config.php",
    "/cgi-bin/luci/;stok=/locale",
    "/boaform/admin/formLogin",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/actuator/gateway/routes",
    "/solr/admin/info/system",
    "/owa/auth/logon.aspx",
    "/HNAP1",
    "/server-status",
    "/console/login/LoginForm.jsp",
    "/remote/fgt_lang",
    "/index.php/%2e%2e/%2e%2e/etc/passwd",
];

impl RouteTable {
    /// One request for every route, in random order.
    #[must_use]
    pub fn hits(&self, ids: Ids, seed: u64) -> Vec<Request> {
        let mut rng = Rng::new(seed);
        let mut requests: Vec<Request> = self
            .routes
            .iter()
            .enumerate()
            .map(|(index, route)| Request {
                method: route.method.clone(),
                path: fill(route, ids, &mut rng),
                route: Some(index),
            })
            .collect();
        rng.shuffle(&mut requests);
        requests
    }

    /// Paths that scanners try and that no route of the table matches.
    #[must_use]
    pub fn scans(&self) -> Vec<Request> {
        let miss = |path: &&str| !self.routes.iter().any(|route| route.matches(path));
        let request = |path: &str| Request { method: "GET".to_owned(), path: path.to_owned(), route: None };
        SCANS.iter().copied().filter(miss).map(request).collect()
    }

    /// Up to `count` paths that follow a route to its end and then miss: a letter or a segment too many, the last
    /// segment lost, a trailing slash.
    #[must_use]
    pub fn near_misses(&self, count: usize, seed: u64) -> Vec<Request> {
        let mut rng = Rng::new(seed);
        let mut requests = Vec::new();
        // A table in which nearly everything matches (a catch-all at its root) has few misses: the tries are bounded.
        for _ in 0..count * 8 {
            if requests.len() == count || self.routes.is_empty() {
                break;
            }
            let route = rng.pick(&self.routes);
            let mut path = fill(route, Ids::Realistic, &mut rng);
            match rng.below(4) {
                0 => path.push_str("/extra"),
                1 => path.push('/'),
                2 => {
                    // In the first segment, which is static in most tables: elsewhere it may only change a parameter.
                    let at = path[1..].find('/').map_or(path.len(), |slash| slash + 1);
                    path.insert(at, 'x');
                }
                _ => path.truncate(path.rfind('/').filter(|at| *at > 0).unwrap_or(path.len())),
            }
            if !self.routes.iter().any(|route| route.matches(&path)) {
                requests.push(Request { method: route.method.clone(), path, route: None });
            }
        }
        requests
    }

    /// Up to `count` requests whose path some route matches, though none with their method.
    #[must_use]
    pub fn not_allowed(&self, count: usize, seed: u64) -> Vec<Request> {
        // Without HEAD, which GET answers.
        const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let mut rng = Rng::new(seed);
        let mut requests = Vec::new();
        for _ in 0..count * 4 {
            if requests.len() == count || self.routes.is_empty() {
                break;
            }
            let path = fill(rng.pick(&self.routes), Ids::Realistic, &mut rng);
            let allowed: Vec<&str> =
                self.routes.iter().filter(|route| route.matches(&path)).map(|route| route.method.as_str()).collect();
            let refused: Vec<&str> = METHODS.into_iter().filter(|method| !allowed.contains(method)).collect();
            if !refused.is_empty() {
                requests.push(Request { method: (*rng.pick(&refused)).to_owned(), path, route: None });
            }
        }
        requests
    }
}

/// A path that the route matches.
fn fill(route: &Route, ids: Ids, rng: &mut Rng) -> String {
    let mut path = String::new();
    let mut place = 0;
    for piece in pieces(&route.template) {
        match piece {
            Piece::Literal(text) => path.push_str(text),
            Piece::Parameter(_) | Piece::Rest(_) if ids == Ids::Short => {
                place += 1;
                path.push_str(&format!("p{place}"));
            }
            Piece::Parameter(name) => value(name, rng, &mut path),
            Piece::Rest(_) => {
                let folders = rng.between(1, 3);
                for _ in 0..folders {
                    word(rng, &mut path);
                    path.push('/');
                }
                word(rng, &mut path);
                path.push_str(".rs");
            }
        }
    }
    path
}

/// A value such as a parameter of this name has. Never equal to a static segment of the tables: words carry a digit.
fn value(name: &str, rng: &mut Rng, path: &mut String) {
    let has = |part: &str| name.contains(part);
    if has("sha") || has("digest") || name == "ref" {
        rng.hex(40, path);
    } else if has("uuid") || has("session") || has("delivery") || has("event_id") {
        for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
            if index > 0 {
                path.push('-');
            }
            rng.hex(length, path);
        }
    } else if has("_id") || name == "id" || has("number") || has("Id") {
        let digits = rng.between(1, 9) as u32;
        path.push_str(&rng.between(10_u64.pow(digits - 1), 10_u64.pow(digits) - 1).to_string());
    } else {
        word(rng, path);
    }
}

fn word(rng: &mut Rng, path: &mut String) {
    const WORDS: [&str; 12] = [
        "octocat",
        "web",
        "payments-api",
        "kube-system",
        "storefront",
        "a",
        "data-pipeline",
        "team-red",
        "x86",
        "release",
        "main",
        "nightly-build",
    ];
    let word: &str = rng.pick::<&str>(&WORDS);
    path.push_str(word);
    path.push('-');
    path.push_str(&rng.below(1_000).to_string());
}

#[cfg(test)]
mod tests {
    use super::super::{github_like, large, rest130, static157};
    use super::*;
    use crate::digest;

    fn text(requests: &[Request]) -> String {
        requests.iter().map(|r| format!("{} {} {:?}\n", r.method, r.path, r.route)).collect()
    }

    #[test]
    fn hits_hit_and_misses_miss() {
        for table in [rest130(), static157(), github_like(), large(300)] {
            for ids in [Ids::Short, Ids::Realistic] {
                let hits = table.hits(ids, 1);
                assert_eq!(hits.len(), table.routes.len());
                for hit in &hits {
                    let route = &table.routes[hit.route.unwrap()];
                    assert!(route.method == hit.method && route.matches(&hit.path), "{route:?} {hit:?}");
                }
            }
            let near = table.near_misses(100, 2);
            assert!(near.len() >= 80, "{}: {}", table.name, near.len());
            for miss in near.iter().chain(&table.scans()) {
                assert!(!table.routes.iter().any(|route| route.matches(&miss.path)), "{miss:?}");
            }
            assert!(table.scans().len() >= 15, "{}", table.name);
        }
    }

    #[test]
    fn a_hit_belongs_to_the_most_specific_route() {
        for table in [rest130(), github_like(), large(300)] {
            for hit in table.hits(Ids::Realistic, 3) {
                let own = &table.routes[hit.route.unwrap()];
                for other in table.routes.iter().filter(|r| r.method == own.method && r.matches(&hit.path)) {
                    assert!(specificity(own) >= specificity(other), "{hit:?}: {own:?} or {other:?}");
                }
            }
        }
    }

    /// Segment by segment, static above parameter above rest.
    fn specificity(route: &Route) -> Vec<u8> {
        let rank = |segment: &str| if segment.contains("{*") { 0 } else { 2 - u8::from(segment.contains('{')) };
        route.template.split('/').map(rank).collect()
    }

    #[test]
    fn refused_methods_are_refused_by_the_table() {
        let table = rest130();
        let requests = table.not_allowed(50, 4);
        assert_eq!(requests.len(), 50);
        for request in requests {
            let matching: Vec<&Route> = table.routes.iter().filter(|route| route.matches(&request.path)).collect();
            assert!(!matching.is_empty() && matching.iter().all(|route| route.method != request.method), "{request:?}");
        }
    }

    #[test]
    fn the_requests_are_pinned() {
        let table = github_like();
        let lists = [
            table.hits(Ids::Short, 1),
            table.hits(Ids::Realistic, 1),
            table.near_misses(200, 1),
            table.not_allowed(200, 1),
            table.scans(),
        ];
        let seen = lists.each_ref().map(|list| (list.len(), digest(text(list).as_bytes())));
        let pinned = [
            (299, 0x99e5_7f26_c056_c029),
            (299, 0xa5c2_54f3_6817_179f),
            (200, 0x0822_bea6_53fd_f528),
            (200, 0xfb2c_0ccc_4f82_2ede),
            (20, 0xe340_d3b8_7e10_eca7),
        ];
        assert_eq!(seen, pinned, "changed requests need a new workload::VERSION: {seen:#x?}");
    }
}
