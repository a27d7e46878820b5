//! Masks what is not to leave the machine: in the line's bytes and in the record's attributes.
//!
//! Everything that is to be found is sought in the text as it came, places that overlap are one, and
//! each is replaced. What is put there is found by no detector. The text is then looked at again, for
//! what stood against something that is gone may stand alone now, until nothing is found.
//!
//! | module | what it finds |
//! |---|---|
//! | `detect` | the detectors by name, and their groups |
//! | `card` | payment cards |
//! | `national` | national numbers |
//! | `iban` | bank accounts |
//! | `ip`, `mail` | addresses |
//! | `token` | credentials |
//! | `replace` | what is put in its place |

mod card;
mod detect;
mod iban;
mod ip;
mod mail;
mod national;
mod replace;
mod token;

use std::ops::Range;

use regex::bytes::Regex;
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{LeafKind, field_place, leaves};

use self::detect::Detector;
use self::replace::Replacement;
use super::config::{RedactAction, RedactConfig};
use super::event::{Event, text};

/// So often is text looked at again; what is found then is masked, also where values are taken out.
const PASSES_MAX: usize = 8;
/// Bytes of a compiled pattern at most.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// Where something begins and ends.
type Place = Range<usize>;

/// The name of a detector or pattern that found something.
pub(super) struct Found(pub(super) String);

#[derive(Debug)]
pub(super) struct Redact {
    detectors: Vec<Detector>,
    patterns: Vec<(String, Regex)>,
    fields: Vec<String>,
    drop: bool,
    replacement: Replacement,
}

/// A place and the number of the detector or pattern that found it.
type Hit = (Place, usize);

impl Redact {
    pub(super) fn new(config: &RedactConfig) -> Result<Self, String> {
        let wrong = |message: String| format!("redact: {message}");
        let detectors = detect::named(&config.detect).map_err(wrong)?;
        let mut patterns = Vec::new();
        for (name, pattern) in &config.patterns {
            let built = regex::bytes::RegexBuilder::new(pattern)
                .size_limit(REGEX_BYTES_MAX)
                .build();
            patterns.push((
                name.clone(),
                built.map_err(|error| wrong(format!("patterns.{name}: {error}")))?,
            ));
        }
        if detectors.is_empty() && patterns.is_empty() && config.fields.is_empty() {
            return Err(wrong("name what is to be found: detect, patterns or fields".to_owned()));
        }
        Ok(Self {
            detectors,
            patterns,
            fields: config.fields.clone(),
            drop: config.action == RedactAction::Drop,
            replacement: Replacement::new(config).map_err(wrong)?,
        })
    }

    /// Changes the record; false if it is to be dropped. `found` hears of each thing that was found.
    pub(super) fn apply(&self, event: &mut Event<'_>, mut found: impl FnMut(Found)) -> bool {
        let mut hits = Vec::new();
        if self.fields.is_empty() {
            if let Some(line) = self.line(&event.line, &mut hits) {
                event.edit(line);
            }
        } else {
            for name in &self.fields {
                self.field(event, name, &mut hits);
            }
        }
        for (name, value) in &mut event.attributes {
            if self.fields.is_empty() || self.fields.contains(name) {
                self.attribute(value, &mut hits);
            }
        }
        hits.iter().for_each(|hit| found(Found(self.name(*hit).to_owned())));
        !self.drop || hits.is_empty()
    }

    /// The line without what is to be found, if there is any of it.
    fn line(&self, line: &[u8], hits: &mut Vec<usize>) -> Option<Vec<u8>> {
        let mut places = self.find(line);
        if places.is_empty() {
            return None;
        }
        hits.extend(places.iter().map(|hit| hit.1));
        let mut bare = Vec::new();
        leaves(line, &mut bare);
        let is_json = bare
            .iter()
            .any(|leaf| matches!(leaf.kind, LeafKind::JsonText | LeafKind::JsonBare));
        bare.retain(|leaf| leaf.kind == LeafKind::JsonBare);
        let mut out = Vec::with_capacity(line.len());
        let mut at = 0;
        for (place, name) in places.drain(..) {
            // A number without quotes becomes a string, else the line would be JSON no more.
            let within = |leaf: &&timberline_proto::line::Leaf| leaf.start <= place.start && place.end <= leaf.end;
            let leaf = bare.iter().find(within).map(|leaf| leaf.start..leaf.end);
            let whole = leaf.clone().unwrap_or(place.clone());
            if whole.start < at {
                continue; // the leaf is replaced already
            }
            out.extend_from_slice(&line[at..whole.start]);
            let put = self.replacement.of(self.name(name), &line[place], is_json);
            if leaf.is_some() {
                out.push(b'"');
                out.extend_from_slice(&put);
                out.push(b'"');
            } else {
                out.extend_from_slice(&put);
            }
            at = whole.end;
        }
        out.extend_from_slice(&line[at..]);
        Some(self.again(out, is_json, hits))
    }

