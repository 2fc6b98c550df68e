//! The tables: four written here after the public shape of real services, and real lists where a machine has them.

use super::{Request, RouteTable};
use crate::workload::corpus as files;

/// The five routes of an ordinary collection.
const CRUD: [(&str, bool); 5] = [("GET", false), ("POST", false), ("GET", true), ("PATCH", true), ("DELETE", true)];

fn crud(lines: &mut Vec<String>, collection: &str, id: &str) {
    for (method, item) in CRUD {
        lines.push(if item { format!("{method} {collection}/{{{id}}}") } else { format!("{method} {collection}") });
    }
}

fn table(name: &str, lines: &[String]) -> RouteTable {
    RouteTable::parse(name, lines.iter().map(String::as_str))
}

/// 130 routes of an ordinary web shop's REST API: 26 collections, some of them nested, with list, create, read, update and
/// delete.
#[must_use]
pub fn rest130() -> RouteTable {
    const COLLECTIONS: [(&str, &str); 26] = [
        ("/users", "user_id"),
        ("/users/{user_id}/addresses", "address_id"),
        ("/users/{user_id}/sessions", "session_id"),
        ("/users/{user_id}/orders", "order_id"),
        ("/products", "product_id"),
        ("/products/{product_id}/variants", "variant_id"),
        ("/products/{product_id}/images", "image_id"),
        ("/products/{product_id}/reviews", "review_id"),
        ("/categories", "category_id"),
        ("/categories/{category_id}/products", "product_id"),
        ("/orders", "order_id"),
        ("/orders/{order_id}/lines", "line_id"),
        ("/orders/{order_id}/payments", "payment_id"),
        ("/orders/{order_id}/shipments", "shipment_id"),
        ("/orders/{order_id}/shipments/{shipment_id}/events", "event_id"),
        ("/carts", "cart_id"),
        ("/carts/{cart_id}/items", "item_id"),
        ("/coupons", "coupon_code"),
        ("/warehouses", "warehouse_id"),
        ("/warehouses/{warehouse_id}/stock", "sku"),
        ("/invoices", "invoice_number"),
        ("/webhooks", "webhook_id"),
        ("/webhooks/{webhook_id}/deliveries", "delivery_id"),
        ("/reports", "report_id"),
        ("/admin/roles", "role_id"),
        ("/admin/audit/events", "event_id"),
    ];
    let mut lines = Vec::new();
    for (collection, id) in COLLECTIONS {
        crud(&mut lines, collection, id);
    }
    table("rest130", &lines)
}

/// 157 static pages of a language's site: documentation, packages, downloads.
#[must_use]
pub fn static157() -> RouteTable {
    const PAGES: [&str; 13] = [
        "",
        "about",
        "blog",
        "community",
        "contribute",
        "docs",
        "faq",
        "install",
        "learn",
        "news",
        "project",
        "search",
        "help",
    ];
    const SECTIONS: [&str; 9] =
        ["guide", "spec", "pkg", "cmd", "doc/articles", "doc/play", "doc/codewalk", "ref", "talks"];
    const TOPICS: [&str; 16] = [
        "arrays",
        "bytes",
        "concurrency",
        "defer",
        "errors",
        "files",
        "generics",
        "http",
        "image",
        "json",
        "maps",
        "modules",
        "slices",
        "strings",
        "testing",
        "time",
    ];
    let mut lines: Vec<String> = PAGES.iter().map(|page| format!("GET /{page}")).collect();
    for section in SECTIONS {
        lines.extend(TOPICS.iter().map(|topic| {
            let suffix = if section.starts_with("doc") { ".html" } else { "/" };
            format!("GET /{section}/{topic}{suffix}")
        }));
    }
    table("static157", &lines)
}

