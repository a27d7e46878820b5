//! Files that are held open: as many as are allowed.

use std::fs::File;

use timberline_proto::id::GenerationId;

use super::Tailer;
use super::file::Standing;
use crate::identity::Stat;

impl Tailer {
    /// Opens a generation's file if it is not, closing another if too many are.
    pub(super) fn open(&mut self, generation: GenerationId) -> std::io::Result<()> {
        let Some(tail) = self.tails.get(&generation) else {
            return Ok(());
        };
        if tail.file.is_some() {
            return Ok(());
        }
        let file = File::open(&tail.path)?;
        let stat = Stat::from(&file.metadata()?);
        if !stat.same_inode(tail.inode, tail.btime) {
            self.inbox.hint_all();
            return Err(std::io::Error::other("another file has its name now; looking for it"));
        }
        let file = match tail.packed {
            Some(_) => self.unpack(&file)?.file,
            None => file,
        };
        self.make_room();
        self.hold_open(generation, file);
        Ok(())
    }

    pub(super) fn hold_open(&mut self, generation: GenerationId, file: File) {
        if let Some(tail) = self.tails.get_mut(&generation) {
            tail.file = Some(file);
            self.open.insert(generation);
        }
    }

    /// Closes the least recently read file that is read to its end, if too many are open.
    pub(super) fn make_room(&mut self) {
        while self.open.len() >= self.config.open_files_max {
            let idle = self
                .open
                .iter()
                .filter_map(|generation| self.tails.get(generation))
                .filter(|tail| tail.standing == Standing::Named);
            // An unread file may be closed too: its name leads back to it.
            let Some(tail) = idle.min_by_key(|tail| (!tail.idle(), tail.used)) else {
                return;
            };
            self.close(tail.generation);
        }
    }

    pub(super) fn close(&mut self, generation: GenerationId) {
        self.open.remove(&generation);
        if let Some(tail) = self.tails.get_mut(&generation) {
            tail.file = None;
        }
    }
}
