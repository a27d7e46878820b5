//! The attributes block: what is known of records and not in their lines.

use timberline_proto::batch::AttributeValue;
use timberline_proto::integrity::record::json_text;

use super::PageRows;
use crate::split::block::{Sinks, Unpacked};
use crate::split::column::{self, choices, ints, values};
use crate::split::hash::FastMap;
use crate::split::wire::{Corrupt, put_bytes, put_varint};

pub(crate) type Attributes = Box<[(String, AttributeValue)]>;

pub(crate) fn encode_attributes(page: &PageRows<'_>, out: &mut Sinks) {
    let rows = || page.range().map(|row| page.rows.attributes(row));
    if rows().all(<[_]>::is_empty) {
        return;
    }
    let mut numbers: FastMap<Vec<u8>, usize> = FastMap::default();
    let mut sets: Vec<Vec<Vec<Vec<u8>>>> = Vec::new();
    let mut which = Vec::with_capacity(page.len());
    let mut names = Vec::new();
    for attributes in rows() {
        names.clear();
        put_varint(&mut names, attributes.len() as u64);
        let mut texts = Vec::with_capacity(attributes.len());
        for (name, value) in attributes {
            put_bytes(&mut names, name.as_bytes());
            let (kind, text) = to_bytes(value);
            names.push(kind);
            texts.push(text);
        }
        let next = sets.len();
        let number = *numbers.entry(names.clone()).or_insert(next);
        if number == next {
            sets.push(vec![Vec::new(); texts.len()]);
        }
        which.push(number as i64);
        sets[number]
            .iter_mut()
            .zip(texts)
            .for_each(|(column, text)| column.push(text));
    }
    let mut in_order: Vec<_> = numbers.into_iter().map(|(names, number)| (number, names)).collect();
    in_order.sort_unstable();
    put_varint(&mut out.meta, in_order.len() as u64);
    in_order.iter().for_each(|(_, names)| out.meta.extend_from_slice(names));
    ints::encode(&which, out);
    for column in sets.iter().flatten() {
        values::encode(&column.iter().map(Vec::as_slice).collect::<Vec<_>>(), out);
    }
}

/// Decodes the attributes of a page of `rows` rows.
pub(crate) fn decode_attributes(block: &[u8], rows: usize) -> Result<Vec<Attributes>, Corrupt> {
    if block.is_empty() {
        return Ok(vec![Attributes::default(); rows]);
    }
    let unpacked = Unpacked::new(block)?;
    let mut from = unpacked.sources();
    let mut sets = Vec::new();
    for _ in 0..from.meta.count()? {
        let mut names = Vec::new();
        for _ in 0..from.meta.count()? {
            names.push((from.meta.text()?, from.meta.u8()?));
        }
        sets.push(names);
    }
    let which = choices(ints::decode(rows, &mut from)?, sets.len())?;
    let mut rows_of = vec![0; sets.len()];
    which.iter().for_each(|&which| rows_of[which as usize] += 1);
    let mut columns = Vec::with_capacity(sets.len());
    for (names, &rows) in sets.iter().zip(&rows_of) {
        if rows == 0 {
            return Err(Corrupt("set of attributes without rows"));
        }
        let set: Result<Vec<_>, Corrupt> = names.iter().map(|_| column::decode(rows, &mut from)).collect();
        columns.push(set?);
    }
    from.end()?;
    let mut text = Vec::new();
    let mut next = vec![0; sets.len()];
    let row = |which: u32| {
        let which = which as usize;
        let mut attributes = Vec::with_capacity(sets[which].len());
        for ((name, kind), column) in sets[which].iter().zip(&columns[which]) {
            text.clear();
            column.value_into(next[which], unpacked.text(), &mut text);
            attributes.push(((*name).to_owned(), from_bytes(*kind, &text)?));
        }
        next[which] += 1;
        Ok(attributes.into_boxed_slice())
    };
    which.into_iter().map(row).collect()
}

fn to_bytes(value: &AttributeValue) -> (u8, Vec<u8>) {
    match value {
        AttributeValue::Text(text) => (b's', text.clone().into_bytes()),
        AttributeValue::Integer(number) => (b'i', number.to_string().into_bytes()),
        AttributeValue::Number(number) => (b'f', number.to_bits().to_le_bytes().to_vec()),
        AttributeValue::Bool(value) => (b'b', vec![u8::from(*value)]),
        AttributeValue::Json(value) => (b'j', json_text(value).into_bytes()),
    }
}

fn from_bytes(kind: u8, bytes: &[u8]) -> Result<AttributeValue, Corrupt> {
    let text = || std::str::from_utf8(bytes).map_err(|_| Corrupt("attribute is not UTF-8"));
    Ok(match kind {
        b's' => AttributeValue::Text(text()?.to_owned()),
        b'i' => AttributeValue::Integer(text()?.parse().map_err(|_| Corrupt("attribute is no number"))?),
        b'f' => {
            let bits = bytes.try_into().map_err(|_| Corrupt("attribute is no number"))?;
            AttributeValue::Number(f64::from_bits(u64::from_le_bytes(bits)))
        }
        b'b' => AttributeValue::Bool(bytes == [1]),
        b'j' => AttributeValue::Json(serde_json::from_str(text()?).map_err(|_| Corrupt("attribute is no JSON"))?),
        _ => return Err(Corrupt("unknown type of attribute")),
    })
}
