//! `timberline integrity rotate-key`

use std::io::Write;

use timberline_store::integrity::rotate;

use crate::cli::{IntegrityAction, IntegrityArgs};
use crate::data_dir::DataDir;

pub(super) fn run(args: &IntegrityArgs) -> anyhow::Result<()> {
    let IntegrityAction::RotateKey { data, key_file } = &args.action;
    let data = DataDir::open(data, &["store"])?;
    let key = rotate(&data.role("store"), key_file.as_deref())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{key}")?;
    eprintln!("timberline: give this public key to whoever verifies; the next checkpoint is signed with it");
    Ok(())
}
