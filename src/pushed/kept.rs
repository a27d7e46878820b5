//! `DATA/agent/pushed/pushed.json`: what was pushed, replaced whole at each change.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};
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
    /// Which version left the machine to its own configuration; 0: none.
    own_version: u64,
    /// Of the newest that was ever taken.
    signed_nanos: u64,
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

    pub(super) fn failed(&self) -> Option<(u64, String)> {
        self.content.failed.clone()
    }

    pub(super) fn signed_nanos(&self) -> u64 {
        self.content.signed_nanos
    }

    pub(super) fn count_start(&mut self) -> anyhow::Result<()> {
        self.content.starts += 1;
        self.save()
    }

    /// A trial begins with the next start of the agent.
    pub(super) fn begin(&mut self, signed: Signed) -> anyhow::Result<()> {
        let document = self.read(Some(&signed));
        self.content.signed_nanos = document.map_or(self.content.signed_nanos, |document| document.signed_nanos);
        self.content.trial = Some(signed);
        self.content.starts = 0;
        self.save()
    }

    /// The trial is what is run from now on.
    pub(super) fn prove(&mut self) -> anyhow::Result<()> {
        self.content.good = self.content.trial.take();
        self.content.own_version = 0;
        self.content.failed = None;
        self.save()
    }

    /// The trial is over; what was before holds.
    pub(super) fn give_up(&mut self, why: String) -> anyhow::Result<()> {
        let version = self.trial().map_or(0, |trial| trial.version);
        tracing::warn!(
            version,
            why,
            "a pushed configuration was given up; the one before is in force again"
        );
        self.content.trial = None;
        self.content.failed = Some((version, why));
        self.save()
    }

    /// What was pushed is not even tried.
    pub(super) fn refuse(&mut self, version: u64, why: String) -> anyhow::Result<()> {
        self.content.failed = Some((version, why));
        self.save()
    }

    /// The machine's own configuration holds alone.
    pub(super) fn clear(&mut self, document: &PushedDocument) -> anyhow::Result<()> {
        tracing::info!(
            version = document.version,
            "the machine's own configuration is in force again"
        );
        self.content = Content {
            signed_nanos: document.signed_nanos,
            own_version: document.version,
            ..Content::default()
        };
        self.save()
    }

    fn save(&mut self) -> anyhow::Result<()> {
        self.content.format = FORMAT;
        let bytes = serde_json::to_vec(&self.content)?;
        write_private(&self.dir, NAME, &bytes)
            .with_context(|| format!("cannot write {}", self.dir.join(NAME).display()))
    }
}