/// About 300 routes of a code-hosting service: deep prefixes with two parameters, static names beside parameters
/// (`releases/latest` beside `releases/{release_id}`), and a path that takes the rest.
#[must_use]
pub fn github_like() -> RouteTable {
    const REPO: &str = "/repos/{owner}/{repo}";
    let mut lines = Vec::new();
    for (collection, id) in [
        ("branches", "branch"),
        ("collaborators", "username"),
        ("commits", "ref"),
        ("deployments", "deployment_id"),
        ("hooks", "hook_id"),
        ("issues", "issue_number"),
        ("issues/comments", "comment_id"),
        ("issues/{issue_number}/comments", "comment_id"),
        ("issues/{issue_number}/labels", "name"),
        ("keys", "key_id"),
        ("labels", "name"),
        ("milestones", "milestone_number"),
        ("pulls", "pull_number"),
        ("pulls/comments", "comment_id"),
        ("pulls/{pull_number}/reviews", "review_id"),
        ("releases", "release_id"),
        ("releases/assets", "asset_id"),
        ("git/refs", "ref"),
        ("actions/artifacts", "artifact_id"),
        ("actions/runs", "run_id"),
        ("actions/runners", "runner_id"),
        ("actions/secrets", "secret_name"),
        ("actions/workflows", "workflow_id"),
        ("environments", "environment_name"),
        ("check-runs", "check_run_id"),
        ("rulesets", "ruleset_id"),
        ("autolinks", "autolink_id"),
        ("check-suites", "check_suite_id"),
        ("codespaces", "codespace_name"),
        ("pages/builds", "build_id"),
    ] {
        crud(&mut lines, &format!("{REPO}/{collection}"), id);
    }
    for path in [
        "",
        "/contributors",
        "/languages",
        "/tags",
        "/teams",
        "/topics",
        "/forks",
        "/events",
        "/stargazers",
        "/subscribers",
        "/subscription",
        "/readme",
        "/license",
        "/traffic/clones",
        "/traffic/views",
        "/releases/latest",
        "/releases/tags/{tag}",
        "/commits/{ref}/status",
        "/commits/{ref}/check-runs",
        "/branches/{branch}/protection",
        "/pulls/{pull_number}/files",
        "/pulls/{pull_number}/merge",
        "/pulls/{pull_number}/commits",
        "/issues/{issue_number}/events",
        "/issues/events",
        "/git/blobs/{file_sha}",
        "/git/commits/{commit_sha}",
        "/git/tags/{tag_sha}",
        "/git/trees/{tree_sha}",
        "/stats/contributors",
        "/stats/participation",
        "/actions/runs/{run_id}/jobs",
        "/actions/runs/{run_id}/logs",
        "/contents/{*path}",
    ] {
        lines.push(format!("GET {REPO}{path}"));
    }
    for (prefix, id) in [("/orgs", "org"), ("/gists", "gist_id"), ("/teams", "team_id"), ("/projects", "project_id")] {
        crud(&mut lines, prefix, id);
    }
    for collection in ["members", "hooks", "repos", "teams", "secrets", "invitations", "migrations", "packages"] {
        crud(&mut lines, &format!("/orgs/{{org}}/{collection}"), &format!("{collection}_id"));
    }
    for collection in ["emails", "keys", "gpg_keys", "repos", "followers", "following", "starred", "orgs", "packages"] {
        lines.push(format!("GET /user/{collection}"));
        lines.push(format!("DELETE /user/{collection}/{{id}}"));
        lines.push(format!("GET /users/{{username}}/{collection}"));
    }
    for line in [
        "GET /",
        "GET /user",
        "PATCH /user",
        "GET /users",
        "GET /users/{username}",
        "GET /emojis",
        "GET /events",
        "GET /feeds",
        "GET /meta",
        "GET /rate_limit",
        "GET /zen",
        "GET /gists/public",
        "GET /gists/starred",
        "GET /gists/{gist_id}/{sha}",
        "PUT /gists/{gist_id}/star",
        "GET /search/code",
        "GET /search/issues",
        "GET /search/users",
        "GET /search/repositories",
        "GET /notifications",
        "GET /notifications/threads/{thread_id}",
        "GET /licenses/{license}",
        "GET /gitignore/templates/{name}",
        "POST /markdown",
        "POST /markdown/raw",
        "GET /app/installations/{installation_id}",
        "POST /app/installations/{installation_id}/access_tokens",
        "GET /networks/{owner}/{repo}/events",
    ] {
        lines.push(line.to_owned());
    }
    table("github_like", &lines)
}

