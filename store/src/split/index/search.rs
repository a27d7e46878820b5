//! Answers a [`PageQuery`]: sets of pages from the term dictionary and from the page directory.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use timberline_proto::id::GenerationId;
use timberline_proto::token::{lower_into, tokens};

use super::super::footer::{Footer, PageEntry};
use super::super::read::ReadFailure;
use super::super::{PageQuery, TokenRegex};
use super::dictionary::{Dictionary, Wanted};
use super::held::{self, HELD, HeldRange, OffsetRange};
use super::pages::Pages;
use super::section::Section;
use super::terms::{self, FIELDS_CUT, HAS_FRACTIONS, HAS_IDS, TOKEN_BYTES_MAX, TOKENS_CUT, cut};
use crate::rows::Stream;

/// A term this long or longer may be a token's beginning only: a character has up to four bytes.
const TOKEN_PERHAPS_CUT: usize = TOKEN_BYTES_MAX - 3;

/// So many pages are looked at rather than the whole term dictionary walked.
const WALK_PAGES_MIN: u32 = 1;

/// Walks that are kept, and pages of a split beyond which none is.
const WALKS_HELD_MAX: usize = 4;
const WALK_PAGES_MAX: u32 = 1 << 20;

pub(crate) struct SplitIndex {
    footer: Arc<Footer>,
    section: Section,
    /// Opened at the first question.
    terms: OnceLock<Dictionary>,
    /// What the last walks found: one query asks more than once.
    walked: Mutex<VecDeque<(PageQuery, Pages)>>,
}

impl std::fmt::Debug for SplitIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SplitIndex")
            .field("open", &self.terms.get().is_some())
            .finish_non_exhaustive()
    }
}

type Answer<T> = Result<T, ReadFailure>;

impl SplitIndex {
    pub(crate) fn new(file: Arc<File>, footer: Arc<Footer>) -> Self {
        let section = Section::new(file, Arc::clone(&footer));
        Self {
            footer,
            section,
            terms: OnceLock::new(),
            walked: Mutex::default(),
        }
    }

    pub(crate) fn candidates(&self, query: &PageQuery) -> Result<Vec<u32>, ReadFailure> {
        Ok(self.answer(query)?.numbers())
    }

    /// The same of some pages, ascending. What costs a walk of the whole dictionary is not asked if
    /// few pages are left: looking at these is cheaper.
    pub(crate) fn candidates_among(&self, query: &PageQuery, among: &[u32]) -> Result<Vec<u32>, ReadFailure> {
        let mut pages = self.none();
        among.iter().for_each(|&page| pages.insert(page));
        if is_walk(query) && pages.count() <= WALK_PAGES_MIN {
            return Ok(pages.numbers());
        }
        let mut found = match query {
            PageQuery::And(parts) => self.all_of(parts, pages.clone())?,
            query => self.answer(query)?,
        };
        found.intersect(&pages);
        Ok(found.numbers())
    }

    /// Checks every byte, and that all terms can be read.
    pub(crate) fn verify(&self) -> Result<(), ReadFailure> {
        match self.terms()? {
            Some(terms) => terms.verify(),
            None => self.section.verify(),
        }
    }

    fn pages(&self) -> u32 {
        self.footer.pages.len() as u32
    }

    fn none(&self) -> Pages {
        Pages::none(self.pages())
    }

    fn all(&self) -> Pages {
        Pages::all(self.pages())
    }

    fn answer(&self, query: &PageQuery) -> Answer<Pages> {
        Ok(match query {
            PageQuery::All => self.all(),
            PageQuery::None => self.none(),
            PageQuery::And(parts) => self.all_of(parts, self.all())?,
            PageQuery::Or(parts) => {
                let mut pages = self.none();
                for part in parts {
                    pages.unite(&self.answer(part)?);
                }
                pages
            }
            PageQuery::Token(token) => self.token(token)?,
            PageQuery::TokenPrefix(prefix) => self.tokens_like(&[prefix.clone(), String::new()])?,
            PageQuery::TokenWildcard(_) | PageQuery::TokenRegex(_) => self.walked(query)?,
            PageQuery::FieldEquals(name, value) => self.field_equals(name, value)?,
            PageQuery::FieldExists(name) => {
                let mut pages = self.field_of_rows(name)?;
                pages.unite(&self.where_stream(|stream| stream.attributes.contains_key(name)));
                pages
            }
            PageQuery::FieldOfRows(name) => self.field_of_rows(name)?,
            PageQuery::Template(id) => self.term(&terms::template(*id))?,
            &PageQuery::Time(start, end) => self.where_page(|p| p.time_min <= end && p.time_max >= start),
            PageQuery::Streams(ids) => self.where_stream(|stream| ids.contains(stream.id)),
            &PageQuery::Severity(least, most) => self
                .where_page(|p| (0..7).any(|rank| rank >= least && rank <= most && p.severity_rows[rank as usize] > 0)),
        })
    }

