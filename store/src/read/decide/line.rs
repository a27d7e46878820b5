//! A test of lines, asked of a template: fixed texts with slots between them.
//!
//! What fills a slot is one token with a digit, or the text of a time; or, in a shape, a value that may
//! be anything, so that a shape denies nothing. A fixed text ends where a
//! token ends. So what matches within a fixed text matches in every line of the template, and a text
//! whose tokens have no digit matches nowhere else, but for the words of a time.

use timberline_proto::query::ast::Test;
use timberline_proto::query::matcher::{CompiledText, RegexMatch};
use timberline_proto::token::{is_token_char, tokens};

use std::sync::Arc;

use super::needs::{Needs, is_of_time, is_within_time};
use super::verdict::Verdict;
use crate::read::ReadError;
use crate::read::literals;
use crate::read::prune;
use crate::read::test::regex;
use crate::split::{PageQuery, Pieces, Templates};

/// Stands for any token with a digit. A letter, so that it is a token like these.
const ANY_NUMBER: &str = "ꙮ";

/// A test of a line's text.
#[derive(Debug)]
pub(crate) struct LineTest {
    kind: Kind,
    /// What a line must hold, token by token.
    pub(crate) needs: Needs,
    /// Whether a line that holds it passes, and so whether a token alone passes.
    pub(crate) is_token: bool,
    /// Pages of which a line or an attribute may pass.
    pub(crate) pages: PageQuery,
    /// What a line must hold in one stretch.
    shapes: Vec<Shape>,
}

#[derive(Debug)]
enum Kind {
    /// The line is empty.
    Empty,
    /// Words without digits. `in_time`: one can be a time's. `anchor` stands wherever the text does,
    /// and can be sought in many templates at once.
    Plain {
        text: CompiledText,
        in_time: bool,
        anchor: Option<CompiledText>,
    },
    /// Words of which some have digits: none of these stands in a template.
    Numbered(CompiledText),
    Wildcard(CompiledText),
    /// `within`: what matches in a piece of a line matches in the line.
    Regex {
        regex: Arc<dyn RegexMatch>,
        within: bool,
    },
}

impl LineTest {
    /// `None` for a test that is not of text. `regex_bytes_max`: what a regex may take, compiled.
    pub(crate) fn new(test: &Test, regex_bytes_max: usize) -> Result<Option<Self>, ReadError> {
        let kind = match test {
            Test::Text { text, quoted } => of_text(text, *quoted),
            Test::Wildcard(pieces) => Kind::Wildcard(CompiledText::wildcard(pieces)),
            Test::Regex(pattern) => Kind::Regex {
                regex: Arc::from(regex(pattern, regex_bytes_max).map_err(ReadError::BadRequest)?),
                within: regex_syntax::Parser::new()
                    .parse(pattern)
                    .is_ok_and(|hir| hir.properties().look_set().is_empty()),
            },
            Test::Exists | Test::Compare(..) | Test::Range { .. } => return Ok(None),
        };
        let shapes = match test {
            Test::Text { text, quoted } => Shape::of(text, false, *quoted).into_iter().collect(),
            Test::Regex(pattern) => {
                let runs = literals::runs(pattern);
                runs.iter().filter_map(|run| Shape::of(run, true, false)).collect()
            }
            _ => Vec::new(),
        };
        let pages = prune::test_query(test);
        let is_token = is_token(test);
        let needs = match (&kind, test) {
            (Kind::Regex { regex, .. }, Test::Regex(pattern)) if is_token => {
                Needs::token_regex(Arc::clone(regex), &literals::runs(pattern))
            }
            _ => Needs::of(&pages),
        };
        Ok(Some(Self {
            kind,
            shapes,
            needs,
            is_token,
            pages,
        }))
    }

