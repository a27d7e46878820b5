//! What the system lets the process have.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that the process may have open, if the system lets it: splits, segments, followed files and
/// connections, each within bounds of their own, are more than the usual 1,024 together.
const OPEN_FILES: u64 = 65_536;

/// Raises the soft limit of open files, as far as the hard one allows. Where that is refused, the
/// limit stays what it was.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if limit.current.is_some_and(|now| now < wanted) {
        limit.current = Some(wanted);
        setrlimit(Resource::Nofile, limit).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_is_raised_as_far_as_may_be() {
        let before = getrlimit(Resource::Nofile);
        let mut low = before;
        low.current = before.current.map(|now| now.min(256));
        setrlimit(Resource::Nofile, low).unwrap();
        raise_open_files();
        let after = getrlimit(Resource::Nofile);
        assert_eq!(after.maximum, before.maximum);
        let most = before.maximum.unwrap_or(u64::MAX).min(OPEN_FILES);
        assert!(after.current.is_none_or(|now| now == most), "{after:?}");
    }
}
