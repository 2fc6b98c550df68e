//! The workspace as `cargo metadata` describes it, reduced to what our checks read.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// The members and everything they resolve to, with all features on.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target_dir: PathBuf,
    /// In the order of the root manifest.
    pub(crate) members: Vec<Package>,
    /// Every package of the build, members too.
    pub(crate) resolved: Vec<Resolved>,
}

/// One member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    /// What else the registry and docs.rs show.
    pub(crate) shown: Shown,
    pub(crate) dir: PathBuf,
    pub(crate) published: bool,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// `[package.metadata.covet]`.
    pub(crate) covet: Value,
}

/// What the registry and docs.rs show of a crate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) license: String,
    pub(crate) repository: String,
    pub(crate) readme: String,
    pub(crate) rust_version: String,
    /// How many.
    pub(crate) keywords: usize,
    pub(crate) categories: usize,
    /// Whether `[package.metadata.docs.rs]` is there.
    pub(crate) docs_rs: bool,
}

/// One line of a member's `[dependencies]`, whatever its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The version requirement; `*` if none was written.
    pub(crate) req: String,
    pub(crate) in_tree: bool,
    pub(crate) features: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Normal,
    Dev,
    Build,
}

/// One library, program, test, benchmark or example of a member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, `bench`, `example`, `custom-build`...
    pub(crate) kind: String,
    pub(crate) src_path: PathBuf,
    pub(crate) required_features: Vec<String>,
}

