//! Into files, rotated by rename or by copy and truncate.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Sink;
use super::plan::Plan;
use crate::cli::{LoadgenArgs, Rotate};

/// One file per stream.
pub(super) struct Files {
    files: Vec<Log>,
    rotate: Option<Rotate>,
    bytes_max: u64,
    keep: u16,
    rotations: u64,
}

struct Log {
    path: PathBuf,
    out: BufWriter<File>,
    bytes: u64,
}

impl Files {
    pub(super) fn create(dir: &Path, plan: &Plan, args: &LoadgenArgs) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        let files = plan.streams.iter().map(|stream| {
            let path = dir.join(format!("{}.log", stream.name));
            let (out, bytes) = open(&path).with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(Log { path, out, bytes })
        });
        Ok(Self {
            files: files.collect::<anyhow::Result<_>>()?,
            rotate: args.rotate,
            bytes_max: args.rotate_bytes.as_u64().max(1),
            keep: args.rotate_keep.max(1),
            rotations: 0,
        })
    }
}

impl Sink for Files {
    fn push(&mut self, stream: usize, text: &str, _unix_ms: u64) -> anyhow::Result<()> {
        let log = &mut self.files[stream];
        if let Some(rotate) = self.rotate
            && log.bytes >= self.bytes_max
        {
            log.rotate(rotate, self.keep)
                .with_context(|| format!("{} cannot be rotated", log.path.display()))?;
            self.rotations += 1;
        }
        log.out.write_all(text.as_bytes())?;
        log.out.write_all(b"\n")?;
        log.bytes += text.len() as u64 + 1;
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        for log in &mut self.files {
            log.out
                .flush()
                .with_context(|| format!("{} cannot be written", log.path.display()))?;
        }
        Ok(())
    }

    fn did(&self) -> String {
        match self.rotations {
            0 => format!("; {} files", self.files.len()),
            n => format!("; {} files, rotated {n} times", self.files.len()),
        }
    }
}

impl Log {
    /// `NAME.1` is the youngest.
    fn rotate(&mut self, how: Rotate, keep: u16) -> io::Result<()> {
        self.out.flush()?;
        for n in (1..keep).rev() {
            match fs::rename(numbered(&self.path, n), numbered(&self.path, n + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let first = numbered(&self.path, 1);
        match how {
            Rotate::Rename => {
                fs::rename(&self.path, first)?;
                self.out = open(&self.path)?.0;
            }
            Rotate::CopyTruncate => {
                fs::copy(&self.path, first)?;
                self.out.get_ref().set_len(0)?;
            }
        }
        self.bytes = 0;
        Ok(())
    }
}

fn numbered(path: &Path, n: u16) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

fn open(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((BufWriter::with_capacity(256 << 10, file), bytes))
}
