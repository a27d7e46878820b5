//! `DATA/agent/pushed/pushed.json`: what was pushed, replaced whole at each change.
//!
//! A change that cannot be written (a full disk) holds until the program ends, and is written with the
//! next one: the worst that comes of it is that something is tried once more.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use timberline_proto::crash::{Point, reached};
use timberline_proto::tls::MachineFiles;
use timberline_proto::tls::files::write_private;
use timberline_proto::tls::pushed::{PushedDocument, verify};

const NAME: &str = "pushed.json";
const FORMAT: u32 = 1;

/// A document as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signed {
    pub(super) document: String,
    pub(super) signature: Vec<u8>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Content {
    format: u32,
    good: Option<Signed>,
    trial: Option<Signed>,
    /// How often the program started with the trial.
    starts: u32,
    failed: Option<(u64, String)>,
    /// Whether that was for a cause that may pass, and how often in a row.
    #[serde(default)]
    put_off: u32,
    /// Which version left the machine to its own configuration; 0: none.
    own_version: u64,
    /// Of the newest that was ever taken.
    signed_nanos: u64,
}

/// What a machine does not run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) version: u64,
    pub(super) why: Why,
}

/// Why a version is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It does not work here: it is not tried again.
    Bad(String),
    /// Something that may pass was in the way: it is tried again.
    Passing(String),
}

impl Why {
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(_))
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Bad(text) | Self::Passing(text) => text,
        }
    }
}

/// What was pushed to this machine.
#[derive(Debug)]
pub(super) struct Kept {
    dir: PathBuf,
    content: Content,
}

impl Kept {
    /// What `dir` holds. A damaged file is nothing: the collector says it again.
    pub(super) fn open(dir: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let content = match fs::read(dir.join(NAME)) {
            Ok(bytes) => serde_json::from_slice::<Content>(&bytes)
                .ok()
                .filter(|content| content.format == FORMAT)
                .unwrap_or_else(|| {
                    tracing::warn!(dir = %dir.display(), "what was pushed to this machine cannot be read; the collector is asked again");
                    Content::default()
                }),
            Err(_) => Content::default(),
        };
        Ok(Self { dir, content })
    }

    /// By what pushed configurations are known to be the collector's.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        let pki = self.dir.parent()?.join("pki");
        MachineFiles::new(pki).enrolled()?.configuration_key()
    }

    pub(super) fn good(&self) -> Option<PushedDocument> {
        self.read(self.content.good.as_ref())
    }

    pub(super) fn trial(&self) -> Option<PushedDocument> {
        self.read(self.content.trial.as_ref())
    }

    /// Nobody else may have written it.
    fn read(&self, signed: Option<&Signed>) -> Option<PushedDocument> {
        let signed = signed?;
        match verify(&self.key()?, signed.document.as_bytes(), &signed.signature) {
            Ok(document) => Some(document),
            Err(why) => {
                tracing::error!(why, "the pushed configuration on disk is not used");
                None
            }
        }
    }

    /// Which version left the machine to its own configuration; 0: none.
    pub(super) fn own_version(&self) -> u64 {
        self.content.own_version
    }

    pub(super) fn starts(&self) -> u32 {
        self.content.starts
    }

    pub(super) fn failed(&self) -> Option<Failed> {
        let (version, why) = self.content.failed.clone()?;
        let why = match self.content.put_off {
            0 => Why::Bad(why),
            _ => Why::Passing(why),
        };
        Some(Failed { version, why })
    }

    /// How often in a row the same version was put off.
    pub(super) fn put_off(&self) -> u32 {
        self.content.put_off
    }

    pub(super) fn signed_nanos(&self) -> u64 {
        self.content.signed_nanos
    }

    /// Counts a start with the trial. False if that cannot be written: what ends the program each time
    /// would then never be noticed.
    pub(super) fn count_start(&mut self) -> bool {
        self.content.starts += 1;
        self.save()
    }

    /// A trial begins with the next start of the agent. False if it cannot be written, and does not begin.
    pub(super) fn begin(&mut self, signed: Signed) -> bool {
        let Some(document) = self.read(Some(&signed)) else {
            return false;
        };
        let before = self.content.clone();
        self.content.signed_nanos = document.signed_nanos;
        self.content.trial = Some(signed);
        self.content.starts = 0;
        if self.save() {
            reached(Point::PushedTrialKept);
            return true;
        }
        self.content = before;
        self.refuse(document.version, Why::Passing("there is no room to keep it".to_owned()));
        false
    }

    /// The trial is what is run from now on.
    pub(super) fn prove(&mut self) {
        self.content.good = self.content.trial.take();
        self.content.own_version = 0;
        self.content.failed = None;
        self.content.put_off = 0;
        self.save();
    }

    /// The trial is over; what was before holds.
    pub(super) fn give_up(&mut self, why: Why) {
        let version = self.trial().map_or(0, |trial| trial.version);
        tracing::warn!(
            version,
            why = why.text(),
            "a pushed configuration was {}; the one before is in force again",
            if why.is_passing() { "put off" } else { "given up" }
        );
        self.content.trial = None;
        self.note(version, why);
        self.save();
    }

    /// What was pushed is not even tried.
    pub(super) fn refuse(&mut self, version: u64, why: Why) {
        tracing::warn!(version, why = why.text(), "a pushed configuration is not taken");
        self.note(version, why);
        self.save();
    }

    fn note(&mut self, version: u64, why: Why) {
        let same = self.content.failed.as_ref().is_some_and(|(of, _)| *of == version);
        self.content.put_off = match &why {
            Why::Bad(_) => 0,
            Why::Passing(_) if same => self.content.put_off.saturating_add(1),
            Why::Passing(_) => 1,
        };
        let (Why::Bad(text) | Why::Passing(text)) = why;
        self.content.failed = Some((version, text));
    }

    /// The machine's own configuration holds alone.
    pub(super) fn clear(&mut self, document: &PushedDocument) {
        tracing::info!(
            version = document.version,
            "the machine's own configuration is in force again"
        );
        self.content = Content {
            signed_nanos: document.signed_nanos,
            own_version: document.version,
            ..Content::default()
        };
        self.save();
    }

    fn save(&mut self) -> bool {
        self.content.format = FORMAT;
        let bytes = serde_json::to_vec(&self.content).expect("text and numbers are JSON");
        match write_private(&self.dir, NAME, &bytes) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(path = %self.dir.join(NAME).display(), %error, "cannot be written");
                false
            }
        }
    }
}
