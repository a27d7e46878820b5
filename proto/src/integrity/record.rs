//! A record as bytes, and its leaf.
//!
//! Little-endian; *bytes* are a length u32 and so many bytes.
//!
//! ```text
//! leaf     SHA-256( 00 ‖ salt 16 ‖ record )
//! record   01 ‖ context 32 ‖ partition u32 ‖ offset u64 ‖ time i64 ‖ observed i64 ‖ flags u8 ‖
//!          severity u8 ‖ [start u64 ‖ source bytes u32] ‖ [part u32] ‖ line bytes ‖
//!          attributes u32 ‖ per attribute: name bytes ‖ type u8 ‖ value bytes
//! flags    1 its time was found in the line, 2 it has a place, 4 it is a part, 8 the last one
//! context  SHA-256( "timberline record context 1" 00 ‖ topic bytes ‖ stream u64 ‖ count u32 ‖ per
//!          attribute of the stream: name bytes ‖ value bytes ‖ 00, or 01 ‖ agent 16 ‖ generation 16 )
//! ```
//!
//! The context is what neighbours share, so it is hashed once for them. An attribute's type and
//! value are as in a split: `s` text, `i` whole number in decimal, `f` the 8 bytes of an IEEE 754
//! number, `b` 00 or 01, `j` JSON ([`json_text`]).

use std::collections::BTreeMap;

use super::hash::{Hash, LEAF};
use super::salt::Salt;
use crate::batch::AttributeValue;
use crate::id::{AgentId, GenerationId};

const VERSION: u8 = 1;
const CONTEXT: &[u8] = b"timberline record context 1\0";
const TIME_PARSED: u8 = 1;
const PLACED: u8 = 2;
const PART: u8 = 4;
const LAST_PART: u8 = 8;
/// Text of a JSON value settles after one turn, or two where a number is rounded.
const JSON_TURNS_MAX: usize = 8;

/// The hash of what neighbouring records share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(pub Hash);

impl Context {
    /// Of records of a stream in a topic, and of a file if they come from one.
    pub fn new(
        topic: &str,
        stream_id: u64,
        stream: &BTreeMap<String, String>,
        file: Option<(AgentId, GenerationId)>,
    ) -> Self {
        let mut bytes = CONTEXT.to_vec();
        put_bytes(&mut bytes, topic.as_bytes());
        bytes.extend_from_slice(&stream_id.to_le_bytes());
        bytes.extend_from_slice(&(stream.len() as u32).to_le_bytes());
        for (name, value) in stream {
            put_bytes(&mut bytes, name.as_bytes());
            put_bytes(&mut bytes, value.as_bytes());
        }
        match file {
            None => bytes.push(0),
            Some((agent, generation)) => {
                bytes.push(1);
                bytes.extend_from_slice(&agent.0);
                bytes.extend_from_slice(&generation.0);
            }
        }
        Self(Hash::of(&bytes))
    }
}

/// Where a record stands in the file that its context names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// The first byte.
    pub start: u64,
    /// Bytes in the file, line end included.
    pub source_bytes: u32,
}

/// A record, borrowed, to be hashed.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// What it shares with its neighbours.
    pub context: Context,
    /// Queue partition.
    pub partition: u32,
    /// Offset there.
    pub offset: u64,
    /// Its time, nanoseconds since the epoch.
    pub time_nanos: i64,
    /// Whether that was found in the line.
    pub time_parsed: bool,
    /// When it was read, nanoseconds.
    pub observed_nanos: i64,
    /// Severity rank, 0–6.
    pub severity: u8,
    /// Its place, if it comes from a file.
    pub place: Option<RecordPlace>,
    /// Index and last, if it is a part of a long line.
    pub part: Option<(u32, bool)>,
    /// The line.
    pub line: &'a [u8],
    /// What is known of it and not in the line.
    pub attributes: &'a [(String, AttributeValue)],
}

impl Leaf<'_> {
    /// The leaf's hash. `buffer` is there to be used again.
    pub fn hash(&self, salt: &Salt, buffer: &mut Vec<u8>) -> Hash {
        buffer.clear();
        buffer.push(LEAF);
        buffer.extend_from_slice(salt);
        self.put(buffer);
        Hash::of(buffer)
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.context.0.0);
        out.extend_from_slice(&self.partition.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.time_nanos.to_le_bytes());
        out.extend_from_slice(&self.observed_nanos.to_le_bytes());
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(
            flag(self.time_parsed, TIME_PARSED)
                | flag(self.place.is_some(), PLACED)
                | flag(self.part.is_some(), PART)
                | flag(self.part.is_some_and(|(_, last)| last), LAST_PART),
        );
        out.push(self.severity);
        if let Some(place) = self.place {
            out.extend_from_slice(&place.start.to_le_bytes());
            out.extend_from_slice(&place.source_bytes.to_le_bytes());
        }
        if let Some((index, _)) = self.part {
            out.extend_from_slice(&index.to_le_bytes());
        }
        put_bytes(out, self.line);
        out.extend_from_slice(&(self.attributes.len() as u32).to_le_bytes());
        for (name, value) in self.attributes {
            put_bytes(out, name.as_bytes());
            put_attribute(out, value);
        }
    }
}

fn put_attribute(out: &mut Vec<u8>, value: &AttributeValue) {
    match value {
        AttributeValue::Text(text) => put_typed(out, b's', text.as_bytes()),
        AttributeValue::Integer(number) => put_typed(out, b'i', number.to_string().as_bytes()),
        AttributeValue::Number(number) => put_typed(out, b'f', &number.to_bits().to_le_bytes()),
        AttributeValue::Bool(value) => put_typed(out, b'b', &[u8::from(*value)]),
        AttributeValue::Json(value) => put_typed(out, b'j', json_text(value).as_bytes()),
    }
}

fn put_typed(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.push(kind);
    put_bytes(out, value);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // A line, a name and a value come in batches, which are far below 4 GiB.
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// A JSON value as text that is the same once it was read and written again: a fraction may lose its
/// last bit when it is read, and is written as what it was read as.
pub fn json_text(value: &serde_json::Value) -> String {
    let mut text = value.to_string();
    for _ in 0..JSON_TURNS_MAX {
        let again = serde_json::from_str::<serde_json::Value>(&text);
        match again.map(|value| value.to_string()) {
            Ok(next) if next != text => text = next,
            _ => break,
        }
    }
    text
}
