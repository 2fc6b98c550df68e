//! `cargo xtask report`: the newest record of a whole run, rendered into the documents and into one page.
//!
//! Everything is computed from the record's raw samples and nothing else, so that `--check` can compare text with record
//! byte for byte. Without a record the places for results must be empty: nothing has been measured, and nothing is claimed.

#[cfg(test)]
pub(crate) mod fixture;
mod markdown;
mod page;
mod plot;
pub(crate) mod view;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use covet_bench::run::Run;

use crate::bench::RECORDS;
use crate::metadata::Workspace;

pub(crate) const HELP: &str = "\
Usage: cargo xtask report [--check] [--from FILE --page FILE]

Renders the newest record of a whole run (covet-bench/records/*.json, written by `cargo xtask bench`) into

  README.md                        the headline tables, between the markers `results` and `losses`
  README.md of each crate          all its tables, between the markers `results`
  covet-bench/records/report.html  every table with its plot

  --check        writes nothing; fails if a document differs from the record, or holds results without a record
  --from FILE    with --page FILE: renders that record, whole or not, into a page of its own
";

/// The page, below the workspace.
const PAGE: &str = "covet-bench/records/report.html";

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::Long;
    let (mut only_check, mut from, mut to) = (false, None, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("check") => only_check = true,
            Long("from") => from = Some(PathBuf::from(args.value()?)),
            Long("page") => to = Some(PathBuf::from(args.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    match (from, to) {
        (Some(from), Some(to)) => {
            let run = Run::load(&from).map_err(anyhow::Error::msg)?;
            fs::write(&to, page::render(&run)).with_context(|| format!("cannot write {}", to.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        (None, None) => {}
        _ => bail!("--from and --page go together"),
    }
    let workspace = Workspace::load()?;
    if !only_check {
        for document in documents(&workspace)?.into_iter().filter(Document::is_stale) {
            let file = workspace.root.join(&document.path);
            match &document.fresh {
                Some(fresh) => fs::write(&file, fresh).with_context(|| format!("cannot write {}", document.path))?,
                None => fs::remove_file(&file).with_context(|| format!("cannot remove {}", document.path))?,
            }
            eprintln!("wrote {}", document.path);
        }
    }
    for notice in check(&workspace)? {
        eprintln!("{notice}");
    }
    Ok(ExitCode::SUCCESS)
}

/// An error that lists the documents which differ from the record; notices about what cannot be compared.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let stale: Vec<String> = documents(workspace)?.into_iter().filter(Document::is_stale).map(|d| d.path).collect();
    let record = newest(&workspace.root)?;
    if !stale.is_empty() {
        let against = record.map_or_else(|| "there is no record".to_owned(), |(path, _)| path.display().to_string());
        bail!("{}: not what the record says ({against}); run `cargo xtask report`", stale.join(", "));
    }
    let empty = "no record of a whole run yet: the documents hold no results, as they should".to_owned();
    Ok(if record.is_none() { vec![empty] } else { Vec::new() })
}

/// The newest record of a whole run.
pub(crate) fn newest(root: &Path) -> Result<Option<(PathBuf, Run)>> {
    let folder = root.join(RECORDS);
    let mut newest: Option<(PathBuf, Run)> = None;
    for entry in fs::read_dir(&folder).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let run = Run::load(&path).map_err(anyhow::Error::msg)?;
        if !run.complete || run.quick {
            bail!("{}: not a whole run; only whole runs belong here", path.display());
        }
        if newest.as_ref().is_none_or(|(_, known)| known.started_unix < run.started_unix) {
            newest = Some((path, run));
        }
    }
    Ok(newest)
}

/// A file that holds results.
struct Document {
    /// Below the workspace.
    path: String,
    /// What it says; `None` if there is no such file.
    text: Option<String>,
    /// What it should say.
    fresh: Option<String>,
}

impl Document {
    fn is_stale(&self) -> bool {
        self.text != self.fresh
    }
}

fn documents(workspace: &Workspace) -> Result<Vec<Document>> {
    let run = newest(&workspace.root)?.map(|(_, run)| run);
    let views = run.as_ref().map(view::views).unwrap_or_default();
    let read = |path: &str| fs::read_to_string(workspace.root.join(path)).ok();
    let mut documents = Vec::new();
    let mut add = |path: String, blocks: &[(&str, String)]| -> Result<()> {
        let Some(text) = read(&path) else { return Ok(()) };
        let mut fresh = text.clone();
        for (name, body) in blocks {
            fresh = splice(&fresh, name, body).with_context(|| path.clone())?;
        }
        documents.push(Document { path, text: Some(text), fresh: Some(fresh) });
        Ok(())
    };
    let body = |make: &dyn Fn(&Run) -> String| run.as_ref().map(make).unwrap_or_default();
    let results = body(&|run| markdown::headlines(run, &views));
    let losses = body(&|run| markdown::losses(run, &views));
    add("README.md".to_owned(), &[("results", results), ("losses", losses)])?;
    for package in workspace.published() {
        let folder = package.dir.strip_prefix(&workspace.root).unwrap_or(&package.dir);
        let path = format!("{}/README.md", folder.display());
        let results = body(&|run| markdown::of_package(run, &views, &package.name));
        add(path, &[("results", results)])?;
    }
    let fresh = run.as_ref().map(page::render);
    documents.push(Document { path: PAGE.to_owned(), text: read(PAGE), fresh });
    Ok(documents)
}

/// The text with the block `name` holding `body`. A text without such a block stays as it is.
fn splice(text: &str, name: &str, body: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- BEGIN: {name} -->\n"), format!("<!-- END: {name} -->"));
    let Some(start) = text.find(&begin).map(|at| at + begin.len()) else { return Ok(text.to_owned()) };
    let Some(length) = text[start..].find(&end) else { bail!("`{}` is not closed", begin.trim_end()) };
    Ok(format!("{}{body}{}", &text[..start], &text[start + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_replaced_and_the_rest_is_kept() {
        let text = "a\n<!-- BEGIN: results -->\nold\n<!-- END: results -->\nb\n";
        let fresh = splice(text, "results", "new\n").unwrap();
        assert_eq!(fresh, "a\n<!-- BEGIN: results -->\nnew\n<!-- END: results -->\nb\n");
        assert_eq!(splice(&fresh, "results", "new\n").unwrap(), fresh);
        assert_eq!(splice(text, "losses", "x").unwrap(), text);
        assert!(splice("<!-- BEGIN: results -->\n", "results", "").is_err());
    }

    /// A workspace with a README and the given record.
    fn workspace(record: Option<&Run>) -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        fs::create_dir_all(root.join(RECORDS)).unwrap();
        fs::write(root.join("README.md"), "# x\n<!-- BEGIN: results -->\n<!-- END: results -->\n").unwrap();
        if let Some(run) = record {
            fs::write(root.join(RECORDS).join("2026-11-23.json"), run.to_text()).unwrap();
        }
        (folder, Workspace { root, ..Workspace::default() })
    }

    fn write_all(workspace: &Workspace) {
        for document in documents(workspace).unwrap() {
            if let Some(fresh) = document.fresh {
                fs::write(workspace.root.join(document.path), fresh).unwrap();
            }
        }
    }

    #[test]
    fn without_a_record_only_emptiness_passes() {
        let (_folder, workspace) = workspace(None);
        assert!(check(&workspace).unwrap()[0].contains("no record"));
        fs::write(workspace.root.join("README.md"), "<!-- BEGIN: results -->\n9x\n<!-- END: results -->\n").unwrap();
        assert!(check(&workspace).unwrap_err().to_string().contains("README.md"));
    }

    #[test]
    fn text_and_record_must_agree() {
        let (_folder, workspace) = workspace(Some(&fixture::run()));
        assert!(check(&workspace).is_err(), "empty tables beside a record");
        write_all(&workspace);
        assert_eq!(check(&workspace).unwrap(), Vec::<String>::new());
        let readme = workspace.root.join("README.md");
        let text = fs::read_to_string(&readme).unwrap();
        assert!(text.contains("2.00x"), "{text}");
        fs::write(&readme, text.replace("2.00x", "3.00x")).unwrap();
        assert!(check(&workspace).is_err(), "an edited figure");
    }

    #[test]
    fn a_quick_look_is_no_record() {
        let (_folder, workspace) = workspace(Some(&Run { quick: true, complete: false, ..fixture::run() }));
        assert!(check(&workspace).unwrap_err().to_string().contains("not a whole run"));
    }
}
