//! A filter asked of one split: once per stream, once per template.

use std::sync::{Arc, OnceLock};

use timberline_proto::line::Severity;

use super::decider::{DecidedLeaf, Decider, Kind, Node};
use super::fields::may_have;
use super::templates::TemplateVerdicts;
use super::verdict::Verdict;
use crate::read::cache::{Cache, CacheKey};
use crate::read::running::Running;
use crate::split::summary::{Cell, Summary};
use crate::split::{PageCore, PageQuery, PageText, Split, SplitError, Templates};

/// Bytes of templates that are asked between two looks at whether the query still runs.
const CHECK_BYTES: usize = 64 << 10;

/// A filter asked of one split for one query. What was asked once is kept.
#[derive(Debug)]
pub(crate) struct SplitDecider {
    pub(crate) split: Arc<Split>,
    pub(crate) summary: Option<Arc<Summary>>,
    cache: Arc<Cache>,
    decider: Arc<Decider>,
    found: Arc<Found>,
    running: Arc<Running>,
}

/// What was found by asking a filter of a split. It holds neither, so that it can be kept without
/// keeping a file open.
#[derive(Debug)]
pub(crate) struct Found {
    leaves: Vec<LeafOfSplit>,
}

#[derive(Debug)]
struct LeafOfSplit {
    /// Per stream of the split, whether one of its attributes passes.
    streams: Vec<bool>,
    /// Per rank, whether it passes.
    severities: [bool; 7],
    /// Per stripe.
    stripes: Vec<OnceLock<TemplateVerdicts>>,
    /// Per page, whether rows may have the field themselves; of a test of lines, whether a line or an
    /// attribute may pass.
    pages: OnceLock<Box<[bool]>>,
    topic: bool,
}

impl Found {
    /// Of a filter of which nothing was asked yet.
    pub(crate) fn new(decider: &Decider, split: &Split, topic: &str) -> Self {
        let of_split = |leaf: &DecidedLeaf| LeafOfSplit {
            streams: split
                .streams()
                .iter()
                .map(|stream| leaf.stream_passes(stream))
                .collect(),
            severities: std::array::from_fn(|rank| {
                Severity::from_rank(rank as u8).is_some_and(|severity| leaf.severity_passes(severity))
            }),
            stripes: (0..split.stripes()).map(|_| OnceLock::new()).collect(),
            pages: OnceLock::new(),
            topic: matches!(leaf.kind, Kind::Topic) && leaf.value_passes(topic),
        };
        Self {
            leaves: decider.leaves.iter().map(of_split).collect(),
        }
    }

    /// About what it takes in memory once everything was asked of the split.
    pub(crate) fn bytes(&self, split: &Split) -> usize {
        let of_leaf = split.template_count() + split.streams().len() + split.pages().len() + split.stripes() * 32;
        self.leaves.len() * (of_leaf + size_of::<LeafOfSplit>())
    }
}

impl SplitDecider {
    /// `found` is of the same filter and split, whichever file the split was opened from.
    pub(crate) fn new(
        decider: &Arc<Decider>,
        split: &Arc<Split>,
        summary: Option<Arc<Summary>>,
        found: Arc<Found>,
        cache: &Arc<Cache>,
        running: &Arc<Running>,
    ) -> Self {
        Self {
            split: Arc::clone(split),
            cache: Arc::clone(cache),
            summary,
            decider: Arc::clone(decider),
            found,
            running: Arc::clone(running),
        }
    }