    /// Those of `pages` that are in all parts: what is cheap to ask goes first, and a walk of the
    /// dictionary is left out if few pages remain.
    fn all_of(&self, parts: &[PageQuery], mut pages: Pages) -> Answer<Pages> {
        let (walks, cheap): (Vec<_>, Vec<_>) = parts.iter().partition(|part| is_walk(part));
        for part in cheap {
            if pages.is_empty() {
                return Ok(pages);
            }
            pages.intersect(&self.answer(part)?);
        }
        for part in walks {
            if pages.count() <= WALK_PAGES_MIN {
                break;
            }
            pages.intersect(&self.answer(part)?);
        }
        Ok(pages)
    }

    fn where_page(&self, holds: impl Fn(&PageEntry) -> bool) -> Pages {
        let mut pages = self.none();
        let holding = self.footer.pages.iter().enumerate().filter(|(_, p)| holds(p));
        holding.for_each(|(page, _)| pages.insert(page as u32));
        pages
    }

    fn where_stream(&self, holds: impl Fn(&Stream) -> bool) -> Pages {
        let holding: Vec<bool> = self.footer.streams.iter().map(|stream| holds(stream)).collect();
        self.where_page(|page| page.streams.iter().any(|&stream| holding[stream as usize]))
    }

    /// Streams of which an attribute's value holds a token that matches: a word is looked for in
    /// any field.
    fn where_stream_token(&self, matches: impl Fn(&str) -> bool) -> Pages {
        let mut lower = Vec::new();
        let mut holds = |value: &str| {
            tokens(value.as_bytes()).any(|token| {
                lower.clear();
                lower_into(&value.as_bytes()[token.start..token.end], &mut lower);
                std::str::from_utf8(&lower).is_ok_and(&matches)
            })
        };
        let holding: Vec<bool> = self
            .footer
            .streams
            .iter()
            .map(|s| s.attributes.values().any(|value| holds(value)))
            .collect();
        self.where_page(|page| page.streams.iter().any(|&stream| holding[stream as usize]))
    }

    fn token(&self, token: &str) -> Answer<Pages> {
        if token.is_empty() {
            return Ok(self.all());
        }
        let mut pages = match terms::id_term(token.as_bytes()) {
            Some(term) => self.bytes_term(&term)?,
            None => self.none(),
        };
        pages.unite(&self.term(cut(token, TOKEN_BYTES_MAX))?);
        if terms::is_fraction(token.as_bytes()) {
            pages.unite(&self.term(HAS_FRACTIONS)?);
        }
        pages.unite(&self.term(TOKENS_CUT)?);
        pages.unite(&self.where_stream_token(|t| t == token));
        Ok(pages)
    }

    fn field_equals(&self, name: &str, value: &str) -> Answer<Pages> {
        let (mut term, value) = (String::new(), terms::lower(value));
        let mut pages = match terms::field_equals(name, &value, &mut term) {
            Some(()) => self.term(&term)?,
            None => {
                let mut pages = self.field_of_rows(name)?;
                for token in tokens(value.as_bytes()) {
                    pages.intersect(&self.token(&value[token.start..token.end])?);
                }
                pages
            }
        };
        pages.unite(&self.term(FIELDS_CUT)?);
        let same = |stream: &Stream| stream.attributes.get(name).is_some_and(|v| terms::lower(v) == value);
        pages.unite(&self.where_stream(same));
        Ok(pages)
    }

    fn field_of_rows(&self, name: &str) -> Answer<Pages> {
        let mut term = String::new();
        terms::field_exists(name, &mut term);
        let mut pages = self.term(&term)?;
        pages.unite(&self.term(FIELDS_CUT)?);
        Ok(pages)
    }

    /// The dictionary; none in a split without rows.
    fn terms(&self) -> Answer<Option<&Dictionary>> {
        if self.footer.pages.is_empty() {
            return Ok(None);
        }
        if let Some(terms) = self.terms.get() {
            return Ok(Some(terms));
        }
        let terms = Dictionary::open(self.section.clone(), self.pages())?;
        Ok(Some(self.terms.get_or_init(|| terms)))
    }

    /// Pages of exactly this term.
    fn term(&self, term: &str) -> Answer<Pages> {
        self.bytes_term(term.as_bytes())
    }

    fn bytes_term(&self, term: &[u8]) -> Answer<Pages> {
        let mut pages = self.none();
        if let Some(terms) = self.terms()? {
            terms.term(term, &mut pages)?;
        }
        Ok(pages)
    }

    /// What pages hold of a generation, or of all, in the order of the file. `None`: the index was
    /// written before it knew.
    pub(crate) fn held(&self, generation: Option<GenerationId>) -> Result<Option<Vec<HeldRange>>, ReadFailure> {
        let prefix = held::prefix(generation);
        self.walk(&prefix, HeldRange::of_term)
    }

