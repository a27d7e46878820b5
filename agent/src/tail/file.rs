//! One file being followed: one generation.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::batch::ChainState;
use timberline_proto::id::GenerationId;
use timberline_proto::line::TimeReader;

use super::packed::Packed;
use super::pod::POD_UID;
use super::read::holds;
use crate::identity::{Inode, Print, Stat};
use crate::input::Input;
use crate::lines::{Encoding, Flush, Format, Place};
use crate::process::Selection;
use crate::registry::{ChainSaved, Entry};

/// What stands at a generation's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A glob finds it.
    Named,
    /// Renamed out of the globs, or deleted; followed through the open file until it is silent.
    Away { since: Instant },
    /// Its bytes are gone. Only batches cut before remain and, if it was truncated, the hope that
    /// a copy appears.
    Replaced { since: Instant, truncated: bool },
}

/// Whether the collector was asked to where it holds the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Known,
    ToAsk,
    Asked,
}

/// A batch without a verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) start: u64,
    pub(crate) end: Place,
    /// Of the bytes before `end`.
    pub(crate) marker: Print,
    /// Where the chain of lines stands behind it.
    pub(crate) chain: ChainState,
    pub(crate) acked: bool,
}

/// What is set for a file, by the name under which its generation was first seen.
pub(crate) struct Origin {
    pub(crate) stream: Arc<BTreeMap<String, String>>,
    pub(crate) input: Arc<Input>,
}

/// One generation. Invariant: `acked <= cuts… <= cut <= size`, each cut beginning where the one
/// before ends.
pub(crate) struct Tail {
    pub(crate) generation: GenerationId,
    pub(crate) path: PathBuf,
    pub(crate) first_path: PathBuf,
    /// Where the file itself lies, if `path` leads to it through a link; else empty.
    pub(crate) real_path: PathBuf,
    pub(crate) stream: Arc<BTreeMap<String, String>>,
    pub(crate) input: Arc<Input>,
    /// How its bytes are read, once its first ones have told.
    pub(crate) read_as: Option<(Encoding, Format)>,
    /// The topic with which it began; empty until it is durable, and for those of older registries.
    pub(crate) topic: Arc<str>,
    /// Since when what the API says of its pod is waited for, if its path names one.
    pub(crate) pod_unknown_since: Option<Instant>,
    /// The rules that its records may meet, once it is first read.
    pub(crate) rules: Option<Option<Selection>>,
    pub(crate) inode: Inode,
    pub(crate) btime: i64,
    pub(crate) links: u64,
    pub(crate) prefix: Print,
    pub(crate) file: Option<File>,
    /// When it was last read, in reads of the whole agent: the least is closed first.
    pub(crate) used: u64,
    /// The first byte that was asked for.
    pub(crate) start: u64,
    /// The next batch begins there.
    pub(crate) cut: Place,
    pub(crate) cut_marker: Print,
    /// Of the lines before `cut`.
    pub(crate) chain: ChainState,
    /// The last batch said that nothing comes behind it.
    pub(crate) closed: bool,
    /// Durable at the collector.
    pub(crate) acked: Place,
    pub(crate) acked_marker: Print,
    /// Of the lines before `acked`.
    pub(crate) acked_chain: ChainState,
    pub(crate) cuts: VecDeque<Cut>,
    /// Counts rewinds; verdicts of an earlier epoch no longer matter.
    pub(crate) epoch: u64,
    /// Its file is packed, and what is open is its unpacked bytes.
    pub(crate) packed: Option<Packed>,
    pub(crate) size: u64,
    /// In the registry on disk.
    pub(crate) saved_size: u64,
    pub(crate) mtime: i64,
    pub(crate) grew_at: Instant,
    /// Nothing can be cut before the file grows beyond this.
    pub(crate) looked: u64,
    pub(crate) standing: Standing,
    pub(crate) end: End,
    /// The collector holds it to here, though its bytes are not at hand to go on from.
    pub(crate) held_to: u64,
    /// The collector has taken a batch of it, so it need not be told again what the file is.
    pub(crate) confirmed: bool,
    /// In the registry on disk; no batch is cut before.
    pub(crate) durable: bool,
    /// Since when bytes wait to be cut.
    pub(crate) ready_since: Option<Instant>,
    pub(crate) queued: bool,
    /// What the next cut takes though it may go on.
    pub(crate) flush: Flush,
    /// Whole lines behind `cut` wait for others that may belong to them.
    pub(crate) waiting: bool,
    /// It may be a copy of another file that is about to be truncated; not read meanwhile.
    pub(crate) maybe_copy_since: Option<Instant>,
    /// It was seen to equal another file.
    pub(crate) equalled: bool,
    pub(crate) read_to_end_at: i64,
    pub(crate) lost_bytes: u64,
    /// Its file is deleted and was let go because too many bytes of such files were held.
    pub(crate) let_go: bool,
    /// Its end is sent as lost: nothing of it is looked for any more.
    pub(crate) given_up: bool,
    /// Nothing was seen of its file for `clean_after`: it does not come back.
    pub(crate) expired: bool,
    pub(crate) error: Option<String>,
    pub(crate) retry_at: Option<Instant>,
    pub(crate) retry_delay: Duration,
    pub(crate) time: TimeReader,
    /// The time of a long line's first part holds for the others.
    pub(crate) long_line_time: Option<(i64, bool)>,
}

