//! Generated text in documents: written by a command, compared on every run of the gate.
//!
//! A fact that stands in a manifest or in code is not repeated by hand. The result tables of benchmarks stand between
//! markers of the same form; here only their presence is checked, since they come from recorded runs.

mod dependencies;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::ci::STEPS;
use crate::metadata::{Package, Workspace};
use crate::tidy::{SourceFile, text_files};

pub(crate) const HELP: &str = "\
Usage: cargo xtask readme [--fix]

Compares generated text in the documents with what it is made from:

  README.md        the descriptions in the table of crates, from their manifests
  CONTRIBUTING.md  the table of the gate's steps, between `<!-- BEGIN: ci-steps -->` and `<!-- END: ci-steps -->`
  CRATE/README.md  what a published crate depends on and why, between the same with `dependencies`

and checks that every such marker is closed, that a crate compared with its peers has a place for its `results`,
that a crate's README names all its features, and that a published crate gives a reason for each direct dependency.

  --fix    writes the generated text
";

const RESULTS: &str = "results";
const CI_STEPS: &str = "ci-steps";
const DEPENDENCIES: &str = "dependencies";

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::Long;
    let mut fix = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("fix") => fix = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let workspace = Workspace::load()?;
    if fix {
        for file in documents(&workspace.root)? {
            let fresh = regenerate(&file, &workspace)?;
            if fresh != file.text {
                fs::write(workspace.root.join(&file.path), fresh)
                    .with_context(|| format!("cannot write {}", file.path))?;
                eprintln!("wrote {}", file.path);
            }
        }
    }
    check(&workspace)?;
    Ok(ExitCode::SUCCESS)
}