    /// Between which offsets of a partition the pages' rows stand. `None`: likewise.
    pub(crate) fn offsets(&self, partition: u32) -> Result<Option<Vec<OffsetRange>>, ReadFailure> {
        let prefix = held::partition_prefix(partition);
        self.walk(&prefix, held::offsets_of_term)
    }

    /// Every term that begins so, as `parse` reads it, with each of its pages.
    fn walk<T>(&self, prefix: &str, parse: impl Fn(&str, u32) -> Option<T>) -> Answer<Option<Vec<T>>> {
        let mut found = Vec::new();
        let Some(terms) = self.terms()? else {
            return Ok(Some(found));
        };
        if !terms.term(HELD.as_bytes(), &mut self.none())? {
            return Ok(None);
        }
        terms.walk(prefix.as_bytes(), &mut |term, pages| {
            let Ok(term) = std::str::from_utf8(term) else { return };
            let of_page = |page| parse(term, page);
            found.extend(pages.numbers().into_iter().filter_map(of_page));
        })?;
        Ok(Some(found))
    }

    fn walked(&self, query: &PageQuery) -> Answer<Pages> {
        let held = |(of, _): &&(PageQuery, Pages)| of == query;
        if let Some((_, pages)) = self.walked.lock().iter().find(held) {
            return Ok(pages.clone());
        }
        let pages = match query {
            PageQuery::TokenWildcard(pieces) => self.tokens_like(pieces)?,
            PageQuery::TokenRegex(regex) => self.tokens_matching(regex)?,
            other => self.answer(other)?,
        };
        if self.pages() <= WALK_PAGES_MAX {
            let mut walked = self.walked.lock();
            walked.truncate(WALKS_HELD_MAX - 1);
            walked.push_front((query.clone(), pages.clone()));
        }
        Ok(pages)
    }

    /// Pages of tokens that a regex matches somewhere in.
    fn tokens_matching(&self, regex: &TokenRegex) -> Answer<Pages> {
        let Some(terms) = self.terms()? else {
            return Ok(self.all());
        };
        let mut pages = self.term(TOKENS_CUT)?;
        pages.unite(&self.where_stream_token(|token| regex.may_match(token.as_bytes())));
        if terms::may_be_id(regex.runs()) {
            pages.unite(&self.term(HAS_IDS)?);
        }
        if terms::may_be_fraction(regex.runs()) {
            pages.unite(&self.term(HAS_FRACTIONS)?);
        }
        let runs = regex.runs().iter().filter(|run| run.is_ascii());
        let within: Vec<&[u8]> = runs.map(|run| run.as_bytes()).collect();
        let wanted = Wanted {
            prefix: b"",
            within: &within,
            test: &|term| regex.may_match(term),
            cut_from: TOKEN_PERHAPS_CUT,
        };
        terms.find(&wanted, &mut pages)?;
        Ok(pages)
    }

    /// Pages of tokens made of the pieces, with anything between them.
    fn tokens_like(&self, pieces: &[String]) -> Answer<Pages> {
        let (Some(first), Some(terms)) = (pieces.first(), self.terms()?) else {
            return Ok(self.all());
        };
        let first = cut(first, TOKEN_BYTES_MAX);
        if pieces.len() == 1 {
            return self.token(&pieces[0]);
        }
        let mut pages = self.term(TOKENS_CUT)?;
        pages.unite(&self.where_stream_token(|token| matches(token, pieces)));
        if terms::may_be_id(pieces) {
            pages.unite(&match terms::id_prefix_term(first) {
                Some(term) => self.bytes_term(&term)?,
                None => self.term(HAS_IDS)?,
            });
        }
        if terms::may_be_fraction(pieces) {
            pages.unite(&self.term(HAS_FRACTIONS)?);
        }
        let within: Vec<&[u8]> = pieces[1..].iter().map(|piece| piece.as_bytes()).collect();
        let wanted = Wanted {
            prefix: first.as_bytes(),
            within: &within,
            test: &|term| std::str::from_utf8(term).is_ok_and(|term| matches(term, pieces)),
            cut_from: TOKEN_PERHAPS_CUT,
        };
        terms.find(&wanted, &mut pages)?;
        Ok(pages)
    }
}

/// Whether answering takes a walk of the whole term dictionary.
fn is_walk(query: &PageQuery) -> bool {
    match query {
        PageQuery::TokenWildcard(pieces) => pieces.first().is_some_and(String::is_empty),
        PageQuery::TokenRegex(_) => true,
        PageQuery::And(parts) | PageQuery::Or(parts) => parts.iter().any(is_walk),
        _ => false,
    }
}

/// Whether the token is the pieces, in order, with anything between them.
fn matches(token: &str, pieces: &[String]) -> bool {
    let [first, middle @ .., last] = pieces else {
        return pieces.iter().all(|p| p == token);
    };
    let Some(mut rest) = token.strip_prefix(first.as_str()) else {
        return false;
    };
    for piece in middle {
        let Some(at) = rest.find(piece.as_str()) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last.as_str())
}
