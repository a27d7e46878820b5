//! From `[[agent.files]]` and `[agent.stdin]` to the agent's options.

use timberline_agent::{FileInput, Format, MultilineConfig, StartAt, StdinConfig};

use super::Age;
use super::sections::{AgentSection, FileFormat, FilesSection, MultilineSection, StartAt as Start, StdinSection};

impl AgentSection {
    /// What is set for some files only.
    pub(super) fn file_inputs(&self) -> Vec<FileInput> {
        self.files.iter().map(FilesSection::input).collect()
    }
}

impl FilesSection {
    fn input(&self) -> FileInput {
        FileInput {
            tail: self.tail.clone(),
            exclude: self.exclude.clone(),
            encoding: self.encoding.clone(),
            format: format(self.format),
            multiline: self.multiline.as_ref().map(MultilineSection::options),
            start_at: self.start_at.map(start_at),
            ignore_older: self.ignore_older.map(Age::get),
            attributes: self.attributes.clone(),
        }
    }
}

impl StdinSection {
    pub(super) fn options(&self) -> StdinConfig {
        StdinConfig {
            service: self.service.clone(),
            topic: self.topic.clone(),
            attributes: self.attributes.clone(),
            encoding: self.encoding.clone(),
            format: format(self.format),
            multiline: self.multiline.as_ref().map(MultilineSection::options),
            exit_at_end: self.exit_at_end,
        }
    }
}

fn format(format: FileFormat) -> Format {
    match format {
        FileFormat::Auto => Format::Auto,
        FileFormat::Plain => Format::Plain,
        FileFormat::Docker => Format::Docker,
        FileFormat::Cri => Format::Cri,
    }
}

impl MultilineSection {
    fn options(&self) -> MultilineConfig {
        MultilineConfig {
            start: self.start.clone(),
            continuation: self.continuation.clone(),
            indent: self.indent,
            rules: self.rules.clone(),
            lines_max: self.lines_max,
            bytes_max: self.bytes_max.get(),
            timeout: self.timeout.get(),
        }
    }
}

/// Where reading begins, as the agent names it.
pub(super) fn start_at(start: Start) -> StartAt {
    match start {
        Start::Head => StartAt::Head,
        Start::Tail => StartAt::Tail,
    }
}
