//! Templates: a line with its variables taken out.
//!
//! Tokens that hold a digit are variables; everything else is fixed. A template's bytes are the
//! fixed text, with a slot where a variable stood: `00 01`. A zero byte of the line is written
//! `00 00`. `00 02` is a slot for the record's time: its value is the form in which the time stands
//! there (`TimeForm`, six bytes), and the text is made from that and the record's time.
//!
//! A line that is structured through and through (`timberline_proto::line::leaves`) has a *shape*
//! for its template: `00 03` stands for each of its values, quotes stay outside. A prefix before a
//! JSON object is cut like any text.
//!
//! A template's id is the first 8 bytes, little-endian, of the SHA-256 of its bytes, and 1 where
//! that is 0; so it is the same in every split. 0 means: not known yet.

use sha2::{Digest, Sha256};
use timberline_proto::line::{Leaf, LeafKind, Structure, fields, leaves, structure};
use timberline_proto::token::tokens;

use super::wire::Corrupt;

const ESCAPE: u8 = 0;
const ESCAPED_ZERO: u8 = 0;
const SLOT_VARIABLE: u8 = 1;
const SLOT_TIME: u8 = 2;
const SLOT_LEAF: u8 = 3;

/// A leaf's slot in a template's bytes.
pub(crate) const LEAF_SLOT: [u8; 2] = [ESCAPE, SLOT_LEAF];

/// In place of a variable's start: the slot is the line's time.
pub(crate) const TIME: u32 = u32::MAX;

/// Cuts `line`: its template's bytes replace `template`, its variables' places are added to
/// `variables`. The time that stands at `time` becomes a slot, unless that would cut a token in
/// two; whether it did.
pub(crate) fn cut(
    line: &[u8],
    time: Option<(usize, usize)>,
    template: &mut Vec<u8>,
    variables: &mut Vec<(u32, u32)>,
) -> bool {
    template.clear();
    let first = variables.len();
    let mut time_left = time;
    let mut fixed_from = 0;
    for token in tokens(line) {
        if let Some((start, end)) = time_left {
            if token.end > start && token.start < end {
                if token.start < start || token.end > end {
                    variables.truncate(first);
                    return cut(line, None, template, variables);
                }
                continue;
            }
            if token.start >= end {
                put_fixed(&line[fixed_from..start], template);
                put_time(template, variables);
                fixed_from = end;
                time_left = None;
            }
        }
        if token.has_digit {
            put_fixed(&line[fixed_from..token.start], template);
            template.extend_from_slice(&[ESCAPE, SLOT_VARIABLE]);
            variables.push((token.start as u32, token.end as u32));
            fixed_from = token.end;
        }
    }
    if let Some((start, end)) = time_left {
        put_fixed(&line[fixed_from..start], template);
        put_time(template, variables);
        fixed_from = end;
    }
    put_fixed(&line[fixed_from..], template);
    time.is_some()
}

/// Cuts a line that has leaves, its structure beginning at `start`, into its shape and its values.
/// The time becomes a slot if it is a whole value or stands before the structure; whether it did.
pub(crate) fn cut_shape(
    line: &[u8],
    time: Option<(usize, usize)>,
    (start, leaves): (usize, &[Leaf]),
    template: &mut Vec<u8>,
    variables: &mut Vec<(u32, u32)>,
) -> bool {
    let before = time.filter(|&(_, end)| end <= start);
    let mut is_slot = cut(&line[..start], before, template, variables);
    let mut fixed_from = start;
    for leaf in leaves {
        put_fixed(&line[fixed_from..leaf.start], template);
        if time == Some((leaf.start, leaf.end)) {
            put_time(template, variables);
            is_slot = true;
        } else {
            template.extend_from_slice(&[ESCAPE, SLOT_LEAF]);
            variables.push((leaf.start as u32, leaf.end as u32));
        }
        fixed_from = leaf.end;
    }
    put_fixed(&line[fixed_from..], template);
    is_slot
}

