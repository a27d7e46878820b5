//! Notifications, which make the next look come earlier. Where every directory of the last walk has them,
//! and is on a local filesystem, walks become rare ([`Watch::tells_all`]); losing a notification then costs
//! at most the time between two of these. Where one has none (network filesystems, the watch limit), it
//! costs at most `scan_interval`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Event, EventKind, RecursiveMode, Watcher};

use super::local::is_local;
use crate::identity::Inode;
use crate::inbox::Inbox;

/// Directories watched at most; files in others are found by walking.
const WATCHES_MAX: usize = 8192;

/// A directory with a watch.
#[derive(Clone, Copy, Debug)]
struct Watched {
    inode: Inode,
    /// It is told of every change.
    is_told: bool,
}

/// Watches on directories.
pub(crate) struct Watch {
    /// One inotify instance for all directories.
    watcher: Box<dyn Watcher + Send>,
    watched: HashMap<PathBuf, Watched>,
    /// No more watches are to be had; said once.
    full: bool,
}

impl Watch {
    /// Watches nothing yet. None, with a warning, if the system has no notifications to give.
    pub(crate) fn new(inbox: Arc<Inbox>) -> Option<Self> {
        let watcher = notify::recommended_watcher(move |event| on_event(&inbox, event));
        match watcher {
            Ok(watcher) => Some(Self {
                watcher: Box::new(watcher),
                watched: HashMap::new(),
                full: false,
            }),
            Err(error) => {
                tracing::warn!(%error, "no file notifications; files are looked at every scan_interval");
                None
            }
        }
    }

    /// Watches the directories that a walk entered, and no others. Whether one was not watched before:
    /// what was made there meanwhile was not told.
    pub(crate) fn follow(&mut self, directories: &[(PathBuf, Inode)]) -> bool {
        let mut is_new = false;
        for (path, inode) in directories {
            let known = self.watched.get(path).map(|watched| watched.inode);
            if self.full || known == Some(*inode) {
                continue;
            }
            if self.watched.remove(path).is_some() {
                self.unwatch(path);
            }
            if self.watched.len() >= WATCHES_MAX {
                self.give_up("the limit of watched directories is reached");
                return is_new;
            }
            match self.watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    let watched = Watched {
                        inode: *inode,
                        is_told: is_local(path),
                    };
                    self.watched.insert(path.clone(), watched);
                    is_new = true;
                }
                Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
                    self.give_up("the system's limit of watches is reached (fs.inotify.max_user_watches)");
                }
                Err(error) => tracing::debug!(path = %path.display(), %error, "not watched"),
            }
        }
        if self.watched.len() > directories.len() {
            self.forget_others(directories);
        }
        is_new
    }

    /// Whether every change in these directories is told.
    pub(crate) fn tells_all(&self, directories: &[(PathBuf, Inode)]) -> bool {
        let tells = |(path, inode): &(PathBuf, Inode)| {
            let watched = self.watched.get(path);
            watched.is_some_and(|watched| watched.inode == *inode && watched.is_told)
        };
        directories.iter().all(tells)
    }

    fn forget_others(&mut self, directories: &[(PathBuf, Inode)]) {
        let present: std::collections::HashSet<&PathBuf> = directories.iter().map(|(path, _)| path).collect();
        let gone: Vec<PathBuf> = self
            .watched
            .keys()
            .filter(|path| !present.contains(path))
            .cloned()
            .collect();
        for path in gone {
            self.watched.remove(&path);
            self.unwatch(&path);
        }
    }

    fn unwatch(&mut self, path: &Path) {
        if let Err(error) = self.watcher.unwatch(path) {
            tracing::debug!(path = %path.display(), %error, "watch already gone");
        }
    }

    fn give_up(&mut self, why: &str) {
        self.full = true;
        tracing::warn!(why, "further directories are looked at every scan_interval only");
    }
}

fn on_event(inbox: &Inbox, event: notify::Result<Event>) {
    match event {
        Ok(event) if event.need_rescan() => inbox.hint_all(),
        Ok(event) => match event.kind {
            EventKind::Access(_) => {}
            EventKind::Modify(notify::event::ModifyKind::Data(_) | notify::event::ModifyKind::Any) => {
                event.paths.into_iter().for_each(|path| inbox.hint(path));
            }
            _ => inbox.hint_all(),
        },
        Err(_) => inbox.hint_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use notify::event::{DataChange, Flag, ModifyKind};
    use notify::{Config, EventHandler, WatcherKind};

    use super::*;

    /// A system that gives only so many watches.
    struct Few(usize);

    impl Watcher for Few {
        fn new<F: EventHandler>(_: F, _: Config) -> notify::Result<Self> {
            Ok(Self(0))
        }
        fn watch(&mut self, _: &Path, _: RecursiveMode) -> notify::Result<()> {
            let none_left = || notify::Error::new(notify::ErrorKind::MaxFilesWatch);
            self.0 = self.0.checked_sub(1).ok_or_else(none_left)?;
            Ok(())
        }
        fn unwatch(&mut self, _: &Path) -> notify::Result<()> {
            Ok(())
        }
        fn kind() -> WatcherKind {
            WatcherKind::NullWatcher
        }
    }

    fn mail(event: Event) -> crate::inbox::Mail {
        let inbox = Inbox::default();
        on_event(&inbox, Ok(event));
        let now = Instant::now();
        inbox.wait(now, now, false)
    }

    #[test]
    fn a28_an_overflow_of_the_system_s_queue_makes_the_agent_walk() {
        let mail = mail(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        assert!(mail.hint_all);
    }

    #[test]
    fn a28_so_many_hints_that_some_would_be_lost_become_one_to_walk() {
        let inbox = Inbox::default();
        for n in 0..5000 {
            let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
            on_event(&inbox, Ok(Event::new(data).add_path(format!("/l/{n}").into())));
        }
        let now = Instant::now();
        let mail = inbox.wait(now, now, false);
        assert!(mail.hint_all && mail.hints.len() < 1024);
    }

    #[test]
    fn a29_at_the_watch_limit_the_rest_is_walked_and_no_more_watches_are_asked_for() {
        let mut watch = Watch {
            watcher: Box::new(Few(3)),
            watched: HashMap::new(),
            full: false,
        };
        let directories: Vec<_> = (0..6)
            .map(|ino| (PathBuf::from(format!("/l/{ino}")), Inode { dev: 1, ino }))
            .collect();
        assert!(watch.follow(&directories));
        assert!(watch.full && watch.watched.len() == 3);
        assert!(!watch.follow(&directories));
        assert_eq!(watch.watched.len(), 3);
        assert!(!watch.tells_all(&directories));
    }

    #[test]
    fn only_what_is_watched_as_it_is_now_and_local_is_told() {
        let local = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let mut watch = Watch {
            watcher: Box::new(Few(9)),
            watched: HashMap::new(),
            full: false,
        };
        let here = (local.path().to_owned(), Inode { dev: 1, ino: 1 });
        let proc = (PathBuf::from("/proc/self"), Inode { dev: 2, ino: 2 });
        watch.follow(&[here.clone(), proc.clone()]);
        assert!(watch.tells_all(std::slice::from_ref(&here)));
        assert!(!watch.tells_all(&[here.clone(), proc]), "another kind of filesystem");
        let another = (here.0.clone(), Inode { dev: 1, ino: 7 });
        assert!(!watch.tells_all(&[another]), "a directory in its place");
    }
}
