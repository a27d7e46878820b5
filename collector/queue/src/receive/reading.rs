//! From a message to a record: what it says of itself, and what is known of its sender.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{TimeHints, TimeReader};
use timberline_proto::receive::{self, PARSE_ERROR, PARTIAL, Said};

use super::counts::{Counts, add};
use super::intake::{Intake, Room};
use super::options::Protocol;

/// What a record costs in memory beside its bytes.
const RECORD_BYTES: usize = 256;
const ATTRIBUTE_BYTES: usize = 48;
/// Of a stream's host and program.
const NAME_BYTES_MAX: usize = 255;

/// A record, before it is in a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The message.
    pub line: Vec<u8>,
    /// Its time, nanoseconds, and whether it named one.
    pub time: (i64, bool),
    /// Index, and whether it is the last, of a part of a line that is too long.
    pub part: Option<(u32, bool)>,
    /// What it says of itself, and who sent it.
    pub attributes: Vec<(String, AttributeValue)>,
}

impl Received {
    /// Bytes that it takes of its generation: its line and one byte, as of a line feed.
    pub(super) fn source_len(&self) -> u32 {
        let ends = self.part.is_none_or(|(_, last)| last);
        (self.line.len() as u32).saturating_add(ends.into())
    }
}

/// A record on its way to the writer.
#[derive(Debug)]
pub(super) struct Item {
    /// The listener's number.
    pub(super) listener: usize,
    pub(super) host: String,
    pub(super) service: String,
    pub(super) record: Received,
    /// What it takes of the intake.
    pub(super) cost: usize,
    /// Given back when it is durable.
    pub(super) _room: Room,
}

/// What the reading of one sender's messages shares.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) shared: Arc<Shared>,
    times: TimeReader,
    /// What the first piece of a long message said.
    long: Option<Said>,
}

/// What all readings of a listener share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) number: usize,
    pub(super) protocol: Protocol,
    pub(super) message_bytes_max: usize,
    pub(super) host: String,
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) counts: Counts,
    pub(super) intake: Arc<Intake>,
}

/// A message that was read and has no room yet.
pub(super) struct Ready {
    host: String,
    service: String,
    record: Received,
    pub(super) cost: usize,
}

impl Reading {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            times: TimeReader::new(),
            long: None,
        }
    }

    /// Reads a message, or a piece of one: then all pieces are of the host and program that the first
    /// one names. `why_not` says what keeps it from being read.
    pub(super) fn read(&mut self, peer: IpAddr, bytes: &[u8], piece: Piece, why_not: Option<&str>) -> Ready {
        let now = now_nanos();
        let said = match (&self.long, why_not) {
            (Some(first), _) if piece.continues => Said {
                attributes: first.attributes.clone(),
                ..first.clone()
            },
            (_, Some(why)) => Said {
                attributes: vec![(PARSE_ERROR.to_owned(), AttributeValue::Text(why.to_owned()))],
                ..Said::default()
            },
            _ => self.said(bytes, now),
        };
        self.long = piece.is_partial.then(|| said.clone());
        let Said {
            time_nanos,
            host,
            service,
            mut attributes,
        } = said;
        if attributes.iter().any(|(name, _)| name == PARSE_ERROR) {
            add(&self.shared.counts.unread, 1);
        }
        if piece.is_partial {
            attributes.push((PARTIAL.to_owned(), AttributeValue::Bool(true)));
        }
        let peer = peer.to_canonical();
        attributes.push((
            "network.peer.address".to_owned(),
            AttributeValue::Text(peer.to_string()),
        ));
        let record = Received {
            line: bytes.to_vec(),
            time: time_nanos.map_or((now, false), |nanos| (nanos, true)),
            part: None,
            attributes,
        };
        Ready {
            host: host.map(within).unwrap_or_else(|| match peer.is_loopback() {
                true => self.shared.host.clone(),
                false => peer.to_string(),
            }),
            service: service
                .map(within)
                .unwrap_or_else(|| self.shared.protocol.name().to_owned()),
            cost: record.cost(),
            record,
        }
    }

    fn said(&mut self, bytes: &[u8], now: i64) -> Said {
        let hints = TimeHints {
            reference_nanos: now,
            zone: self.shared.zone.clone(),
        };
        match self.shared.protocol {
            Protocol::Syslog => receive::syslog(bytes, &mut self.times, &hints),
            Protocol::Gelf => receive::gelf(bytes, &mut self.times, &hints),
            // Lines are read where they are cut.
            Protocol::Lines => Said::default(),
        }
    }

    /// Reads a message that may be packed.
    pub(super) fn read_packed(&mut self, peer: IpAddr, message: &[u8]) -> Ready {
        if self.shared.protocol == Protocol::Syslog {
            return self.read(peer, message, Piece::WHOLE, None);
        }
        match receive::unpack(message, self.shared.message_bytes_max.max(message.len())) {
            Ok(unpacked) => self.read(peer, &unpacked, Piece::WHOLE, None),
            // Kept as it came: what it is may be found out later.
            Err(error) => self.read(peer, message, Piece::WHOLE, Some(&error.to_string())),
        }
    }

    /// Hands a message over that has found room.
    pub(super) fn put(&self, ready: Ready, room: Room) {
        self.shared.put(ready, room);
    }
}