/// A name of a field with a token of more digits than this, or of nothing else, is a value.
const NAME_DIGITS_MAX: usize = 4;

/// Whether the fixed texts of a shape are names of fields and what is around them. Where they hold
/// values (ids, addresses, numbers as keys), nearly every line would have a shape of its own. The
/// template alone decides.
pub(crate) fn is_of_names(shape: &[u8]) -> bool {
    tokens(shape).filter(|token| token.has_digit).all(|token| {
        let token = &shape[token.start..token.end];
        let digits = token.iter().filter(|byte| byte.is_ascii_digit()).count();
        digits <= NAME_DIGITS_MAX && digits < token.len()
    })
}

fn put_time(template: &mut Vec<u8>, variables: &mut Vec<(u32, u32)>) {
    template.extend_from_slice(&[ESCAPE, SLOT_TIME]);
    variables.push((TIME, 0));
}

fn put_fixed(fixed: &[u8], template: &mut Vec<u8>) {
    let mut rest = fixed;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        template.extend_from_slice(&rest[..at]);
        template.extend_from_slice(&[ESCAPE, ESCAPED_ZERO]);
        rest = &rest[at + 1..];
    }
    template.extend_from_slice(rest);
}

/// A template's stable id.
pub(crate) fn stable_id(template: &[u8]) -> u64 {
    let hash = Sha256::digest(template);
    let id = u64::from_le_bytes(hash[..8].try_into().expect("a hash has 32 bytes"));
    id.max(1)
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotKind {
    Variable,
    Time,
    Leaf,
}

/// A template taken apart: fixed texts around its slots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
    fixed: Vec<u8>,
    /// Where each fixed text ends; one more than there are slots.
    ends: Vec<usize>,
    kinds: Vec<SlotKind>,
}

impl Pieces {
    pub(crate) fn of(template: &[u8]) -> Result<Self, Corrupt> {
        let mut pieces = Self::default();
        let mut rest = template;
        while let Some(at) = memchr::memchr(ESCAPE, rest) {
            pieces.fixed.extend_from_slice(&rest[..at]);
            let kind = match rest.get(at + 1) {
                Some(&ESCAPED_ZERO) => None,
                Some(&SLOT_VARIABLE) => Some(SlotKind::Variable),
                Some(&SLOT_TIME) => Some(SlotKind::Time),
                Some(&SLOT_LEAF) => Some(SlotKind::Leaf),
                _ => return Err(Corrupt("unknown slot in a template")),
            };
            match kind {
                None => pieces.fixed.push(0),
                Some(kind) => {
                    pieces.ends.push(pieces.fixed.len());
                    pieces.kinds.push(kind);
                }
            }
            rest = &rest[at + 2..];
        }
        pieces.fixed.extend_from_slice(rest);
        pieces.ends.push(pieces.fixed.len());
        Ok(pieces)
    }

    /// Bytes of all fixed texts.
    pub(crate) fn fixed_bytes(&self) -> usize {
        self.fixed.len()
    }

    /// Whether a slot holds any text, and not one token with a digit.
    pub(crate) fn has_leaves(&self) -> bool {
        self.kinds.contains(&SlotKind::Leaf)
    }

    /// The slot of the time.
    pub(crate) fn time_slot(&self) -> Option<usize> {
        self.kinds.iter().position(|kind| *kind == SlotKind::Time)
    }

    /// Per slot.
    pub(crate) fn kinds(&self) -> &[SlotKind] {
        &self.kinds
    }

    pub(crate) fn slots(&self) -> usize {
        self.kinds.len()
    }

