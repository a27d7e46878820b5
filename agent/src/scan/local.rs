//! Filesystems on which every change is made through this machine's kernel, so that it is notified of.

use std::path::Path;

/// `f_type` of statfs(2): ext2 to ext4, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, ramfs. What is not among
/// them may change behind the kernel's back (NFS, CIFS, FUSE), or through another layer (overlayfs).
const LOCAL: [u32; 8] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0xca45_1a4e,
    0x0102_1994,
    0x8584_58f6,
];

/// Whether a directory lies on one of them.
pub(super) fn is_local(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|stat| LOCAL.contains(&(stat.f_type as u32)))
}
