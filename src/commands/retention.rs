//! `timberline retention show | preview | set | reset | history | templates`

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use timberline_proto::api::retention::{
    Policy, PolicySet, PolicySource, PreviewAnswer, PreviewRequest, RetentionAnswer, RetentionChange,
    RetentionTemplates, RetentionVersions, Stored,
};

use crate::cli::{RetentionAction, RetentionArgs};
use crate::client::Client;
use crate::config::RetentionSection;
use crate::exit::Exit;

const PATH: &str = "/api/v1/retention";

pub(super) fn run(args: &RetentionArgs) -> anyhow::Result<()> {
    match &args.action {
        RetentionAction::Show { json, server } => {
            let answer = state(&Client::new(&server.server))?;
            if *json {
                print_json(&answer)
            } else {
                say(&shown(&answer))
            }
        }
        RetentionAction::Preview { file, json, server } => {
            let set = file.as_deref().map(read).transpose()?;
            let answer = preview(&Client::new(&server.server), set)?;
            if *json {
                print_json(&answer)
            } else {
                say(&previewed(&answer))
            }
        }
        RetentionAction::Set { file, server } => {
            let (client, set) = (Client::new(&server.server), read(file)?);
            change(&client, Some(set))
        }
        RetentionAction::Reset { server } => change(&Client::new(&server.server), None),
        RetentionAction::History { json, server } => {
            let path = format!("{PATH}/versions");
            let (answer, _) = Client::new(&server.server).read(&path, &[])?;
            let versions: RetentionVersions = serde_json::from_reader(answer)?;
            if *json {
                return print_json(&versions);
            }
            let lines = versions.versions.iter().map(|version| {
                let by = version.origin.as_deref().unwrap_or("the store");
                format!(
                    "version {}  since {}  {}  by {by}\n{}",
                    version.version,
                    version.since,
                    source(version.source),
                    policies(&version.set)
                )
            });
            say(&lines.collect::<String>())
        }
        RetentionAction::Templates { server } => {
            let (answer, _) = Client::new(&server.server).read(&format!("{PATH}/templates"), &[])?;
            let templates: RetentionTemplates = serde_json::from_reader(answer)?;
            let lines = templates.templates.iter().map(|one| {
                format!(
                    "# {}\n# Source: {}\n# {}\n{}\n",
                    one.title,
                    one.source,
                    one.says,
                    as_toml(&one.policy)
                )
            });
            say(&lines.collect::<String>())
        }
    }
}

fn state(client: &Client) -> anyhow::Result<RetentionAnswer> {
    Ok(serde_json::from_reader(client.read(PATH, &[])?.0)?)
}

fn preview(client: &Client, set: Option<PolicySet>) -> anyhow::Result<PreviewAnswer> {
    let answer = client.post_json(&format!("{PATH}/preview"), &PreviewRequest { set })?;
    Ok(serde_json::from_reader(answer)?)
}

fn change(client: &Client, set: Option<PolicySet>) -> anyhow::Result<()> {
    let version = state(client)?.version;
    client.put_json(PATH, &RetentionChange { version, set })?;
    let answer = state(client)?;
    say(&format!(
        "version {} is in force\n{}",
        answer.version,
        previewed(&preview(client, None)?)
    ))
}

/// A file of policies; a whole configuration is one, too.
fn read(file: &Path) -> anyhow::Result<PolicySet> {
    #[derive(Deserialize)]
    struct File {
        retention: RetentionSection,
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let file: File =
        toml::from_str(&text).map_err(|error| Exit::usage(format!("{}: {}", file.display(), error.message())))?;
    Ok(file.retention.policies())
}

fn shown(answer: &RetentionAnswer) -> String {
    let mut text = format!(
        "version {} since {}, {}\n{}",
        answer.version,
        answer.since,
        source(answer.source),
        policies(&answer.set)
    );
    for class in &answer.classes {
        text += &format!("{}: holds {}\n", class.class, stored(&class.stored));
    }
    if answer.mixed.splits > 0 {
        text += &format!("with streams of several classes: {}\n", stored(&answer.mixed));
    }
    if let Some(disk) = answer.disk {
        text += &format!(
            "file system: {} of {} used\n",
            bytes(disk.used_bytes),
            bytes(disk.bytes)
        );
    }
    if let Some(stuck) = &answer.stuck {
        text += &format!("no room: {stuck}\n");
    }
    text
}

fn source(source: PolicySource) -> &'static str {
    match source {
        PolicySource::File => "of the configuration's file",
        PolicySource::Set => "set by page, API or command line",
    }
}

