//! `timberline backup now | list | check | restore`

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use timberline_proto::api::backups::{BackupsAnswer, KeptBackup};
use timberline_store::backup::{Directory, check, restore};

use crate::cli::{BackupAction, BackupArgs};
use crate::client::Client;

/// How often it is asked whether a backup is made.
const ASK_INTERVAL: Duration = Duration::from_millis(500);

pub(super) fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &args.action {
        BackupAction::Now { server } => now(&Client::new(&server.server), &mut out),
        BackupAction::List { directory, server } => {
            let backups = match directory {
                Some(directory) => of_directory(&Directory::new(directory))?,
                None => asked(&Client::new(&server.server))?.backups,
            };
            for backup in backups {
                writeln!(out, "{}", described(&backup))?;
            }
            Ok(())
        }
        BackupAction::Check { directory, name } => {
            let directory = Directory::new(directory);
            let manifest = directory.manifest(name.as_deref())?;
            let checked = check(&directory, &manifest, &mut |_| {});
            for fault in &checked.faults {
                writeln!(out, "{}: {}", fault.path, fault.what)?;
            }
            if !checked.faults.is_empty() {
                bail!(
                    "{} of {} files of {} are not as they were written: take another backup",
                    checked.faults.len(),
                    manifest.files.len(),
                    manifest.name
                );
            }
            writeln!(
                out,
                "{} is whole: {} files, {}",
                manifest.name,
                checked.files,
                bytesize::ByteSize(checked.bytes)
            )?;
            Ok(())
        }
        BackupAction::Restore { directory, name, to } => {
            let directory = Directory::new(directory);
            let manifest = directory.manifest(name.as_deref())?;
            restore(&directory, &manifest, to, &mut |_, _| {})?;
            writeln!(
                out,
                "{} is restored to {}: start with --data {}",
                manifest.name,
                to.display(),
                to.display()
            )?;
            Ok(())
        }
    }
}

fn asked(client: &Client) -> anyhow::Result<BackupsAnswer> {
    let (answer, _) = client.read("/api/v1/backups", &[])?;
    Ok(serde_json::from_reader(answer)?)
}

fn now(client: &Client, out: &mut impl Write) -> anyhow::Result<()> {
    let before = asked(client)?.backups.into_iter().next().map(|backup| backup.name);
    client.post_empty("/api/v1/backups")?;
    loop {
        std::thread::sleep(ASK_INTERVAL);
        let answer = asked(client)?;
        if answer.running.is_some() {
            continue;
        }
        if let Some(failed) = answer.failed {
            bail!("no backup was made: {failed}");
        }
        let newest = answer.backups.into_iter().next();
        let newest = newest.filter(|backup| Some(&backup.name) != before.as_ref());
        let newest = newest.context("no backup was made: the server's log says why")?;
        writeln!(out, "{}", described(&newest))?;
        return Ok(());
    }
}

fn of_directory(directory: &Directory) -> anyhow::Result<Vec<KeptBackup>> {
    let mut names = directory.names()?;
    names.reverse();
    let backup = |name: String| match directory.manifest(Some(&name)) {
        Ok(manifest) => KeptBackup {
            bytes: manifest.bytes(),
            files: manifest.files.len() as u64,
            begun_at: manifest.begun_at,
            ended_at: manifest.ended_at,
            name,
            error: None,
        },
        Err(error) => KeptBackup {
            name,
            error: Some(error.to_string()),
            ..KeptBackup::default()
        },
    };
    Ok(names.into_iter().map(backup).collect())
}

fn described(backup: &KeptBackup) -> String {
    match &backup.error {
        Some(error) => format!("{}  {error}", backup.name),
        None => format!(
            "{}  {}  {} files  {}",
            backup.name,
            backup.ended_at,
            backup.files,
            bytesize::ByteSize(backup.bytes)
        ),
    }
}
