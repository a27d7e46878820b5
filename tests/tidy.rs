//! The repository checks itself: what reviews would otherwise have to remember.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file longer than this is split by concept.
const LINES_MAX: usize = 700;

/// Which packages of the workspace a package may depend on; see ARCHITECTURE.md.
const IMPORTS: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("collector/queue", &["proto"]),
    ("agent", &["proto", "queue"]),
    ("collector", &["proto", "queue"]),
    ("store", &["proto", "queue", "collector"]),
    ("ui", &["proto"]),
    (".", &["proto", "queue", "agent", "collector", "store"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `dir` (from the root) that ends in `.rs`, relative to the root. Build output and
/// hidden directories are left out.
fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root().join(dir)];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
            let entry = entry.unwrap();
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && !name.starts_with("target") {
                    left.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// All sources that people write.
fn written_sources() -> impl Iterator<Item = (PathBuf, String)> {
    sources(".")
        .into_iter()
        .map(|path| (path.clone(), read(path)))
        .filter(|(_, text)| !is_generated(text))
}

fn is_generated(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains("@generated"))
}

#[track_caller]
fn none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn every_module_begins_with_what_it_is() {
    // Tests in a file of their own are explained by the module that they test.
    let faults: Vec<_> = written_sources()
        .filter(|(path, text)| !is_tests_module(path) && !text.starts_with("//! "))
        .map(|(path, _)| path.display().to_string())
        .collect();
    none(&faults, "these files do not begin with a `//!` header");
}

fn is_tests_module(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.ends_with("tests/mod.rs")
}

#[test]
fn no_file_grows_beyond_what_one_can_read() {
    let faults: Vec<_> = written_sources()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    none(&faults, &format!("these files are longer than {LINES_MAX} lines"));
}

#[test]
fn nothing_unfinished_is_left() {
    // Put together, so that this file does not find itself.
    let leftovers = ["todo", "dbg", "unimplemented"].map(|name| format!("{name}!("));
    let mut faults = Vec::new();
    for (path, text) in written_sources() {
        for (number, line) in text.lines().enumerate() {
            if leftovers.iter().any(|leftover| line.contains(leftover.as_str())) {
                faults.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    none(&faults, "these lines are leftovers");
}

#[test]
fn packages_import_along_the_way_of_the_data() {
    let mut faults = Vec::new();
    for (package, allowed) in IMPORTS {
        let manifest: toml::Table = read(Path::new(package).join("Cargo.toml")).parse().unwrap();
        let dependencies = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .cloned()
            .unwrap_or_default();
        for name in dependencies.keys().filter_map(|name| name.strip_prefix("timberline-")) {
            if !allowed.contains(&name) {
                faults.push(format!("{package} imports {name}"));
            }
        }
    }
    none(&faults, "the layering forbids these");
}

#[test]
fn the_workspace_has_the_packages_that_the_layering_knows() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<_> = members
        .iter()
        .map(|member| member.as_str().unwrap())
        .chain(["."])
        .collect();
    let known: BTreeSet<_> = IMPORTS.iter().map(|(package, _)| *package).collect();
    assert_eq!(members, known);
}

#[test]
fn the_stores_writer_and_reader_do_not_know_each_other() {
    let mut faults = Vec::new();
    for (half, other) in [("write", "read"), ("read", "write")] {
        for path in sources(&format!("store/src/{half}")) {
            if crate_modules(&read(&path)).contains(other) {
                faults.push(format!("{} uses crate::{other}", path.display()));
            }
        }
    }
    none(&faults, "write and read meet in catalog and live only");
}

/// The modules that stand directly after `crate::` in `text`, comments left out.
fn crate_modules(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n")
        .collect();
    let mut modules = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => modules.extend(group_heads(group)),
            None => modules.extend(head(rest)),
        }
    }
    modules
}

/// The first names of a group of imports, up to its closing brace.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut start) = (1, 0);
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && byte == b',') {
            heads.extend(head(group[start..at].trim_start()));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

fn head(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[test]
fn imports_are_found_in_groups_and_paths() {
    let text = "use crate::{a::{b, c}, write::d, // crate::no\n e};\nfn f() { crate::read::g(); }";
    let expected = ["a", "write", "e", "read"].map(str::to_owned);
    assert_eq!(crate_modules(text), BTreeSet::from(expected));
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let mut faults = Vec::new();
    for document in ["ARCHITECTURE.md", "README.md", "SECURITY.md", "CHANGELOG.md"] {
        let text = read(document);
        let named = code_spans(&text)
            .filter(|span: &&str| is_path(span))
            .flat_map(braces)
            .chain(links(&text));
        faults.extend(
            named
                .filter(|path| !exists(path))
                .map(|path| format!("{document} names {path}")),
        );
    }
    none(&faults, "these paths do not exist");
}

/// What stands between single backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split("```")
        .step_by(2)
        .flat_map(|prose| prose.lines())
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The targets of links within the repository.
fn links(text: &str) -> impl Iterator<Item = String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains(':'))
        .map(str::to_owned)
}

/// Whether a span reads as a path from the root: below a directory that is there.
fn is_path(span: &&str) -> bool {
    let plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "_-./{},".contains(c));
    plain
        && span
            .split_once('/')
            .is_some_and(|(first, _)| !first.is_empty() && root().join(first).is_dir())
}

/// `a/{b,c}/` is `a/b/` and `a/c/`.
fn braces(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path.to_owned()];
    };
    let Some((names, after)) = rest.split_once('}') else {
        return vec![path.to_owned()];
    };
    names.split(',').map(|name| format!("{before}{name}{after}")).collect()
}

/// A module may be named without its ending.
fn exists(path: &str) -> bool {
    root().join(path).exists() || root().join(format!("{path}.rs")).exists()
}

#[test]
fn ci_runs_what_the_readme_says() {
    let ci = read(".ci/run");
    let readme = read("README.md");
    let command = readme
        .lines()
        .find(|line| line.contains("cargo test"))
        .expect("README.md says how to test");
    assert!(ci.contains(command.trim()), ".ci/run does not run `{command}`");
}
