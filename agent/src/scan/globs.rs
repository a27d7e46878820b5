//! Patterns and where walking for them begins.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::AgentError;

/// Directories below a `**` are followed so deep.
const DEPTH_MAX: usize = 48;

/// Compiled patterns.
#[derive(Debug)]
pub(crate) struct Globs {
    /// Where to begin, and how many directories deep to go.
    pub(crate) roots: Vec<(PathBuf, usize)>,
    include: GlobSet,
    exclude: GlobSet,
}

impl Globs {
    /// # Errors
    /// [`AgentError::Config`] with the pattern that cannot be read.
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self, AgentError> {
        let include: Vec<String> = include.iter().map(|glob| absolute(glob)).collect();
        let mut roots: Vec<(PathBuf, usize)> = Vec::new();
        for (root, depth) in include.iter().map(|glob| root(glob)) {
            match roots.iter_mut().find(|(known, _)| *known == root) {
                Some((_, known)) => *known = depth.max(*known),
                None => roots.push((root, depth)),
            }
        }
        Ok(Self {
            roots,
            include: compile("tail", &include)?,
            exclude: compile("exclude", exclude)?,
        })
    }

    pub(crate) fn wants(&self, path: &Path) -> bool {
        self.include.is_match(path) && !self.exclude.is_match(path)
    }

    pub(crate) fn excludes(&self, path: &Path) -> bool {
        self.exclude.is_match(path)
    }
}

/// Whether these patterns can be read.
///
/// # Errors
/// [`AgentError::Config`] with the pattern that cannot.
pub fn check_globs(tail: &[String], exclude: &[String]) -> Result<(), AgentError> {
    Globs::new(tail, exclude).map(drop)
}

fn compile(key: &'static str, globs: &[String]) -> Result<GlobSet, AgentError> {
    let fail = |glob: &str, error: &globset::Error| AgentError::Config {
        key,
        reason: format!("{glob:?}: {}", error.kind()),
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let compiled = GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .map_err(|error| fail(glob, &error))?;
        set.add(compiled);
    }
    set.build().map_err(|error| fail("all patterns", &error))
}

fn absolute(glob: &str) -> String {
    if glob.starts_with('/') {
        return glob.to_owned();
    }
    let glob = glob.strip_prefix("./").unwrap_or(glob);
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    format!(
        "{}/{glob}",
        globset::escape(&here.to_string_lossy()).trim_end_matches('/')
    )
}

/// The directory (or file) before the first special character, and the depth below it.
fn root(glob: &str) -> (PathBuf, usize) {
    let parts: Vec<&str> = glob.split('/').filter(|part| !part.is_empty()).collect();
    let special = |part: &str| part.contains(['*', '?', '[', '{', '\\']);
    let fixed = parts.iter().take_while(|part| !special(part)).count();
    let mut root = PathBuf::from("/");
    root.extend(&parts[..fixed]);
    // Braces may hold a separator, so they do not bound the depth.
    let deep = parts[fixed..]
        .iter()
        .any(|part| part.contains("**") || part.contains('{'));
    (root, if deep { DEPTH_MAX } else { parts.len() - fixed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_begins_before_the_first_special_character() {
        assert_eq!(root("/var/log/**/*.log"), (PathBuf::from("/var/log"), DEPTH_MAX));
        assert_eq!(root("/var/log/*/*.log"), (PathBuf::from("/var/log"), 2));
        assert_eq!(root("/var/log/syslog"), (PathBuf::from("/var/log/syslog"), 0));
    }

    #[test]
    fn two_stars_cross_directories_and_one_does_not() {
        let globs = Globs::new(
            &["/l/**/*.log".into(), "/m/*.log".into()],
            &["**/*.gz".into(), "/l/private".into()],
        )
        .unwrap();
        assert!(globs.wants(Path::new("/l/a.log")));
        assert!(globs.wants(Path::new("/l/x/y/a.log")));
        assert!(globs.wants(Path::new("/m/a.log")));
        assert!(!globs.wants(Path::new("/m/x/a.log")));
        assert!(!globs.wants(Path::new("/l/a.log.gz")));
        assert!(globs.excludes(Path::new("/l/private")));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        let error = Globs::new(&["/l/[".into()], &[]).unwrap_err().to_string();
        assert!(error.contains("tail") && error.contains("/l/["), "{error}");
    }
}
