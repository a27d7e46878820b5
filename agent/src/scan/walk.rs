//! The walk.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::Globs;
use crate::identity::{Inode, Stat};

/// Why the program's own log is not read.
pub(crate) const OWN_LOG: &str = "this program's own log; refused, for each line read would write another";

/// A file that matches.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) stat: Stat,
}

/// One walk's findings.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// In order of path; real files before links to them.
    pub(crate) files: Vec<Found>,
    /// All names of each file.
    pub(crate) names: HashMap<Inode, Vec<PathBuf>>,
    /// Directories entered.
    pub(crate) directories: Vec<(PathBuf, Inode)>,
    /// What could not be read, and why.
    pub(crate) problems: Vec<(PathBuf, String)>,
    /// Something may change that no directory entered is told of: what a link leads to, or what a pattern
    /// names that is not there or no directory.
    pub(crate) is_untold: bool,
}

/// Walks over the globs.
#[derive(Debug)]
pub(crate) struct Walker {
    globs: Globs,
    /// Never entered: reading our own files would feed itself.
    data_dir: Option<Inode>,
    /// Never read: the program's own log, by place.
    own_logs: HashSet<Inode>,
    own_log_paths: Vec<PathBuf>,
}

impl Scan {
    fn has_directory(&self, path: &Path) -> bool {
        self.directories.iter().any(|(entered, _)| entered == path)
    }
}

struct Walk<'a> {
    walker: &'a Walker,
    scan: Scan,
    entered: HashSet<Inode>,
    links: Vec<(PathBuf, usize)>,
}

impl Walker {
    pub(crate) fn new(globs: Globs, data_dir: &Path, own_logs: &[PathBuf]) -> Self {
        let inode = |path: &Path| fs::metadata(path).ok().map(|meta| Stat::from(&meta).inode);
        Self {
            globs,
            data_dir: inode(data_dir),
            own_logs: own_streams(),
            own_log_paths: own_logs.to_vec(),
        }
    }

    /// Whether the globs name this path.
    pub(crate) fn wants(&self, path: &Path) -> bool {
        self.globs.wants(path)
    }

    /// The input that a path is of.
    pub(crate) fn input_of(&self, path: &Path) -> Option<usize> {
        self.globs.input_of(path)
    }

    pub(crate) fn walk(&mut self) -> Scan {
        for path in &self.own_log_paths {
            if let Ok(meta) = fs::metadata(path) {
                self.own_logs.insert(Stat::from(&meta).inode);
            }
        }
        let mut walk = Walk {
            walker: self,
            scan: Scan::default(),
            entered: HashSet::new(),
            links: Vec::new(),
        };
        for (root, depth) in &self.globs.roots {
            walk.root(root, *depth);
        }
        // Links come last, so that a file goes by its real name where both match.
        while let Some((path, depth)) = walk.links.pop() {
            let before = walk.found();
            walk.visit(&path, depth);
            walk.scan.is_untold |= walk.found() > before;
        }
        let mut scan = walk.scan;
        scan.files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        scan
    }
}