impl Shared {
    fn put(&self, ready: Ready, room: Room) {
        add(&self.counts.messages, 1);
        add(&self.counts.bytes, ready.record.line.len() as u64);
        self.intake.put(Item {
            listener: self.number,
            host: ready.host,
            service: ready.service,
            record: ready.record,
            cost: ready.cost,
            _room: room,
        });
    }
}

impl Received {
    /// Bytes of memory that it takes, about.
    pub fn cost(&self) -> usize {
        self.line.len() + RECORD_BYTES + self.attributes.iter().map(cost_of).sum::<usize>()
    }
}

/// Takes the records of an input that has no socket.
#[derive(Clone, Debug)]
pub struct Feed {
    pub(super) shared: Arc<Shared>,
    pub(super) record_bytes_max: usize,
    pub(super) runtime: tokio::runtime::Handle,
}

impl Feed {
    /// Bytes of a record, line and attributes, that are kept in one piece.
    pub fn record_bytes_max(&self) -> usize {
        self.record_bytes_max
    }

    /// Takes a record of this program. Waits for room; blocks. False if it was not taken because the
    /// agent stops.
    pub fn put(&self, service: &str, record: Received, stop: &tokio_util::sync::CancellationToken) -> bool {
        let ready = Ready {
            host: self.shared.host.clone(),
            service: service.to_owned(),
            cost: record.cost(),
            record,
        };
        let room = async {
            tokio::select! {
                room = self.shared.intake.room(ready.cost) => room,
                () = stop.cancelled() => None,
            }
        };
        match self.runtime.block_on(room) {
            Some(room) => {
                self.shared.put(ready, room);
                true
            }
            None => false,
        }
    }
}

/// Which part of a message some bytes are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Something of it came before.
    pub(super) continues: bool,
    /// Something of it is missing behind.
    pub(super) is_partial: bool,
}

impl Piece {
    pub(super) const WHOLE: Self = Self {
        continues: false,
        is_partial: false,
    };
}

/// No longer than a name may be.
fn within(mut name: String) -> String {
    let end = (0..=NAME_BYTES_MAX.min(name.len()))
        .rev()
        .find(|at| name.is_char_boundary(*at));
    name.truncate(end.unwrap_or(0));
    name
}

/// Bytes that an attribute takes, about.
pub fn cost_of((name, value): &(String, AttributeValue)) -> usize {
    let value = match value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Json(json) => json.to_string().len(),
        _ => 8,
    };
    name.len() + value + ATTRIBUTE_BYTES
}

pub(super) fn now_nanos() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
