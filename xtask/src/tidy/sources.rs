//! Laws about what stands in a source file.

use super::rust::{code_only, words};
use super::{Finding, SourceFile, Tree};

/// Where `unsafe` may stand, each for a measured gain. A name that ends in `/` is a folder.
///
/// A crate with such a file denies unsafe code at its root instead of forbidding it.
const UNSAFE_PLACES: [&str; 3] = ["covet-json/src/arch/", "covet-json/src/buffer/", "covet-pool/src/slot.rs"];

const LONG: usize = 600;
const TOO_LONG: usize = 1200;

/// Spelt in halves, so that this file does not find itself.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

pub(super) fn unsafe_forbidden(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &tree.workspace.members {
        for target in
            package.targets.iter().filter(|target| ["lib", "bin", "proc-macro"].contains(&target.kind.as_str()))
        {
            let Ok(path) = target.src_path.strip_prefix(&tree.workspace.root) else { continue };
            let Some(file) = tree.files.iter().find(|file| *path == *file.path) else { continue };
            let source: String = code_only(&file.text).split_whitespace().collect();
            let forbids = source.contains("#![forbid(unsafe_code");
            let denies = source.contains("#![deny(unsafe_code");
            let crate_dir = file.path.split("/src/").next().unwrap_or_default();
            let may_hold = UNSAFE_PLACES.iter().any(|place| place.starts_with(&format!("{crate_dir}/src/")));
            if !(forbids || (denies && may_hold)) {
                let wanted = if may_hold { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" };
                findings.push(Finding::error(&file.path, format!("lacks `{wanted}`")));
            }
        }
    }
    findings
}

pub(super) fn unsafe_places(tree: &Tree) -> Vec<Finding> {
    let allowed = |path: &str| {
        UNSAFE_PLACES.iter().any(|place| if place.ends_with('/') { path.starts_with(place) } else { path == *place })
    };
    let mut findings = Vec::new();
    for file in rust_files(tree).filter(|file| !allowed(&file.path)) {
        let code = code_only(&file.text);
        findings.extend(words(&code).filter(|(_, word)| *word == "unsafe").map(|(line, _)| {
            Finding::error(format!("{}:{line}", file.path), "`unsafe` outside the files that may hold it")
        }));
    }
    findings
}

pub(super) fn nothing_left(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !file.path.ends_with("Cargo.lock") && !file.path.contains("LICENSE")) {
        findings.extend(
            words(&file.text)
                .filter(|(_, word)| MARKERS.contains(word))
                .map(|(line, word)| Finding::error(format!("{}:{line}", file.path), format!("{word} is left"))),
        );
    }
    for file in rust_files(tree) {
        for (number, line) in code_only(&file.text).lines().enumerate() {
            for stub in ["todo!", "unimplemented!"].iter().filter(|stub| line.contains(**stub)) {
                findings.push(Finding::error(format!("{}:{}", file.path, number + 1), format!("`{stub}` is left")));
            }
        }
    }
    findings
}

pub(super) fn ignored_tests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in rust_files(tree) {
        for (number, line) in code_only(&file.text).lines().enumerate() {
            if line.split_whitespace().collect::<String>().contains("#[ignore]") {
                let text = "ignored without a reason: write #[ignore = \"needs ...\"]";
                findings.push(Finding::error(format!("{}:{}", file.path, number + 1), text));
            }
        }
    }
    findings
}

pub(super) fn long_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in rust_files(tree) {
        let lines = file.text.lines().count();
        if lines > TOO_LONG {
            findings.push(Finding::error(&file.path, format!("{lines} lines: more than one subject, surely")));
        } else if lines > LONG {
            findings.push(Finding::warning(&file.path, format!("{lines} lines")));
        }
    }
    findings
}

fn rust_files(tree: &Tree) -> impl Iterator<Item = &SourceFile> {
    tree.files.iter().filter(|file| file.path.ends_with(".rs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Package, Target, Workspace};
    use crate::tidy::Severity;

    fn files(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| SourceFile { path: (*path).into(), text: (*text).into() });
        Tree { files: files.collect(), ..Tree::default() }
    }

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.place.as_str()).collect()
    }

    /// A tree with one member whose library has this root.
    fn library(dir: &str, root: &str) -> Tree {
        let path = format!("{dir}/src/lib.rs");
        let target = Target { kind: "lib".into(), src_path: format!("/w/{path}").into(), ..Target::default() };
        let member = Package { name: dir.into(), targets: vec![target], ..Package::default() };
        let mut tree = files(&[(path.as_str(), root)]);
        tree.workspace = Workspace { root: "/w".into(), members: vec![member], ..Workspace::default() };
        tree
    }

    #[test]
    fn crate_roots_forbid_unsafe_code() {
        assert_eq!(unsafe_forbidden(&library("covet-router", "//! x\n#![forbid(unsafe_code)]\n")), []);
        assert_eq!(unsafe_forbidden(&library("covet-json", "#![deny(unsafe_code, missing_docs)]\n")), []);
        assert_eq!(unsafe_forbidden(&library("covet-router", "#![deny(unsafe_code)]\n")).len(), 1);
        assert_eq!(unsafe_forbidden(&library("covet-json", "mod arch;\n")).len(), 1);
        assert_eq!(unsafe_forbidden(&library("covet-router", "// #![forbid(unsafe_code)]\n")).len(), 1);
    }

    #[test]
    fn the_word_is_found_in_code_alone() {
        let clean = files(&[
            ("covet-json/src/arch/avx2.rs", "unsafe { x() }"),
            ("covet-pool/src/slot.rs", "unsafe { x() }"),
            ("covet-auth/src/lib.rs", "#![forbid(unsafe_code)] // unsafe\nlet unsafely = \"unsafe\";"),
            ("covet-auth/README.md", "unsafe"),
        ]);
        assert_eq!(unsafe_places(&clean), []);
        let dirty = files(&[
            ("covet-json/src/de.rs", "fn a() {\n    unsafe { x() }\n}"),
            ("covet-pool/src/slot_.rs", "unsafe"),
        ]);
        assert_eq!(places(&unsafe_places(&dirty)), ["covet-json/src/de.rs:2", "covet-pool/src/slot_.rs:1"]);
    }

    #[test]
    fn unfinished_work_is_found_in_every_kind_of_text() {
        for marker in MARKERS {
            let text = format!("fine\n// {marker}: later\n");
            assert_eq!(places(&nothing_left(&files(&[("a/b.md", &text)]))), ["a/b.md:2"]);
        }
        assert_eq!(nothing_left(&files(&[("a.rs", "fn f() { todo!(\"x\") }")])).len(), 1);
        assert_eq!(nothing_left(&files(&[("a.rs", "fn f() { \"todo!\" }"), ("b.md", "todos")])), []);
    }

    #[test]
    fn an_ignored_test_gives_its_reason() {
        assert_eq!(ignored_tests(&files(&[("a.rs", "#[ignore = \"needs Redis\"]\n// #[ignore]")])), []);
        assert_eq!(places(&ignored_tests(&files(&[("a.rs", "#[test]\n#[ ignore ]\nfn f() {}")]))), ["a.rs:2"]);
    }

    #[test]
    fn long_files_are_named_and_very_long_ones_refused() {
        let of = |lines| long_files(&files(&[("a.rs", &"x\n".repeat(lines))]));
        assert_eq!(of(LONG), []);
        assert_eq!(of(LONG + 1)[0].severity, Severity::Warning);
        assert_eq!(of(TOO_LONG)[0].severity, Severity::Warning);
        assert_eq!(of(TOO_LONG + 1)[0].severity, Severity::Error);
    }
}
