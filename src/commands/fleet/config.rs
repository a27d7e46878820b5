//! `timberline agents config set | unset | list`

use std::path::Path;

use anyhow::Context;
use timberline_proto::api::enrollment::{GroupInfo, GroupList, NewGroupConfig};

use super::{get, labels, print, say};
use crate::cli::{PushAction, ServerArgs};
use crate::client::Client;

pub(super) fn run(action: &PushAction) -> anyhow::Result<()> {
    match action {
        PushAction::Set {
            group,
            first,
            wait,
            file,
            server,
        } => push(server, group, read(file)?, *first, wait.as_secs()),
        PushAction::Unset {
            group,
            first,
            wait,
            server,
        } => push(server, group, String::new(), *first, wait.as_secs()),
        PushAction::List { json, server } => {
            let list: GroupList = get(&Client::new(&server.server), "/api/v1/agents/config")?;
            print(&list.groups, *json, group_line, "no configuration was pushed")
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn push(server: &ServerArgs, group: &[String], toml: String, first: u32, wait_s: u64) -> anyhow::Result<()> {
    let wanted = NewGroupConfig {
        labels: labels(group)?,
        toml,
        first,
        wait_s,
    };
    let answer = Client::new(&server.server).post_json("/api/v1/agents/config", &wanted)?;
    let info: GroupInfo = serde_json::from_reader(answer)?;
    say(&group_line(&info))
}

fn group_line(group: &GroupInfo) -> String {
    let runs = match group.version {
        0 => "its machines' own".to_owned(),
        version => format!("version {version}"),
    };
    let mut line = format!("{}  runs {runs}", group.group);
    if let (Some(version), Some(trial)) = (group.trial_version, &group.trial) {
        line += &format!("  tries {version} ({trial})");
    }
    if !group.last.is_empty() {
        line += &format!("  last: {}", group.last);
    }
    for failure in &group.failures {
        let did = if failure.passing { "put off" } else { "gave up" };
        line += &format!("  {} {did} {}: {}", failure.id, failure.version, failure.why);
    }
    line
}