    /// The filter for one page.
    pub(crate) fn page(&self, page: u32) -> Result<PageDecider<'_>, SplitError> {
        let stripe = self.split.page_stripe(page);
        let has_attributes = self.split.page_has_attributes(page);
        let mut leaves = Vec::with_capacity(self.decider.leaves.len());
        for (leaf, of_split) in self.decider.leaves.iter().zip(&self.found.leaves) {
            let (is_line, may) = match &leaf.kind {
                Kind::Severity | Kind::Named => (
                    false,
                    self.may_have(of_split, page, &PageQuery::FieldOfRows(leaf.name.clone()))?,
                ),
                Kind::Anywhere(test) | Kind::Body(test) => (true, self.may_have(of_split, page, &test.pages)?),
                _ => (false, has_attributes),
            };
            leaves.push(LeafOfPage {
                leaf,
                of_split,
                // Of a field or a word that no row of the page has, templates are not asked.
                templates: match leaf.kind {
                    Kind::Severity | Kind::Named | Kind::Anywhere(_) | Kind::Body(_) if !may => None,
                    _ => self.stripe(leaf, of_split, stripe, page)?,
                },
                line_may: is_line && may,
                row_may: may && (!is_line || has_attributes),
                has_attributes,
            });
        }
        Ok(PageDecider {
            root: &self.decider.root,
            leaves,
        })
    }

    /// The verdict on all of a page's rows together, and on each of its cells; `None` without a
    /// summary.
    pub(crate) fn cells(&self, page: u32) -> Result<Option<Vec<(Cell, Verdict)>>, SplitError> {
        let Some(summary) = &self.summary else { return Ok(None) };
        let decider = self.page(page)?;
        let cells = summary.cells(page).iter();
        // Most filters are one test: there is no tree to go through for each cell.
        Ok(Some(match decider.root {
            Node::Leaf(at) => {
                let leaf = &decider.leaves[*at];
                let of = |cell: &Cell| {
                    leaf.verdict(cell.template as usize, cell.stream as usize, usize::from(cell.severity))
                };
                cells.map(|cell| (*cell, of(cell))).collect()
            }
            _ => cells
                .map(|cell| (*cell, decider.verdict(cell.template, cell.stream, cell.severity)))
                .collect(),
        }))
    }

    /// Whether no row of a page can match.
    pub(crate) fn holds_none(&self, page: u32) -> Result<bool, SplitError> {
        let cells = self.cells(page)?;
        Ok(cells.is_some_and(|cells| cells.iter().all(|(_, verdict)| *verdict == Verdict::No)))
    }

    /// What a leaf says of the templates of a page, or of more of its stripe's.
    fn stripe<'a>(
        &self,
        leaf: &DecidedLeaf,
        of_split: &'a LeafOfSplit,
        stripe: u32,
        page: u32,
    ) -> Result<Option<&'a TemplateVerdicts>, SplitError> {
        if matches!(leaf.kind, Kind::Topic | Kind::Unknown) {
            return Ok(None);
        }
        let new = || TemplateVerdicts::new(self.split.templates_of(stripe));
        let held = of_split.stripes[stripe as usize].get_or_init(new);
        if held.is_complete() {
            return Ok(Some(held));
        }
        let all = 0..held.len() as u32;
        let left: Vec<u32> = match &self.summary {
            Some(summary) => {
                let of_page = summary.cells(page).iter().map(|cell| cell.template);
                of_page.filter(|number| !held.is_asked(*number)).collect()
            }
            None => all.filter(|number| !held.is_asked(*number)).collect(),
        };
        if left.is_empty() {
            return Ok(Some(held));
        }
        let templates = self.templates(stripe, page)?;
        if let Kind::Anywhere(test) | Kind::Body(test) = &leaf.kind
            && let Some(verdicts) = test.of_templates(&templates, &|| self.is_stopped())
        {
            if self.is_stopped() {
                return Err(SplitError::Stopped);
            }
            held.set_all(verdicts);
            return Ok(Some(held));
        }
        let mut bytes = 0;
        for number in left {
            bytes += templates.bytes(number).len();
            if bytes > CHECK_BYTES {
                bytes = 0;
                if self.is_stopped() {
                    return Err(SplitError::Stopped);
                }
            }
            let verdict = match &leaf.kind {
                Kind::Anywhere(test) | Kind::Body(test) => test.of_number(&templates, number),
                Kind::Severity | Kind::Named => may_have(&templates, number, &leaf.name),
                _ => Verdict::of(leaf.value_passes(&format!("{:016x}", templates.id(number)))),
            };
            held.set(number, verdict);
        }
        Ok(Some(held))
    }

    fn is_stopped(&self) -> bool {
        self.running.check().is_err()
    }

    /// A stripe's templates, kept for the next filter.
    fn templates(&self, stripe: u32, page: u32) -> Result<Arc<Templates>, SplitError> {
        let key = CacheKey {
            split: self.split.meta().id.clone(),
            question: format!("templates {stripe}"),
        };
        if let Some(held) = self.cache.get::<Templates>(&key) {
            return Ok(held);
        }
        let templates = self.split.templates(page)?;
        self.cache.put(key, &templates, templates.memory_bytes());
        Ok(templates)
    }

    /// Whether the index names the page; the leaf asks it one thing only.
    fn may_have(&self, of_split: &LeafOfSplit, page: u32, query: &PageQuery) -> Result<bool, SplitError> {
        if *query == PageQuery::All {
            return Ok(true);
        }
        let pages = match of_split.pages.get() {
            Some(pages) => pages,
            None => {
                let mut pages = vec![false; self.split.pages().len()];
                for page in self.split.candidates(query)? {
                    pages[page as usize] = true;
                }
                of_split.pages.get_or_init(|| pages.into())
            }
        };
        Ok(pages[page as usize])
    }
}

/// A filter for the rows of one page.
#[derive(Debug)]
pub(crate) struct PageDecider<'a> {
    pub(super) root: &'a Node,
    pub(super) leaves: Vec<LeafOfPage<'a>>,
}

