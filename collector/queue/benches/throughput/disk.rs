//! The disk by itself: writes at a file's end, each synced before the next.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};

/// Bytes a second of writes of this size for so long. `lane` names the file.
pub(crate) fn append(dir: &Path, write_bytes: usize, time: Duration) -> f64 {
    let path = dir.join("plain");
    let file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(true)
        .open(&path)
        .expect("a directory of ours");
    let bytes = vec![0xa5; write_bytes];
    let (begin, mut at) = (Instant::now(), 0);
    while begin.elapsed() < time {
        file.write_all_at(&bytes, at).expect("a disk with space");
        file.sync_data().expect("a sound disk");
        at += write_bytes as u64;
    }
    let rate = at as f64 / begin.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(path).expect("it was made above");
    rate
}

/// Bytes a second of reading a directory's files with `suffix`, a piece at a time.
pub(crate) fn read(dir: &Path, suffix: &str, piece_bytes: usize) -> io::Result<f64> {
    let mut buffer = vec![0; piece_bytes];
    let (begin, mut sum) = (Instant::now(), 0);
    for path in files(dir, suffix)? {
        let (file, mut at) = (File::open(path)?, 0);
        loop {
            match file.read_at(&mut buffer, at)? {
                0 => break,
                read => at += read as u64,
            }
        }
        sum += at;
    }
    Ok(sum as f64 / begin.elapsed().as_secs_f64())
}

/// Lets the system forget what it has of a directory's files in memory.
pub(crate) fn forget(dir: &Path) -> io::Result<()> {
    for path in files(dir, "")? {
        let file = File::open(path)?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

/// All files below, by name.
fn files(dir: &Path, suffix: &str) -> io::Result<Vec<std::path::PathBuf>> {
    let (mut found, mut left) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                left.push(path);
            } else if path.to_string_lossy().ends_with(suffix) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