    /// Whether a value as a whole passes.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        match &self.kind {
            Kind::Empty => value.is_empty(),
            Kind::Plain { text, .. } | Kind::Numbered(text) | Kind::Wildcard(text) => text.matches(value),
            Kind::Regex { regex, .. } => regex.is_match(value),
        }
    }

    /// Whether the lines of a template pass.
    pub(crate) fn of_template(&self, pieces: &Pieces) -> Verdict {
        if pieces.slots() == 0 {
            return Verdict::of(pieces.fixed().all(|fixed| self.matches(fixed)));
        }
        let stands = |text: &CompiledText| pieces.fixed().any(|fixed| text.matches(fixed));
        let has_time = pieces.time_slot().is_some();
        let any = pieces.has_leaves();
        match &self.kind {
            // A slot is never empty, and what stands around a leaf is not.
            Kind::Empty => Verdict::No,
            Kind::Plain { text, .. } if stands(text) => Verdict::Yes,
            Kind::Plain { in_time, .. } => Verdict::possibly(any || (*in_time && has_time)),
            Kind::Numbered(_) => Verdict::possibly(any || self.shapes.iter().all(|shape| shape.possible(pieces))),
            Kind::Wildcard(text) if stands(text) => Verdict::Yes,
            Kind::Regex { regex, within: true } if pieces.fixed().any(|fixed| regex.is_match(fixed)) => Verdict::Yes,
            Kind::Wildcard(_) | Kind::Regex { .. } => Verdict::possibly(
                any || (self.shapes.iter().all(|shape| shape.possible(pieces)) && self.needs.possible(pieces)),
            ),
        }
    }

    /// Whether the lines of one of the templates pass.
    pub(crate) fn of_number(&self, templates: &Templates, number: u32) -> Verdict {
        match Pieces::of(templates.bytes(number)) {
            Ok(pieces) => self.of_template(&pieces),
            // Reading the page will say what is wrong with it.
            Err(_) => Verdict::Maybe,
        }
    }

    /// Whether the lines of each template pass, where all can be asked at once; of some of them nothing is
    /// said if `is_stopped` says that nobody asks any more.
    pub(crate) fn of_templates(&self, templates: &Templates, is_stopped: &dyn Fn() -> bool) -> Option<Vec<Verdict>> {
        let of = |number: u32| self.of_number(templates, number);
        let Kind::Plain {
            anchor: Some(anchor),
            in_time: false,
            ..
        } = &self.kind
        else {
            return None;
        };
        let mut verdicts = vec![Verdict::No; templates.len()];
        // A leaf may hold it, wherever the fixed texts do not.
        for &number in templates.with_leaves() {
            if is_stopped() {
                break;
            }
            verdicts[number as usize] = of(number);
        }
        let mut asked = None;
        for (start, end) in anchor.find_spans(templates.all_bytes()) {
            // One that lies across an edge is none, and may hide one behind the edge.
            let (first, last) = (templates.number_at(start), templates.number_at(end - 1));
            if is_stopped() {
                break;
            }
            for (number, verdict) in verdicts.iter_mut().enumerate().take(last + 1).skip(first) {
                if asked.is_none_or(|asked| asked < number) {
                    asked = Some(number);
                    *verdict = of(number as u32);
                }
            }
        }
        Some(verdicts)
    }
}

/// Whether a line passes if one of its tokens does, and not otherwise.
fn is_token(test: &Test) -> bool {
    let is_token = |text: &str| !text.is_empty() && text.chars().all(is_token_char);
    match test {
        Test::Text { text, .. } => is_token(text),
        Test::Wildcard(pieces) => match pieces.as_slice() {
            [first, last] if first.is_empty() != last.is_empty() => is_token(first) || is_token(last),
            [first, middle, last] => first.is_empty() && last.is_empty() && is_token(middle),
            _ => false,
        },
        Test::Regex(pattern) => literals::is_within_token(pattern),
        Test::Exists | Test::Compare(..) | Test::Range { .. } => false,
    }
}

fn of_text(text: &str, quoted: bool) -> Kind {
    if text.is_empty() {
        return Kind::Empty;
    }
    let (mut has_tokens, mut has_numbers, mut in_time) = (false, false, false);
    for token in tokens(text.as_bytes()) {
        has_tokens = true;
        has_numbers |= token.has_digit;
        in_time |= is_of_time(&prune::lower(&text[token.start..token.end]));
    }
    let compiled = CompiledText::text(text, quoted);
    if has_numbers {
        return Kind::Numbered(compiled);
    }
    let longest = match quoted {
        true => text.split_whitespace().max_by_key(|piece| piece.len()),
        false => Some(text),
    };
    // A zero byte is written otherwise in a template.
    let anchor = longest.filter(|piece| !piece.contains('\0'));
    Kind::Plain {
        text: compiled,
        // Characters between words stand in times too.
        in_time: in_time || !has_tokens,
        anchor: anchor.map(|piece| CompiledText::wildcard(&[String::new(), piece.to_owned(), String::new()])),
    }
}

