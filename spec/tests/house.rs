//! The rules of the house: who may depend on whom, how much may come along, and what a plain `cargo test` covers.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn dependencies_point_one_way() {
    for package in packages() {
        for dependency in package.dependencies {
            let allowed = ours(&dependency.name).is_none_or(|to| {
                MAY_DEPEND.iter().any(|edge| edge.allows(&package.name, to, dependency.kind))
            });
            assert!(allowed, "{} depends on {} ({:?})", package.name, dependency.name, dependency.kind);
        }
    }
}

#[test]
fn the_pure_crates_bring_no_io() {
    for package in ["molt-db-protocol", "molt-db-decode", "molt-db-derive"] {
        assert_without(package, |name| IO.contains(&name));
    }
}

#[test]
fn the_protocol_brings_no_randomness_and_no_arrow() {
    assert_without("molt-db-protocol", |name| RANDOMNESS.contains(&name) || name.starts_with("arrow"));
}

#[test]
fn the_pool_needs_tokio_and_nothing_else() {
    let packages = packages();
    let pool = packages.iter().find(|package| package.name == "molt-db-pool").unwrap();
    let normal = pool.dependencies.iter().filter(|dependency| dependency.kind == Kind::Normal);
    assert_eq!(normal.map(|dependency| dependency.name.as_str()).collect::<Vec<_>>(), ["tokio"]);
}

#[test]
fn the_pool_does_not_know_what_it_pools() {
    let files = sources(&root().join("pool/src"));
    assert!(!files.is_empty());
    for file in files {
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        assert!(!text.contains("postgres"), "{} says it", file.display());
    }
}

#[test]
fn there_is_one_arrow_and_only_the_crates_that_are_needed() {
    let arrow: BTreeMap<_, _> =
        tree("molt-db").into_iter().filter(|(name, _)| name.starts_with("arrow")).collect();
    assert_eq!(arrow.keys().map(String::as_str).collect::<Vec<_>>(), ARROW);
    for (name, versions) in arrow {
        assert_eq!(versions.len(), 1, "{name} is there as {versions:?}");
        assert!(versions.iter().all(|version| in_arrow_range(version)), "{name} {versions:?}");
    }
}

#[test]
fn the_range_of_arrow_is_59_3_to_61() {
    assert!(in_arrow_range("59.3.0") && in_arrow_range("59.10.1") && in_arrow_range("60.9.9"));
    assert!(!in_arrow_range("59.2.9") && !in_arrow_range("61.0.0") && !in_arrow_range("6.0.0"));
}

#[test]
fn a_driver_is_at_most_72_crates() {
    let theirs = tree("molt-db").into_iter().filter(|(name, _)| ours(name).is_none());
    let crates: Vec<_> = theirs
        .flat_map(|(name, versions)| versions.into_iter().map(move |v| format!("{name} {v}")))
        .collect();
    assert!((10..=72).contains(&crates.len()), "{} crates:\n{}", crates.len(), crates.join("\n"));
}

#[test]
fn a_plain_cargo_test_covers_every_crate_but_those_that_need_other_programs() {
    let metadata = metadata();
    let ids = |key: &str| -> BTreeSet<String> {
        metadata[key].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let (members, defaults) = (ids("workspace_members"), ids("workspace_default_members"));
    let name = |id: &String| {
        let package = metadata["packages"].as_array().unwrap().iter().find(|package| package["id"] == **id);
        package.unwrap()["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(members.difference(&defaults).map(name).collect::<Vec<_>>(), NEEDS_OTHER_PROGRAMS);
}

/// That packages of this name may depend on one of ours.
struct Edge {
    from: &'static str,
    to: &'static [&'static str],
    kinds: &'static [Kind],
}

impl Edge {
    fn allows(&self, from: &str, to: &str, kind: Kind) -> bool {
        self.from == from && self.to.contains(&to) && self.kinds.contains(&kind)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Dev,
    Build,
}

const MAY_DEPEND: &[Edge] = &[
    Edge { from: "molt-db", to: &["protocol", "decode", "pool"], kinds: &[Kind::Normal] },
    Edge { from: "molt-db", to: &["testkit"], kinds: &[Kind::Dev] },
    Edge { from: "molt-db-decode", to: &["derive"], kinds: &[Kind::Normal] },
    Edge { from: "molt-db-derive", to: &["decode"], kinds: &[Kind::Dev] },
    Edge { from: "molt-db-interop", to: EVERYTHING, kinds: EVERY_KIND },
    Edge { from: "molt-db-interop", to: &["spec"], kinds: &[Kind::Dev] },
    Edge { from: "molt-db-bench", to: EVERYTHING, kinds: EVERY_KIND },
    Edge { from: "molt-db-instructions", to: &["protocol", "decode"], kinds: &[Kind::Normal] },
    Edge { from: "molt-db-spec", to: EVERYTHING, kinds: EVERY_KIND },
];

const EVERYTHING: &[&str] = &["", "protocol", "decode", "derive", "pool", "testkit"];

const EVERY_KIND: &[Kind] = &[Kind::Normal, Kind::Dev, Kind::Build];

const IO: &[&str] = &["async-io", "async-std", "mio", "polling", "rustls", "smol", "socket2", "tokio"];

const RANDOMNESS: &[&str] = &["fastrand", "getrandom", "rand", "rand_core", "ring"];

/// What the driver takes of arrow: arrays and what they are made of, no kernels.
const ARROW: &[&str] = &["arrow-array", "arrow-buffer", "arrow-data", "arrow-schema"];

const NEEDS_OTHER_PROGRAMS: &[&str] = &["molt-db-instructions", "molt-db-interop"];

struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    kind: Kind,
}

fn assert_without(package: &str, forbidden: impl Fn(&str) -> bool) {
    let found: Vec<_> = tree(package).into_keys().filter(|name| forbidden(name)).collect();
    assert!(found.is_empty(), "{package} brings {found:?}");
}

/// Returns what is behind `molt-db` in the name of a package of this workspace, `None` for any other.
fn ours(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("molt-db")?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('-') }
}

fn in_arrow_range(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    ((59, 3)..(61, 0)).contains(&version)
}

fn packages() -> Vec<Package> {
    metadata()["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(package: &Value) -> Package {
    let dependencies = package["dependencies"].as_array().unwrap().iter().map(dependency).collect();
    Package { name: package["name"].as_str().unwrap().to_owned(), dependencies }
}

fn dependency(dependency: &Value) -> Dependency {
    let kind = match dependency["kind"].as_str() {
        None => Kind::Normal,
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        Some(other) => panic!("a dependency of kind {other}"),
    };
    Dependency { name: dependency["name"].as_str().unwrap().to_owned(), kind }
}

fn metadata() -> Value {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    serde_json::from_str(&text).unwrap()
}

/// Returns the normal dependencies of a package on this machine, itself among them: names and versions.
fn tree(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text =
        cargo(&["tree", "-e", "normal", "-p", package, "--prefix", "none", "--format", "{p}", "--locked"]);
    let mut tree = BTreeMap::<_, BTreeSet<_>>::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (name, version) = line.split_once(" v").unwrap();
        let version = version.split(' ').next().unwrap();
        tree.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
    assert!(tree.contains_key(package), "{text}");
    tree
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").expect("cargo tells its tests where it is");
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
