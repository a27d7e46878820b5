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
    /// What each input includes and excludes, in their order.
    sets: Vec<(GlobSet, GlobSet)>,
}

impl Globs {
    /// Of inputs, each with the patterns that it includes and those that it excludes.
    ///
    /// # Errors
    /// [`AgentError::Config`] with the pattern that cannot be read.
    pub(crate) fn new(inputs: &[(&[String], &[String])]) -> Result<Self, AgentError> {
        let mut roots: Vec<(PathBuf, usize)> = Vec::new();
        let mut sets = Vec::new();
        for (include, exclude) in inputs {
            let include: Vec<String> = include.iter().map(|glob| absolute(glob)).collect();
            for (root, depth) in include.iter().map(|glob| root(glob)) {
                match roots.iter_mut().find(|(known, _)| *known == root) {
                    Some((_, known)) => *known = depth.max(*known),
                    None => roots.push((root, depth)),
                }
            }
            sets.push((compile("tail", &include)?, compile("exclude", exclude)?));
        }
        Ok(Self { roots, sets })
    }

    /// The first input that names this path.
    pub(crate) fn input_of(&self, path: &Path) -> Option<usize> {
        self.sets
            .iter()
            .position(|(include, exclude)| include.is_match(path) && !exclude.is_match(path))
    }

    pub(crate) fn wants(&self, path: &Path) -> bool {
        self.input_of(path).is_some()
    }

    /// Whether no input looks into this directory.
    pub(crate) fn excludes(&self, path: &Path) -> bool {
        self.sets.iter().all(|(_, exclude)| exclude.is_match(path))
    }
}

/// Whether these patterns can be read.
///
/// # Errors
/// [`AgentError::Config`] with the pattern that cannot.
pub fn check_globs(tail: &[String], exclude: &[String]) -> Result<(), AgentError> {
    Globs::new(&[(tail, exclude)]).map(drop)
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

pub(super) fn absolute(glob: &str) -> String {
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
        let (tail, exclude) = (
            ["/l/**/*.log".into(), "/m/*.log".into()],
            ["**/*.gz".into(), "/l/private".into()],
        );
        let globs = Globs::new(&[(&tail, &exclude)]).unwrap();
        assert!(globs.wants(Path::new("/l/a.log")));
        assert!(globs.wants(Path::new("/l/x/y/a.log")));
        assert!(globs.wants(Path::new("/m/a.log")));
        assert!(!globs.wants(Path::new("/m/x/a.log")));
        assert!(!globs.wants(Path::new("/l/a.log.gz")));
        assert!(globs.excludes(Path::new("/l/private")));
    }

    #[test]
    fn a_file_is_of_the_first_input_that_names_it() {
        let (one, two) = (["/l/*.log".into()], ["/l/**".into()]);
        let globs = Globs::new(&[(&one, &["/l/x.log".into()]), (&two, &["/l/y.log".into()])]).unwrap();
        let of = |path| globs.input_of(Path::new(path));
        assert_eq!(of("/l/a.log"), Some(0));
        assert_eq!(of("/l/x.log"), Some(1));
        assert_eq!(of("/l/y.log"), Some(0));
        assert_eq!(of("/l/y.txt"), Some(1));
        assert_eq!(of("/m/a.log"), None);
        assert!(!globs.excludes(Path::new("/l/x.log")));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        let error = Globs::new(&[(&["/l/[".into()], &[])]).unwrap_err().to_string();
        assert!(error.contains("tail") && error.contains("/l/["), "{error}");
    }
}