/// A piece of text that a line must hold in one stretch, and where templates can have it.
#[derive(Debug)]
struct Shape {
    /// With [`ANY_NUMBER`] for each token with a digit; tokens that may go on beyond the text's ends
    /// are left out.
    marked: CompiledText,
    /// Whether all of it can stand in the text of a time.
    inside_time: bool,
    /// Whether a part of it can, and what stands between its tokens then touches the time.
    part_of_time: bool,
    between: Vec<String>,
    /// Whether white space stands for any white space.
    loose: bool,
}

impl Shape {
    /// `open`: its first and last token may go on. `None` if nothing is left that tells.
    fn of(text: &str, open: bool, loose: bool) -> Option<Self> {
        let all: Vec<_> = tokens(text.as_bytes()).collect();
        let mut marked = String::with_capacity(text.len());
        let mut between = Vec::new();
        let (mut end, mut inside_time, mut part_of_time, mut numbers) = (0, true, false, 0);
        for token in &all {
            let word = &text[token.start..token.end];
            let lower = prune::lower(word);
            let is_open = open && (token.start == 0 || token.end == text.len());
            let in_time = if is_open {
                is_within_time(&lower)
            } else {
                is_of_time(&lower)
            };
            inside_time &= in_time;
            part_of_time |= in_time;
            marked.push_str(&text[end..token.start]);
            between.push(text[end..token.start].to_owned());
            match (token.has_digit, is_open) {
                (true, _) => {
                    marked.push_str(ANY_NUMBER);
                    numbers += 1;
                }
                (false, false) => marked.push_str(word),
                // What is left of it says nothing: a slot may hold the whole.
                (false, true) if token.start == 0 => marked.clear(),
                (false, true) => {}
            }
            end = token.end;
        }
        marked.push_str(&text[end..]);
        between.push(text[end..].to_owned());
        between.retain(|text| !text.is_empty());
        let fractions = between
            .iter()
            .flat_map(|text| text.chars())
            .filter(|c| ".,".contains(*c));
        inside_time &= fractions.count() <= 1
            && between
                .iter()
                .flat_map(|text| text.chars())
                .all(|c| "-/:.,+ ".contains(c));
        if marked.is_empty() || (numbers == 0 && !open) || marked.contains('\0') {
            return None;
        }
        let marked = match loose {
            true => CompiledText::text(&marked, true),
            false => CompiledText::wildcard(&[String::new(), marked, String::new()]),
        };
        Some(Self {
            marked,
            inside_time,
            part_of_time,
            between,
            loose,
        })
    }

    fn possible(&self, pieces: &Pieces) -> bool {
        stretches(pieces).iter().any(|stretch| self.marked.matches(stretch)) || self.touches_time(pieces)
    }

    fn touches_time(&self, pieces: &Pieces) -> bool {
        let Some(time) = pieces.time_slot() else { return false };
        if self.inside_time || (self.loose && self.part_of_time) {
            return true;
        }
        let mut around = pieces.fixed().skip(time);
        let (before, after) = (around.next().unwrap_or_default(), around.next().unwrap_or_default());
        self.part_of_time
            && self
                .between
                .iter()
                .any(|text| before.ends_with(text.as_bytes()) || after.starts_with(text.as_bytes()))
    }
}

/// The template's text with [`ANY_NUMBER`] in its slots, cut where its time stands.
fn stretches(pieces: &Pieces) -> Vec<Vec<u8>> {
    let time = pieces.time_slot();
    let (mut before, mut stretch) = (Vec::new(), Vec::with_capacity(pieces.fixed_bytes()));
    for (at, fixed) in pieces.fixed().enumerate() {
        match at.checked_sub(1) {
            None => {}
            slot if slot == time => before.push(std::mem::take(&mut stretch)),
            Some(_) => stretch.extend_from_slice(ANY_NUMBER.as_bytes()),
        }
        stretch.extend_from_slice(fixed);
    }
    before.push(stretch);
    before
}