    /// The fixed texts, in order: before the first slot, between, after the last.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.fixed[start..end])
    }

    /// The fields of its lines, unless they would be more than `left`, from which they are taken.
    pub(crate) fn shape_within(&self, left: &mut usize) -> Shape {
        if self.has_leaves() {
            match left.checked_sub(self.slots()) {
                Some(less) => *left = less,
                None => return Shape::Unread,
            }
        }
        self.shape()
    }

    /// The fields of its lines.
    pub(crate) fn shape(&self) -> Shape {
        // A line of it: what stands in slots decides nothing about the structure.
        let mut line = Vec::with_capacity(self.fixed.len() + self.slots());
        let mut starts = Vec::with_capacity(self.slots());
        for (slot, fixed) in self.fixed().enumerate() {
            if slot > 0 {
                starts.push(line.len());
                line.push(b'0');
            }
            line.extend_from_slice(fixed);
        }
        if structure(&line) == Structure::Plain {
            return Shape::Plain;
        }
        let mut found = Vec::new();
        if !self.kinds.contains(&SlotKind::Leaf) || leaves(&line, &mut found).is_none() {
            return Shape::Unread;
        }
        let mut names = Vec::with_capacity(found.len());
        fields(&line, &mut |name, _| {
            names.push(name.to_owned());
            true
        });
        if names.len() != found.len() {
            return Shape::Unread;
        }
        let field = |(name, leaf): (String, &Leaf)| {
            let slot = starts.binary_search(&leaf.start).ok()?;
            let kind = leaf.kind;
            // What is no value of the line's may look like one with another text in its place.
            (self.kinds[slot] != SlotKind::Variable).then_some(LeafField { name, slot, kind })
        };
        let fields: Option<Vec<LeafField>> = names.into_iter().zip(&found).map(field).collect();
        fields.map_or(Shape::Unread, Shape::Fields)
    }
}

/// The fields of a template's lines.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// None of its lines has any.
    Plain,
    /// These, in the order in which a line gives them: each is what fills a slot.
    Fields(Vec<LeafField>),
    /// They must be read from each line.
    Unread,
}

/// A field that is a slot.
#[derive(Clone, Debug, PartialEq)]
pub struct LeafField {
    /// The dotted name; may come more than once in a shape.
    pub name: String,
    /// The slot that holds its value, as it stands in the line.
    pub slot: usize,
    /// How the bytes are read, by `timberline_proto::line::leaf_value`.
    pub kind: LeafKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shape_of(line: &str) -> (Vec<u8>, Shape) {
        let (mut found, mut template, mut variables) = (Vec::new(), Vec::new(), Vec::new());
        let start = leaves(line.as_bytes(), &mut found).unwrap();
        cut_shape(line.as_bytes(), None, (start, &found), &mut template, &mut variables);
        let shape = Pieces::of(&template).unwrap().shape();
        (template, shape)
    }

    #[test]
    fn a_shape_keeps_names_and_spacing_and_gives_each_value_a_slot() {
        let (template, shape) = shape_of(r#"p7: {"a": "x 1" ,"b":{"c":[1,"y"]}}"#);
        assert_eq!(
            template,
            b"\0\x01: {\"a\": \"\0\x03\" ,\"b\":{\"c\":[\0\x03,\"\0\x03\"]}}"
        );
        let Shape::Fields(fields) = shape else {
            panic!("{shape:?}")
        };
        let names: Vec<_> = fields.iter().map(|f| (f.name.as_str(), f.slot)).collect();
        assert_eq!(names, [("a", 1), ("b.c", 2), ("b.c", 3)]);
    }

    #[test]
    fn logfmt_has_a_shape_too() {
        let (template, _) = shape_of("level=info  msg=\"a b\" n=");
        assert_eq!(template, b"level=\0\x03  msg=\"\0\x03\" n=\0\x03");
    }

    #[test]
    fn a_template_of_text_has_no_fields() {
        assert_eq!(Pieces::of(b"took \0\x01 ms").unwrap().shape(), Shape::Plain);
        assert_eq!(Pieces::of(b"{\"a\":\0\x01").unwrap().shape(), Shape::Unread);
        // Words in pairs behind text stay in the template.
        let pairs = b"sshd[\0\x01]: authentication failure; uid=\0\x01 user=root";
        assert_eq!(Pieces::of(pairs).unwrap().shape(), Shape::Unread);
    }
}