/// An error that lists all that is out of date or missing.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let documents = documents(&workspace.root)?;
    let mut problems = Vec::new();
    for file in &documents {
        match regenerate(file, workspace) {
            Ok(fresh) if fresh == file.text => {}
            Ok(_) => {
                problems.push(format!("{}: out of date; run `cargo xtask readme --fix`", file.path));
            }
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    for package in &workspace.members {
        let readme = package.dir.join("README.md");
        let readme = documents.iter().find(|file| workspace.root.join(&file.path) == readme);
        problems.extend(gaps(package, readme.map_or("", |file| &file.text)));
    }
    let text_of = |path: &str| documents.iter().find(|file| file.path == path).map_or("", |file| &file.text);
    if !text_of("CONTRIBUTING.md").contains(&begin(CI_STEPS)) {
        problems.push(format!("CONTRIBUTING.md: has no `{}`", begin(CI_STEPS)));
    }
    for package in workspace.published().filter(|package| !text_of("README.md").contains(&row_start(package))) {
        problems.push(format!("README.md: its table lacks a row `{}`", row_start(package)));
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

fn documents(root: &Path) -> Result<Vec<SourceFile>> {
    Ok(text_files(root)?.into_iter().filter(|file| file.path.ends_with(".md")).collect())
}

/// What the README of `package` should say and does not.
fn gaps(package: &Package, readme: &str) -> Vec<String> {
    let mut gaps = Vec::new();
    if package.published {
        let unnamed = package.public_features().into_iter().filter(|name| !readme.contains(&format!("`{name}`")));
        gaps.extend(unnamed.map(|name| format!("{}: README.md does not name the feature `{name}`", package.name)));
        if package.targets_of("bench").any(|target| target.name == "peers") && !readme.contains(&begin(RESULTS)) {
            gaps.push(format!("{}: README.md has no `{}` for its comparison with peers", package.name, begin(RESULTS)));
        }
        if !readme.contains(&begin(DEPENDENCIES)) {
            gaps.push(format!("{}: README.md has no `{}`", package.name, begin(DEPENDENCIES)));
        }
        gaps.extend(dependencies::gaps(package));
    }
    gaps
}

/// The document with every generated block made anew. An error if a marker is not closed.
fn regenerate(file: &SourceFile, workspace: &Workspace) -> Result<String> {
    let mut fresh = String::with_capacity(file.text.len());
    let mut open: Option<&str> = None;
    let owner = workspace.published().find(|package| package.dir.join("README.md") == workspace.root.join(&file.path));
    for line in file.text.split_inclusive('\n') {
        let marker = line.trim();
        if let Some(name) = marker_name(marker, "BEGIN") {
            if let Some(outer) = open {
                bail!("{}: `{}` inside `{}`", file.path, marker, begin(outer));
            }
            open = Some(name);
            fresh.push_str(line);
            if let Some(text) = generate(name, owner)? {
                fresh.push_str(&text);
            }
        } else if let Some(name) = marker_name(marker, "END") {
            if open != Some(name) {
                bail!("{}: `{marker}` without its beginning", file.path);
            }
            open = None;
            fresh.push_str(line);
        } else if open.is_none_or(|name| !is_generated(name)) {
            let package = workspace.published().find(|package| line.starts_with(&row_start(package)));
            fresh.push_str(&package.map_or_else(|| line.to_owned(), |package| described(package, line)));
        }
    }
    match open {
        Some(name) => bail!("{}: `{}` is not closed", file.path, begin(name)),
        None => Ok(fresh),
    }
}

/// How the row of a crate begins in a table of crates.
fn row_start(package: &Package) -> String {
    format!("| [{0}]({0}) |", package.name)
}

/// The row with its second cell made from the manifest; further cells are written by hand.
fn described(package: &Package, row: &str) -> String {
    let start = row_start(package);
    let further = row[start.len()..].split_once('|').map_or("\n", |(_, further)| further);
    format!("{start} {} |{further}", package.description)
}

fn marker_name<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.strip_prefix("<!-- ")?.strip_prefix(word)?.strip_prefix(": ")?.strip_suffix(" -->")
}

fn begin(name: &str) -> String {
    format!("<!-- BEGIN: {name} -->")
}

fn is_generated(name: &str) -> bool {
    [CI_STEPS, DEPENDENCIES].contains(&name)
}

/// The text of a block in the README of `owner`, or in a document that belongs to no crate; `None` if it is not made here.
fn generate(name: &str, owner: Option<&Package>) -> Result<Option<String>> {
    Ok(match (name, owner) {
        (CI_STEPS, _) => {
            let mut table = String::from("| step | checks |\n| --- | --- |\n");
            for step in STEPS {
                table.push_str(&format!("| `{}` | {} |\n", step.name, step.about));
            }
            Some(table)
        }
        (DEPENDENCIES, Some(package)) => Some(dependencies::table(package)?),
        (DEPENDENCIES, None) => bail!("`{}` belongs into the README of a published crate", begin(name)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metadata::Target;

    fn workspace() -> Workspace {
        let json =
            Package { name: "covet-x".into(), description: "An x".into(), published: true, ..Package::default() };
        Workspace { members: vec![json, Package::default()], ..Workspace::default() }
    }

    fn document(text: &str) -> SourceFile {
        SourceFile { path: "README.md".into(), text: text.into() }
    }

    #[test]
    fn a_block_is_made_anew_and_the_rest_is_kept() {
        let stale = document("# a\n<!-- BEGIN: ci-steps -->\nold\n<!-- END: ci-steps -->\nb\n");
        let fresh = regenerate(&stale, &workspace()).unwrap();
        assert!(fresh.starts_with("# a\n<!-- BEGIN: ci-steps -->\n| step | checks |\n"), "{fresh}");
        assert!(fresh.ends_with("|\n<!-- END: ci-steps -->\nb\n") && !fresh.contains("old"), "{fresh}");
        assert_eq!(regenerate(&document(&fresh), &workspace()).unwrap(), fresh);
    }

    #[test]
    fn a_row_takes_its_description_from_the_manifest_and_keeps_further_cells() {
        let stale = document("| crate | does | peers |\n| [covet-x](covet-x) | old | y |\n| [other](other) | old |\n");
        let fresh = regenerate(&stale, &workspace()).unwrap();
        assert_eq!(fresh, "| crate | does | peers |\n| [covet-x](covet-x) | An x | y |\n| [other](other) | old |\n");
        assert_eq!(
            regenerate(&document("| [covet-x](covet-x) |\n"), &workspace()).unwrap(),
            "| [covet-x](covet-x) | An x |\n"
        );
    }

    #[test]
    fn blocks_of_others_are_left_alone() {
        let results = "<!-- BEGIN: results -->\n| 1 |\n<!-- END: results -->";
        assert_eq!(regenerate(&document(results), &workspace()).unwrap(), results);
    }

    #[test]
    fn markers_must_pair() {
        for bad in [
            "<!-- BEGIN: ci-steps -->\n",
            "<!-- END: ci-steps -->\n",
            "<!-- BEGIN: a -->\n<!-- END: b -->\n",
            "<!-- BEGIN: a -->\n<!-- BEGIN: b -->\n<!-- END: b -->\n<!-- END: a -->\n",
        ] {
            assert!(regenerate(&document(bad), &workspace()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_readme_names_features_and_keeps_a_place_for_results() {
        let mut package = workspace().members.remove(0);
        package.features = ["default", "tokio", "_private"]
            .map(|name| (name.to_owned(), vec![]))
            .into_iter()
            .collect::<BTreeMap<_, _>>();
        package.targets = vec![Target { name: "peers".into(), kind: "bench".into(), ..Target::default() }];
        assert_eq!(gaps(&package, "").len(), 3);
        let whole = "| `tokio` | tasks |\n<!-- BEGIN: results -->\n<!-- BEGIN: dependencies -->\n";
        assert_eq!(gaps(&package, whole), Vec::<String>::new());
        package.published = false;
        assert_eq!(gaps(&package, ""), Vec::<String>::new());
    }
}