#[derive(Debug)]
pub(super) struct LeafOfPage<'a> {
    pub(super) leaf: &'a DecidedLeaf,
    of_split: &'a LeafOfSplit,
    /// Of a field, whether lines may have it.
    templates: Option<&'a TemplateVerdicts>,
    /// Of a test of lines, whether one may pass.
    line_may: bool,
    /// Whether rows may have attributes or fields that matter.
    pub(super) row_may: bool,
    /// Whether rows have attributes.
    pub(super) has_attributes: bool,
}

impl PageDecider<'_> {
    /// What is known of the rows of a template (number in the stripe), stream (number in the split)
    /// and severity (rank).
    pub(crate) fn verdict(&self, template: u32, stream: u32, severity: u8) -> Verdict {
        self.node(self.root, template as usize, stream as usize, usize::from(severity))
    }

    /// Whether streams and severities alone decide, where no template matters.
    pub(crate) fn is_decided(&self) -> bool {
        self.leaves
            .iter()
            .all(|leaf| matches!(leaf.leaf.kind, Kind::Topic) || !leaf.row_may)
    }

    /// Settles the rows (with their verdicts) of one of the page's templates by fields of their lines,
    /// and takes out those that cannot match for lack of a token.
    pub(crate) fn narrow(&self, text: &PageText, core: &PageCore, which: usize, rows: &mut Vec<(u32, Verdict)>) {
        self.settle(text, core, which, rows);
        if !rows.iter().any(|(_, verdict)| *verdict == Verdict::Maybe) {
            return;
        }
        let Node::And(all) = self.root else {
            return self.narrow_by(self.root, text, core, which, rows);
        };
        all.iter()
            .for_each(|node| self.narrow_by(node, text, core, which, rows));
    }

    fn narrow_by(&self, node: &Node, text: &PageText, core: &PageCore, which: usize, rows: &mut Vec<(u32, Verdict)>) {
        let Node::Leaf(at) = node else { return };
        let leaf = &self.leaves[*at];
        let test = match &leaf.leaf.kind {
            Kind::Body(test) => test,
            Kind::Anywhere(test) if !leaf.row_may => test,
            _ => return,
        };
        let settles = test.is_token && matches!(self.root, Node::Leaf(_));
        let passes = |row: u32| leaf.of_split.streams[core.streams()[row as usize] as usize];
        let of_template = text.rows_of(which);
        let mut holds = vec![false; of_template.len()];
        // Both ascend.
        let mut places = Vec::with_capacity(rows.len());
        let mut place = 0;
        for &(row, _) in rows.iter() {
            place += of_template[place..].iter().take_while(|&&other| other < row).count();
            holds[place] = true;
            places.push(place);
        }
        test.needs.narrow(text, which, &mut holds);
        let mut places = places.into_iter();
        rows.retain_mut(|(row, verdict)| {
            let has_it = places.next().is_some_and(|place| holds[place]);
            if has_it && settles {
                *verdict = Verdict::Yes;
            }
            *verdict == Verdict::Yes || has_it || passes(*row)
        });
    }

    fn node(&self, node: &Node, template: usize, stream: usize, severity: usize) -> Verdict {
        let of = |node: &Node| self.node(node, template, stream, severity);
        match node {
            Node::All => Verdict::Yes,
            Node::And(all) => {
                let mut verdict = Verdict::Yes;
                for node in all {
                    verdict = verdict.and(of(node));
                    if verdict == Verdict::No {
                        break;
                    }
                }
                verdict
            }
            Node::Or(any) => any.iter().map(of).fold(Verdict::No, Verdict::or),
            Node::Not(inner) => of(inner).not(),
            Node::Leaf(at) => self.leaves[*at].verdict(template, stream, severity),
        }
    }
}

impl LeafOfPage<'_> {
    #[inline]
    pub(super) fn verdict(&self, template: usize, stream: usize, severity: usize) -> Verdict {
        // What only the row knows can pass, where nothing else does.
        let unless_row = || Verdict::possibly(self.row_may);
        let of_template = || self.templates.map_or(Verdict::Maybe, |held| held.get(template));
        let unless_field = || match self.row_may && !self.has_attributes {
            true => of_template(),
            false => unless_row(),
        };
        let of_stream = || Verdict::of(self.of_split.streams[stream]);
        match self.leaf.kind {
            Kind::Anywhere(_) if !self.line_may => of_stream(),
            Kind::Body(_) if !self.line_may => Verdict::No,
            Kind::Anywhere(_) => of_template().or(of_stream()).or(unless_row()),
            Kind::Body(_) | Kind::Template => of_template(),
            Kind::Severity => Verdict::of(self.of_split.severities[severity])
                .or(of_stream())
                .or(unless_field()),
            Kind::Named => of_stream().or(unless_field()),
            Kind::Topic => Verdict::of(self.of_split.topic),
            Kind::Unknown => Verdict::Maybe,
        }
    }
}
