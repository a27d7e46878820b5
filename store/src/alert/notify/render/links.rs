//! Addresses of the page.

use timberline_proto::alert::Transition;
use timberline_proto::alert::notify::Matcher;

use super::view::time;
use crate::percent::encode;

/// A longer value is left for people to write: addresses have their limits, too.
const VALUE_BYTES_MAX: usize = 200;

/// The lines that led to a verdict: its search over its window. Empty without an address of the page.
pub(super) fn lines(public_url: &str, transition: &Transition) -> String {
    if public_url.is_empty() {
        return String::new();
    }
    let first = transition.evidence.lines.iter().map(|line| line.timestamp_nanos).min();
    let last = transition.evidence.lines.iter().map(|line| line.timestamp_nanos).max();
    let span = first
        .zip(last)
        .map(|(first, last)| (first, last.max(transition.at_nanos).saturating_add(1)));
    let window = transition.window.or(span);
    let mut address = format!("{public_url}/?q={}", encode(&transition.query));
    if let Some((from, to)) = window {
        address += &format!("&from={}&to={}", encode(&time(from)), encode(&time(to)));
    }
    if let (1, Some(line)) = (transition.evidence.lines_total, transition.evidence.lines.first()) {
        address += &format!("&open={}", encode(&line.id));
    }
    address
}

/// Where a silence of an incident can be made: its rule and its group's values are filled in.
pub(super) fn silence(public_url: &str, transition: &Transition) -> String {
    if public_url.is_empty() {
        return String::new();
    }
    let mut matchers = vec![Matcher::equal("alertname", name_of(transition))];
    let group = transition
        .group
        .iter()
        .filter(|(_, value)| value.len() <= VALUE_BYTES_MAX);
    matchers.extend(group.map(|(name, value)| Matcher::equal(name, value)));
    let matchers: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
    format!(
        "{public_url}/?view=alerts&part=silences&matchers={}",
        encode(&matchers.join(","))
    )
}

fn name_of(transition: &Transition) -> &str {
    transition
        .labels
        .get("alertname")
        .map_or(transition.rule.name.as_str(), String::as_str)
}
