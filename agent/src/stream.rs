//! A file's stream attributes: `host.name`, `log.file.path`, `log.file.name`, `service.name`.
//!
//! They come from the name under which a generation was first seen, so that a rotated file stays
//! in its stream.

mod container;

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::AgentConfig;
use crate::input::Input;

/// Names that say what a file holds but not whose it is; its directory says that.
const GENERIC_STEMS: &[&str] = &[
    "access", "audit", "current", "debug", "default", "err", "error", "errors", "info", "log", "logs", "main",
    "messages", "other", "out", "output", "server", "stderr", "stdout", "trace", "warn", "warning",
];

/// Directories that say nothing about whose their files are.
const GENERIC_DIRECTORIES: &[&str] = &["", "log", "logs", "var", "tmp"];

/// The attributes of the stream that a file at `path` begins.
pub(crate) fn attributes(config: &AgentConfig, input: &Input, path: &Path) -> BTreeMap<String, String> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut attributes = BTreeMap::from([
        ("host.name".to_owned(), config.host.clone()),
        ("log.file.path".to_owned(), path.to_string_lossy().into_owned()),
        ("log.file.name".to_owned(), name),
        ("service.name".to_owned(), service_name(path)),
    ]);
    attributes.extend(container::attributes(path));
    let set = config.attributes.iter().chain(&input.attributes);
    attributes.extend(set.map(|(name, value)| (name.clone(), value.clone())));
    attributes
}

fn service_name(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let stem = stem(&name);
    if !GENERIC_STEMS.contains(&stem.to_ascii_lowercase().as_str()) {
        return stem.to_owned();
    }
    path.ancestors()
        .skip(1)
        .filter_map(|directory| directory.file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .find(|name| !GENERIC_DIRECTORIES.contains(&name.to_ascii_lowercase().as_str()))
        .unwrap_or_else(|| stem.to_owned())
}

/// A file's name without endings that say how it is kept: `.log`, `.gz`, numbers, dates.
pub(crate) fn stem(name: &str) -> &str {
    let mut stem = name;
    loop {
        let Some(at) = stem.rfind(['.', '-', '_']).filter(|at| *at > 0) else {
            return stem;
        };
        let (separator, ending) = (&stem[at..=at], &stem[at + 1..]);
        let drop = match separator {
            "." => is_kind(ending) || is_rotation(ending),
            _ => is_rotation(ending),
        };
        if !drop {
            return stem;
        }
        stem = &stem[..at];
    }
}

/// Whether a name ends as rotation leaves it: `app.log.1`, `app.log-20260131`.
pub(crate) fn is_rotated_name(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    name.rsplit_once(['.', '-'])
        .is_some_and(|(front, ending)| front.contains('.') && is_rotation(ending))
}

fn is_kind(ending: &str) -> bool {
    let kinds = [
        "log", "txt", "json", "jsonl", "ndjson", "gz", "zst", "xz", "bz2", "old", "bak", "1st", "out", "err",
    ];
    kinds.contains(&ending.to_ascii_lowercase().as_str())
}

/// `1`, `20260131`, `2026`, `01`, `20260131T2359`, `1700000000`.
fn is_rotation(ending: &str) -> bool {
    !ending.is_empty()
        && ending
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'T' || byte == b'Z')
        && ending.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_by_its_file_or_else_by_its_directory() {
        let check = |path: &str, service: &str| assert_eq!(service_name(Path::new(path)), service, "{path}");
        check("/var/log/checkout.log", "checkout");
        check("/var/log/checkout.log.1", "checkout");
        check("/var/log/checkout.log.2.gz", "checkout");
        check("/var/log/checkout-20260131.log", "checkout");
        check("/var/log/checkout-2026-01-31.log", "checkout");
        check("/var/log/nginx/access.log", "nginx");
        check("/var/log/nginx/error.log.1", "nginx");
        check("/srv/shop/logs/out.log", "shop");
        check("/var/log/syslog", "syslog");
        check("/var/log/messages", "messages");
        check("/var/log/my-app.log", "my-app");
        check("/var/log/app.err", "app");
        check("/var/log/.hidden.log", ".hidden");
    }

    #[test]
    fn configured_attributes_win() {
        let config = AgentConfig {
            host: "h".into(),
            attributes: BTreeMap::from([("service.name".into(), "mine".into()), ("env".into(), "prod".into())]),
            ..AgentConfig::default()
        };
        let (inputs, _) = crate::input::inputs(&config).unwrap();
        let found = attributes(&config, &inputs[0], Path::new("/l/a.log"));
        assert_eq!(found["service.name"], "mine");
        assert_eq!(found["env"], "prod");
        assert_eq!(found["log.file.path"], "/l/a.log");
        assert_eq!(found["log.file.name"], "a.log");
        assert_eq!(found["host.name"], "h");
    }
}