fn policies(set: &PolicySet) -> String {
    let mut text: String = set
        .policies
        .iter()
        .map(|policy| format!("  {}\n", described(policy)))
        .collect();
    if let Some(percent) = set.disk_used_percent_max {
        text += &format!(
            "  while the file system is fuller than {percent} %: the oldest go, those of the last policy first\n"
        );
    }
    text
}

fn described(policy: &Policy) -> String {
    let seconds = |seconds| humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string();
    let mut parts = Vec::new();
    parts.extend(policy.age_seconds.map(|age| format!("deleted after {}", seconds(age))));
    parts.extend(policy.bytes.map(|sum| format!("at most {}", bytes(sum))));
    parts.extend(
        policy
            .disk_percent
            .map(|percent| format!("at most {percent} % of the file system")),
    );
    parts.extend(
        policy
            .minimum_seconds
            .map(|minimum| format!("nobody deletes before {}", seconds(minimum))),
    );
    if parts.is_empty() {
        parts.push("kept for ever".to_owned());
    }
    let select = if policy.select.is_empty() {
        "everything else"
    } else {
        &policy.select
    };
    let note = if policy.note.is_empty() {
        String::new()
    } else {
        format!(" ({})", policy.note)
    };
    format!("{}  [{select}]  {}{note}", policy.name, parts.join(", "))
}

fn previewed(answer: &PreviewAnswer) -> String {
    let mut text = match answer.removed.splits {
        0 => "would remove nothing\n".to_owned(),
        _ => format!("would remove {}, oldest first\n", stored(&answer.removed)),
    };
    for removal in &answer.removals {
        text += &format!("  {}: {}\n", removal.reason, stored(&removal.stored));
    }
    for name in &answer.streams {
        text += &format!("    {name}\n");
    }
    for held in &answer.held_back {
        let until = held
            .until
            .as_ref()
            .map(|until| format!(", until {until}"))
            .unwrap_or_default();
        text += &format!("  held back: {}{until}: {}\n", held.reason, stored(&held.stored));
    }
    if answer.mixed.splits > 0 {
        text += &format!(
            "  with streams of several classes, so the longest that touches them decides: {}\n",
            stored(&answer.mixed)
        );
    }
    text
}

pub(super) fn stored(stored: &Stored) -> String {
    let times = match stored.oldest.is_empty() {
        true => String::new(),
        false => format!(", {} to {}", stored.oldest, stored.newest),
    };
    format!(
        "{} ({} lines, {} of text), {} streams, {} splits{times}",
        bytes(stored.file_bytes),
        stored.records,
        bytes(stored.raw_bytes),
        stored.streams,
        stored.splits
    )
}

fn bytes(bytes: u64) -> String {
    bytesize::ByteSize(bytes).to_string()
}

fn as_toml(policy: &Policy) -> String {
    let seconds = |seconds| humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string();
    let mut text = format!(
        "[[retention.policy]]\nname = {:?}\nselect = \"service.name:…\"\n",
        policy.name
    );
    if let Some(age) = policy.age_seconds {
        text += &format!("age = {:?}\n", seconds(age));
    }
    if let Some(minimum) = policy.minimum_seconds {
        text += &format!("minimum = {:?}\n", seconds(minimum));
    }
    text + &format!("note = {:?}\n", policy.note)
}

pub(super) fn print_json<T: serde::Serialize>(answer: &T) -> anyhow::Result<()> {
    Ok(writeln!(
        std::io::stdout().lock(),
        "{}",
        serde_json::to_string(answer)?
    )?)
}

pub(super) fn say(text: &str) -> anyhow::Result<()> {
    // Names come from outside, and must not drive a terminal.
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c })
        .collect();
    Ok(write!(std::io::stdout().lock(), "{plain}")?)
}
