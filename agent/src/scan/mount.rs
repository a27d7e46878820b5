//! A file that is a mount of its own (`docker -v FILE:FILE`): when it is rotated on the other side,
//! the name here goes on leading to the old file, so the new one can never be seen.

use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

/// Says so of a file that is about to be followed.
pub(crate) fn warn_if_mounted(path: &Path) {
    if is_mount(path) {
        tracing::warn!(path = %path.display(), "this file is mounted by itself, so a rotation of it cannot be seen from here; mount its directory instead");
    }
}

/// False where the system does not say.
fn is_mount(path: &Path) -> bool {
    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a20_a_mount_is_told_from_what_lies_in_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.log");
        std::fs::write(&file, "x").unwrap();
        assert!(!is_mount(&file));
        assert!(!is_mount(dir.path()));
        assert!(!is_mount(Path::new("/nowhere")));
        assert!(is_mount(Path::new("/proc")));
    }
}