/// Exactly `count` routes of an orchestrator's API: many services, each with versions, namespaces and kinds of objects, so that
/// prefixes are long and shared. Meant for 1,000 and 3,000; at most 33,600.
#[must_use]
pub fn large(count: usize) -> RouteTable {
    const SERVICES: [&str; 20] = [
        "apps",
        "auth",
        "autoscale",
        "batch",
        "billing",
        "build",
        "catalog",
        "certs",
        "coordination",
        "dns",
        "events",
        "metrics",
        "network",
        "node",
        "policy",
        "registry",
        "resource",
        "scheduling",
        "secrets",
        "storage",
    ];
    const KINDS: [&str; 20] = [
        "bindings",
        "claims",
        "classes",
        "configs",
        "controllers",
        "deployments",
        "endpoints",
        "jobs",
        "leases",
        "limits",
        "nodes",
        "pods",
        "quotas",
        "replicas",
        "reviews",
        "roles",
        "services",
        "sets",
        "snapshots",
        "volumes",
    ];
    const VERSIONS: [&str; 3] = ["v1", "v2", "v1beta1"];
    let mut lines = Vec::new();
    // A small table is a prefix of a large one.
    for version in VERSIONS {
        for service in SERVICES {
            for kind in KINDS {
                let spaced = format!("/apis/{service}/{version}/namespaces/{{namespace}}/{kind}");
                crud(&mut lines, &spaced, "name");
                lines.push(format!("GET {spaced}/{{name}}/status"));
                lines.push(format!("PUT {spaced}/{{name}}/status"));
                lines.push(format!("GET /apis/{service}/{version}/{kind}"));
                for verb in
                    ["approve", "drain", "export", "history", "logs", "pause", "resume", "rollback", "scale", "watch"]
                {
                    lines.push(format!("POST {spaced}/{{name}}/{verb}"));
                    lines.push(format!("GET {spaced}/{{name}}/{verb}/{{revision}}"));
                }
            }
        }
    }
    lines.truncate(count);
    table(&format!("large{count}"), &lines)
}

/// A real table from `COVET_CORPUS`, such as `github_octokit_2026`; `None` if it is not there.
#[must_use]
pub fn corpus(name: &str) -> Option<RouteTable> {
    let lines = files::lines(&format!("{name}.txt"))?;
    Some(RouteTable::parse(name, lines.iter().map(String::as_str)))
}

/// The requests that belong to a real table line by line (`NAME.urls.txt` beside `NAME.txt`); `None` without both.
#[must_use]
pub fn corpus_requests(name: &str) -> Option<Vec<Request>> {
    let (routes, urls) = (files::lines(&format!("{name}.txt"))?, files::lines(&format!("{name}.urls.txt"))?);
    (routes.len() == urls.len()).then(|| {
        let methods = routes.iter().map(|line| line.split(' ').next().unwrap_or("GET"));
        methods
            .zip(urls.iter())
            .enumerate()
            .map(|(index, (method, url))| Request { method: method.to_owned(), path: url.clone(), route: Some(index) })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;

    #[test]
    fn the_tables_are_pinned() {
        let tables = [rest130(), static157(), github_like(), large(1_000), large(3_000)];
        let seen = tables.each_ref().map(|table| (table.routes.len(), digest(table.text().as_bytes())));
        let pinned = [
            (130, 0x66e4_6ac7_159c_576c),
            (157, 0x3547_cfb0_12fa_b7b9),
            (299, 0x747a_f03e_c9d8_c7c4),
            (1_000, 0xf5e9_a608_d54b_f1c7),
            (3_000, 0xd9e5_fa1f_f32d_4ffc),
        ];
        assert_eq!(seen, pinned, "changed routes need a new workload::VERSION: {seen:#x?}");
    }

    #[test]
    fn real_tables_are_read_where_they_are() {
        if let Some(table) = corpus("matchit_bench_130") {
            assert_eq!(table.routes.len(), 130);
        }
        if let (Some(table), Some(requests)) = (corpus("path-tree_github_315"), corpus_requests("path-tree_github_315"))
        {
            for request in requests {
                let route = request.route.and_then(|index| table.routes.get(index)).expect("every line is a route");
                assert!(route.matches(&request.path), "{route:?} {request:?}");
            }
        }
        assert_eq!(corpus("no such table"), None);
    }
}