impl Walk<'_> {
    fn root(&mut self, root: &Path, depth: usize) {
        let inside_data = self.walker.data_dir.is_some_and(|data| {
            root.ancestors()
                .any(|dir| fs::metadata(dir).is_ok_and(|meta| Stat::from(&meta).inode == data))
        });
        if inside_data {
            let why = "inside the agent's own data directory; refused, for reading it would feed itself";
            self.scan.problems.push((root.to_owned(), why.to_owned()));
        } else {
            let before = self.scan.directories.len();
            self.visit(root, depth);
            // One that was entered by another root is there, too.
            let is_entered = self.scan.directories.len() > before || self.scan.has_directory(root);
            self.scan.is_untold |= !is_entered;
        }
    }

    /// Directories and files so far.
    fn found(&self) -> usize {
        self.scan.directories.len() + self.scan.files.len()
    }

    /// A path whose last part may be a link, which is followed.
    fn visit(&mut self, path: &Path, depth: usize) {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() && depth > 0 => self.directory(path, Stat::from(&meta).inode, depth),
            Ok(meta) if meta.is_file() => self.file(path, Stat::from(&meta)),
            Ok(_) => {}
            // A link to nothing, or a file that appears later, is no trouble.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.scan.problems.push((path.to_owned(), error.to_string())),
        }
    }

    fn file(&mut self, path: &Path, stat: Stat) {
        if self.walker.globs.wants(path) {
            self.wanted(path.to_owned(), stat);
        }
    }

    fn wanted(&mut self, path: PathBuf, stat: Stat) {
        if self.walker.own_logs.contains(&stat.inode) {
            let why = OWN_LOG;
            self.scan.problems.push((path, why.to_owned()));
            return;
        }
        let names = self.scan.names.entry(stat.inode).or_default();
        names.push(path.clone());
        if names.len() == 1 {
            self.scan.files.push(Found { path, stat });
        }
    }

    fn directory(&mut self, path: &Path, inode: Inode, depth: usize) {
        if self.walker.globs.excludes(path) || self.walker.data_dir == Some(inode) || !self.entered.insert(inode) {
            return;
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                self.scan.problems.push((path.to_owned(), error.to_string()));
                return;
            }
        };
        self.scan.directories.push((path.to_owned(), inode));
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_cached_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => self.links.push((path, depth - 1)),
                Ok(kind) if kind.is_dir() && depth > 1 => self.visit(&path, depth - 1),
                Ok(kind) if kind.is_file() && self.walker.globs.wants(&path) => match entry.metadata() {
                    Ok(meta) if meta.is_file() => self.wanted(path, Stat::from(&meta)),
                    // Gone or another by now.
                    _ => self.visit(&path, depth - 1),
                },
                _ => {}
            }
        }
    }
}

/// Files that the process's standard output and error are.
fn own_streams() -> HashSet<Inode> {
    let (out, err) = (io::stdout(), io::stderr());
    [out.as_fd(), err.as_fd()]
        .into_iter()
        .filter_map(|fd| fd.try_clone_to_owned().ok())
        .filter_map(|fd| fs::File::from(fd).metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|meta| Stat::from(&meta).inode)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn walker(dir: &Path, glob: &str, own: &[PathBuf]) -> Walker {
        let tail = [format!("{}/{glob}", dir.display())];
        let globs = Globs::new(&[(&tail, &["**/*.gz".into()])]).unwrap();
        Walker::new(globs, &dir.join("data"), own)
    }

    fn names(scan: &Scan, dir: &Path) -> Vec<String> {
        scan.files
            .iter()
            .map(|file| file.path.strip_prefix(dir).unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn a19_a43_links_and_loops_lead_to_each_file_once() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        fs::create_dir_all(dir.join("sub/deep")).unwrap();
        fs::write(dir.join("sub/deep/b.log"), "b").unwrap();
        fs::write(dir.join("sub/c.log.gz"), "c").unwrap();
        symlink(dir.join("sub/deep/b.log"), dir.join("a.log")).unwrap();
        fs::hard_link(dir.join("sub/deep/b.log"), dir.join("sub/hard.log")).unwrap();
        symlink(dir, dir.join("sub/loop")).unwrap();
        symlink(dir.join("nothing"), dir.join("dangling.log")).unwrap();
        let scan = walker(dir, "**/*.log", &[]).walk();
        assert_eq!(names(&scan, dir), ["sub/deep/b.log"]);
        assert_eq!(scan.names.values().next().unwrap().len(), 3);
        assert!(scan.problems.is_empty(), "{:?}", scan.problems);
    }

    #[test]
    fn a42_the_data_directory_and_the_own_log_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        fs::create_dir_all(dir.join("data")).unwrap();
        for name in ["data/x.log", "own.log", "a.log"] {
            fs::write(dir.join(name), "x").unwrap();
        }
        let scan = walker(dir, "**/*.log", &[dir.join("own.log")]).walk();
        assert_eq!(names(&scan, dir), ["a.log"]);
        assert_eq!(scan.problems.len(), 1);
        let scan = walker(dir, "data/*.log", &[]).walk();
        assert!(scan.files.is_empty());
        assert_eq!(scan.problems.len(), 1);
    }
}
