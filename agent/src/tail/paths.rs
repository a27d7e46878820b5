//! Which generations go by a path: notifications name paths, and there may be many files.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use timberline_proto::id::GenerationId;

use super::file::Tail;

/// As of the last walk. What has changed since is not found, and looked for by another one.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Hashes of paths, ascending.
    hashes: Vec<(u64, GenerationId)>,
}

impl Paths {
    pub(super) fn of(tails: &BTreeMap<GenerationId, Tail>) -> Self {
        let hashes = tails.values().map(|tail| (hash(&tail.path), tail.generation));
        let mut hashes: Vec<_> = hashes.collect();
        hashes.sort_unstable();
        Self { hashes }
    }

    /// Those that go by this path, also such whose bytes are gone.
    pub(super) fn at<'a>(
        &'a self,
        path: &'a Path,
        tails: &'a BTreeMap<GenerationId, Tail>,
    ) -> impl Iterator<Item = &'a Tail> {
        let wanted = hash(path);
        let from = self.hashes.partition_point(|(hash, _)| *hash < wanted);
        let alike = self.hashes[from..].iter().take_while(move |(hash, _)| *hash == wanted);
        alike
            .filter_map(|(_, generation)| tails.get(generation))
            .filter(move |tail| tail.path == path)
    }
}

fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