/// One package of the build, at one version, with the features that are on when all members' features are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) features: Vec<String>,
    /// Whether a member depends on it directly.
    pub(crate) direct: bool,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self> {
        let text = process::output(process::cargo().args(["metadata", "--format-version", "1", "--all-features"]))?;
        Self::parse(&text).context("`cargo metadata` printed something unexpected")
    }

    /// Reads the output of `cargo metadata --format-version 1 --all-features`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let member_ids: Vec<&str> = list(&value["workspace_members"]).filter_map(Value::as_str).collect();
        let packages: HashMap<&str, &Value> =
            list(&value["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
        let nodes: Vec<&Value> = list(&value["resolve"]["nodes"]).collect();

        let mut direct = Vec::new();
        for node in nodes.iter().filter(|node| node["id"].as_str().is_some_and(|id| member_ids.contains(&id))) {
            direct.extend(list(&node["deps"]).filter_map(|dep| dep["pkg"].as_str()));
        }
        let resolved = nodes.iter().filter_map(|node| {
            let id = node["id"].as_str()?;
            let package = packages.get(id)?;
            Some(Resolved {
                name: text_of(&package["name"]),
                version: text_of(&package["version"]),
                features: list(&node["features"]).map(text_of).collect(),
                direct: direct.contains(&id),
            })
        });
        let members = member_ids.iter().map(|id| {
            let package = packages.get(id).with_context(|| format!("member {id} is not among the packages"))?;
            Ok(Package::parse(package))
        });
        Ok(Self {
            root: text_of(&value["workspace_root"]).into(),
            target_dir: text_of(&value["target_directory"]).into(),
            members: members.collect::<Result<_>>()?,
            resolved: resolved.collect(),
        })
    }

    /// The members that go to the registry.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().filter(|package| package.published)
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Package> {
        self.members.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn parse(value: &Value) -> Self {
        let manifest = PathBuf::from(text_of(&value["manifest_path"]));
        let features = value["features"].as_object().into_iter().flatten();
        Self {
            name: text_of(&value["name"]),
            version: text_of(&value["version"]),
            description: text_of(&value["description"]),
            shown: Shown::parse(value),
            dir: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
            // `publish = false` is an empty list of registries.
            published: value["publish"].is_null(),
            features: features.map(|(name, list_)| (name.clone(), list(list_).map(text_of).collect())).collect(),
            dependencies: list(&value["dependencies"]).map(Dependency::parse).collect(),
            targets: list(&value["targets"]).map(Target::parse).collect(),
            covet: value["metadata"]["covet"].clone(),
        }
    }

    /// The features a user can choose: not `default`, and not those marked private by an underscore.
    pub(crate) fn public_features(&self) -> Vec<&str> {
        self.features.keys().map(String::as_str).filter(|name| *name != "default" && !name.starts_with('_')).collect()
    }

    /// Whether `default` switches something on.
    pub(crate) fn has_defaults(&self) -> bool {
        self.features.get("default").is_some_and(|list| !list.is_empty())
    }

    pub(crate) fn targets_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Target> {
        self.targets.iter().filter(move |target| target.kind == kind)
    }
}

impl Shown {
    fn parse(value: &Value) -> Self {
        Self {
            license: text_of(&value["license"]),
            repository: text_of(&value["repository"]),
            readme: text_of(&value["readme"]),
            rust_version: text_of(&value["rust_version"]),
            keywords: list(&value["keywords"]).count(),
            categories: list(&value["categories"]).count(),
            docs_rs: value["metadata"]["docs"]["rs"].is_object(),
        }
    }
}

impl Dependency {
    fn parse(value: &Value) -> Self {
        Self {
            name: text_of(&value["name"]),
            kind: match value["kind"].as_str() {
                Some("dev") => Kind::Dev,
                Some("build") => Kind::Build,
                _ => Kind::Normal,
            },
            req: text_of(&value["req"]),
            in_tree: value["path"].is_string(),
            features: list(&value["features"]).map(text_of).collect(),
        }
    }
}

impl Target {
    fn parse(value: &Value) -> Self {
        Self {
            name: text_of(&value["name"]),
            kind: text_of(&value["kind"][0]),
            src_path: text_of(&value["src_path"]).into(),
            required_features: list(&value["required-features"]).map(text_of).collect(),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_prints_is_understood() {
        let workspace = Workspace::parse(
            r#"{
                "workspace_root": "/w", "target_directory": "/w/target", "workspace_members": ["m", "t"],
                "packages": [
                    {"id": "m", "name": "covet-x", "version": "0.1.0", "description": "An x", "publish": null,
                     "manifest_path": "/w/x/Cargo.toml", "keywords": ["a", "b"],
                     "metadata": {"covet": {"loom": true}, "docs": {"rs": {"all-features": true}}},
                     "features": {"default": [], "a": ["dep:s"], "_b": []},
                     "dependencies": [
                        {"name": "s", "kind": null, "req": "^1", "features": ["f"]},
                        {"name": "covet-bench", "kind": "dev", "req": "*", "features": [], "path": "/w/b"}],
                     "targets": [{"name": "peers", "kind": ["bench"], "src_path": "/w/x/benches/peers.rs"}]},
                    {"id": "t", "name": "xtask", "version": "0.1.0", "publish": [], "manifest_path": "/w/t/Cargo.toml"},
                    {"id": "s", "name": "s", "version": "1.0.0-rc.1"}, {"id": "u", "name": "u", "version": "1.0.0"}],
                "resolve": {"nodes": [
                    {"id": "m", "features": [], "deps": [{"pkg": "s"}]},
                    {"id": "s", "features": ["f"], "deps": [{"pkg": "u"}]}, {"id": "u", "features": [], "deps": []}]}
            }"#,
        )
        .unwrap();
        let x = workspace.member("covet-x").unwrap();
        assert_eq!((x.published, x.dir.as_path(), x.covet["loom"].as_bool()), (true, Path::new("/w/x"), Some(true)));
        assert_eq!((x.public_features(), x.has_defaults()), (vec!["a"], false));
        assert_eq!(x.dependencies[0].features, ["f"]);
        assert_eq!((x.version.as_str(), x.shown.keywords, x.shown.docs_rs), ("0.1.0", 2, true));
        assert!(x.dependencies[1].in_tree && x.dependencies[1].kind == Kind::Dev);
        assert_eq!(x.targets_of("bench").map(|target| target.name.as_str()).collect::<Vec<_>>(), ["peers"]);
        assert_eq!(workspace.published().count(), 1);
        let direct = workspace.resolved.iter().filter(|package| package.direct).map(|package| package.version.as_str());
        assert_eq!(direct.collect::<Vec<_>>(), ["1.0.0-rc.1"]);
    }
}