    /// Looks again: what stood against something that is gone now may stand alone.
    fn again(&self, mut text: Vec<u8>, is_json: bool, hits: &mut Vec<usize>) -> Vec<u8> {
        for pass in 0..=PASSES_MAX {
            let mut places = self.find_known(&text);
            // What was put there stands where a password does.
            places.retain(|(place, name)| text[place.clone()] != self.replacement.label(self.name(*name), is_json));
            if places.is_empty() {
                return text;
            }
            let mut out = Vec::with_capacity(text.len());
            let mut at = 0;
            for (place, name) in places {
                hits.push(name);
                out.extend_from_slice(&text[at..place.start]);
                out.extend_from_slice(&if pass < PASSES_MAX {
                    self.replacement.of(self.name(name), &text[place.clone()], is_json)
                } else {
                    self.replacement.label(self.name(name), is_json)
                });
                at = place.end;
            }
            out.extend_from_slice(&text[at..]);
            text = out;
        }
        text
    }

    /// A field that stands in the line: what is found in its value, or all of it.
    fn field(&self, event: &mut Event<'_>, name: &str, hits: &mut Vec<usize>) {
        let Some(place) = field_place(&event.line, name) else {
            return;
        };
        let value = &event.line[place.inner.clone()];
        if value.is_empty() {
            return;
        }
        let put = if self.is_whole() {
            hits.push(self.whole());
            self.replacement.of(name, value, place.json)
        } else {
            match self.text(value, place.json, hits) {
                Some(put) => put,
                None => return,
            }
        };
        let mut line = event.line.to_vec();
        let quoted = [b"\"", &put[..], b"\""].concat();
        line.splice(place.value, if place.json { quoted } else { put });
        event.edit(line);
    }

    fn attribute(&self, value: &mut AttributeValue, hits: &mut Vec<usize>) {
        let before = text(value).into_owned();
        let put = if self.is_whole() {
            hits.push(self.whole());
            Some(self.replacement.of("field", before.as_bytes(), false))
        } else {
            self.text(before.as_bytes(), false, hits)
        };
        if let Some(put) = put {
            *value = AttributeValue::Text(String::from_utf8_lossy(&put).into_owned());
        }
    }

    /// A value without what is to be found, if there is any of it.
    fn text(&self, value: &[u8], is_json: bool, hits: &mut Vec<usize>) -> Option<Vec<u8>> {
        let places = self.find(value);
        if places.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(value.len());
        let mut at = 0;
        for (place, name) in places {
            hits.push(name);
            out.extend_from_slice(&value[at..place.start]);
            out.extend_from_slice(&self.replacement.of(self.name(name), &value[place.clone()], is_json));
            at = place.end;
        }
        out.extend_from_slice(&value[at..]);
        Some(self.again(out, is_json, hits))
    }

    fn is_whole(&self) -> bool {
        self.detectors.is_empty() && self.patterns.is_empty()
    }

    fn whole(&self) -> usize {
        self.detectors.len() + self.patterns.len()
    }

    fn name(&self, number: usize) -> &str {
        let patterns = self.patterns.iter().map(|(name, _)| name.as_str());
        let names = self.detectors.iter().map(|detector| detector.name).chain(patterns);
        names.chain(["field"]).nth(number).unwrap_or("field")
    }

    /// Ascending; those that overlap are one.
    fn find(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.detected(text, &mut hits);
        for (at, (_, pattern)) in self.patterns.iter().enumerate() {
            for groups in pattern.captures_iter(text) {
                if let Some(found) = groups
                    .get(1)
                    .or_else(|| groups.get(0))
                    .filter(|found| !found.is_empty())
                {
                    hits.push((found.range(), self.detectors.len() + at));
                }
            }
        }
        joined(hits)
    }

    fn find_known(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.detected(text, &mut hits);
        joined(hits)
    }

    fn detected(&self, text: &[u8], hits: &mut Vec<Hit>) {
        for (at, detector) in self.detectors.iter().enumerate() {
            (detector.find)(text, &mut |place| hits.push((place, at)));
        }
    }
}

fn joined(mut hits: Vec<Hit>) -> Vec<Hit> {
    // Of two that begin together the longer names the place.
    hits.sort_by_key(|(place, at)| (place.start, usize::MAX - place.end, *at));
    let mut joined: Vec<Hit> = Vec::with_capacity(hits.len());
    for (place, at) in hits {
        match joined.last_mut() {
            Some((last, _)) if place.start < last.end => last.end = last.end.max(place.end),
            _ => joined.push((place, at)),
        }
    }
    joined
}

/// Whether no letter or digit stands before `start` or at `end`.
fn stands_alone(text: &[u8], place: &Place) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !word(place.start.checked_sub(1).and_then(|at| text.get(at))) && !word(text.get(place.end))
}