impl Tail {
    /// A generation that begins at `cut`.
    pub(crate) fn new(path: PathBuf, stat: &Stat, prefix: Print, origin: Origin, now: Instant) -> Self {
        let entry = Entry {
            generation: GenerationId(rand::random()),
            first_path: path.clone(),
            real_path: real_path(&path),
            path,
            inode: stat.inode,
            btime: stat.btime,
            prefix,
            topic: String::new(),
            start: 0,
            acked: 0,
            part: 0,
            marker: Print::of(b""),
            size: 0,
            seen: 0,
            truncated: false,
            let_go: false,
            packed_bytes: 0,
            chain: ChainSaved::default(),
        };
        let mut tail = Self::restored(&entry, origin, now);
        tail.end = End::Known;
        tail.durable = false;
        tail
    }

    /// A generation of the registry.
    pub(crate) fn restored(entry: &Entry, origin: Origin, now: Instant) -> Self {
        let acked = Place {
            offset: entry.acked,
            part: entry.part,
        };
        Self {
            generation: entry.generation,
            path: entry.path.clone(),
            first_path: entry.first_path.clone(),
            real_path: entry.real_path.clone(),
            pod_unknown_since: origin.stream.contains_key(POD_UID).then_some(now),
            stream: origin.stream,
            input: origin.input,
            read_as: None,
            topic: entry.topic.as_str().into(),
            rules: None,
            inode: entry.inode,
            btime: entry.btime,
            links: 1,
            prefix: entry.prefix,
            file: None,
            used: 0,
            start: entry.start,
            cut: acked,
            cut_marker: entry.marker,
            chain: entry.chain.state(),
            closed: false,
            acked,
            acked_marker: entry.marker,
            acked_chain: entry.chain.state(),
            cuts: VecDeque::new(),
            epoch: 0,
            packed: None,
            size: entry.size,
            saved_size: entry.size,
            mtime: 0,
            grew_at: now,
            looked: entry.acked,
            standing: Standing::Named,
            end: End::ToAsk,
            held_to: 0,
            confirmed: entry.acked > 0,
            durable: true,
            ready_since: None,
            queued: false,
            flush: Flush::No,
            waiting: false,
            maybe_copy_since: None,
            equalled: false,
            read_to_end_at: 0,
            lost_bytes: 0,
            let_go: entry.let_go,
            given_up: false,
            expired: false,
            error: None,
            retry_at: None,
            retry_delay: Duration::ZERO,
            time: TimeReader::new(),
            long_line_time: None,
        }
    }

    /// All before `cut` counts as acked.
    pub(crate) fn acked_to_cut(&mut self) {
        (self.acked, self.acked_marker, self.acked_chain) = (self.cut, self.cut_marker, self.chain);
    }

    /// What the registry keeps of it.
    pub(crate) fn entry(&self, now_seconds: u64) -> Entry {
        let truncated = matches!(self.standing, Standing::Replaced { truncated: true, .. });
        let gone = matches!(self.standing, Standing::Replaced { truncated: false, .. });
        Entry {
            generation: self.generation,
            path: self.path.clone(),
            first_path: self.first_path.clone(),
            real_path: self.real_path.clone(),
            inode: if gone { Inode { dev: 0, ino: 0 } } else { self.inode },
            btime: self.btime,
            prefix: self.prefix,
            topic: self.topic.to_string(),
            start: self.start,
            acked: self.acked.offset,
            part: self.acked.part,
            marker: self.acked_marker,
            size: self.size,
            seen: now_seconds,
            truncated,
            let_go: self.let_go,
            packed_bytes: self.packed.map_or(0, |packed| packed.bytes),
            chain: self.acked_chain.into(),
        }
    }

    /// Whether `file` holds the bytes that were cut so far.
    pub(crate) fn is_held_by(&self, file: &File) -> io::Result<bool> {
        Ok(!self.given_up && holds(file, self.prefix, self.cut.offset, self.cut_marker)?)
    }

    /// Bytes that may hold something to cut.
    pub(crate) fn unread(&self) -> bool {
        self.size > self.cut.offset
            && (self.size > self.looked || self.flush != Flush::No)
            && !matches!(self.standing, Standing::Replaced { .. })
    }

    /// Whether every whole line was read and cut.
    pub(crate) fn at_end(&self) -> bool {
        !self.unread() && !self.waiting
    }

    /// Whether it can be closed without losing anything.
    pub(crate) fn idle(&self) -> bool {
        self.standing == Standing::Named && self.size == self.cut.offset && self.cuts.is_empty()
    }

    /// Begins again at `place`, and with it a link of the chain: its value there is not known.
    pub(crate) fn go_to(&mut self, place: Place, marker: Print) {
        self.cut = place;
        self.cut_marker = marker;
        self.chain = ChainState::default();
        self.looked = place.offset;
        self.waiting = false;
        self.long_line_time = None;
    }

    pub(crate) fn failed(&mut self, why: String, now: Instant) {
        self.retry_delay = (self.retry_delay * 2).clamp(Duration::from_millis(500), Duration::from_secs(60));
        self.retry_at = Some(now + self.retry_delay);
        if self.error.as_ref() != Some(&why) {
            tracing::warn!(path = %self.path.display(), why, "cannot read; tried again");
            self.error = Some(why);
        }
        self.file = None;
    }

    pub(crate) fn recovered(&mut self) {
        self.retry_at = None;
        self.retry_delay = Duration::ZERO;
        if self.error.take().is_some() {
            tracing::info!(path = %self.path.display(), "readable again");
        }
    }
}

/// Where a file lies that is reached through a link; empty if `path` is its own.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    let real = std::fs::canonicalize(path).unwrap_or_default();
    if real == path { PathBuf::new() } else { real }
}
