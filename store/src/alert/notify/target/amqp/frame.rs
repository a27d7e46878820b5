//! Frames and methods of AMQP 0-9-1 (its specification, 2.3 and 4.2).
//!
//! ```text
//! type u8 | channel u16 | size u32 | payload | 0xCE
//! method: class u16 | method u16 | arguments
//! ```

const END: u8 = 0xce;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
/// Bytes of a frame beside its payload.
pub(in crate::alert::notify::target) const FRAME_BYTES: usize = 8;
/// Class `basic`.
const BASIC: u16 = 60;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::alert::notify::target) struct Frame {
    kind: u8,
    channel: u16,
    payload: Vec<u8>,
}

/// Class and method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::alert::notify::target) struct Method(u16, u16);

impl Method {
    pub(in crate::alert::notify::target) const CONNECTION_START: Self = Self(10, 10);
    pub(in crate::alert::notify::target) const CONNECTION_START_OK: Self = Self(10, 11);
    pub(in crate::alert::notify::target) const CONNECTION_TUNE: Self = Self(10, 30);
    pub(in crate::alert::notify::target) const CONNECTION_TUNE_OK: Self = Self(10, 31);
    pub(in crate::alert::notify::target) const CONNECTION_OPEN: Self = Self(10, 40);
    pub(in crate::alert::notify::target) const CONNECTION_OPEN_OK: Self = Self(10, 41);
    pub(in crate::alert::notify::target) const CONNECTION_CLOSE: Self = Self(10, 50);
    pub(in crate::alert::notify::target) const CHANNEL_OPEN: Self = Self(20, 10);
    pub(in crate::alert::notify::target) const CHANNEL_OPEN_OK: Self = Self(20, 11);
    pub(in crate::alert::notify::target) const CHANNEL_CLOSE: Self = Self(20, 40);
    pub(in crate::alert::notify::target) const BASIC_PUBLISH: Self = Self(BASIC, 40);
    pub(in crate::alert::notify::target) const BASIC_RETURN: Self = Self(BASIC, 50);
    pub(in crate::alert::notify::target) const BASIC_ACK: Self = Self(BASIC, 80);
    pub(in crate::alert::notify::target) const BASIC_NACK: Self = Self(BASIC, 120);
    pub(in crate::alert::notify::target) const CONFIRM_SELECT: Self = Self(85, 10);
    pub(in crate::alert::notify::target) const CONFIRM_SELECT_OK: Self = Self(85, 11);
}

impl Frame {
    pub(in crate::alert::notify::target) fn of_method(channel: u16, method: Method, arguments: &Writer) -> Self {
        let payload = [&method.0.to_be_bytes()[..], &method.1.to_be_bytes(), &arguments.0].concat();
        Self {
            kind: METHOD,
            channel,
            payload,
        }
    }

    pub(in crate::alert::notify::target) fn header(channel: u16, payload: Vec<u8>) -> Self {
        Self {
            kind: HEADER,
            channel,
            payload,
        }
    }

    pub(in crate::alert::notify::target) fn body(channel: u16, payload: Vec<u8>) -> Self {
        Self {
            kind: BODY,
            channel,
            payload,
        }
    }

    pub(in crate::alert::notify::target) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind];
        bytes.extend(self.channel.to_be_bytes());
        bytes.extend((self.payload.len() as u32).to_be_bytes());
        bytes.extend(&self.payload);
        bytes.push(END);
        bytes
    }

    /// Kind, channel and length of the payload, from the first seven bytes.
    pub(in crate::alert::notify::target) fn head(head: [u8; 7]) -> (u8, u16, usize) {
        let [kind, c1, c2, s1, s2, s3, s4] = head;
        (
            kind,
            u16::from_be_bytes([c1, c2]),
            u32::from_be_bytes([s1, s2, s3, s4]) as usize,
        )
    }

    /// From what follows the head: the payload and the frame's end.
    pub(in crate::alert::notify::target) fn whole(kind: u8, channel: u16, mut rest: Vec<u8>) -> Result<Self, String> {
        match rest.pop() {
            Some(END) => Ok(Self {
                kind,
                channel,
                payload: rest,
            }),
            _ => Err("the broker sent a frame without its end".to_owned()),
        }
    }

    /// What it says, if it is a method; content and heartbeats are passed over.
    pub(in crate::alert::notify::target) fn method(self) -> Result<Option<(Method, Args)>, String> {
        if self.kind != METHOD {
            return Ok(None);
        }
        let mut args = Args {
            bytes: self.payload,
            at: 0,
        };
        let method = Method(args.u16()?, args.u16()?);
        Ok(Some((method, args)))
    }
}

/// Arguments that a broker sent.
#[derive(Clone, Debug)]
pub(in crate::alert::notify::target) struct Args {
    bytes: Vec<u8>,
    at: usize,
}

impl Args {
    fn take(&mut self, n: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("the broker sent a method that ends early")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    #[cfg(test)]
    pub(in crate::alert::notify::target) fn octet(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    pub(in crate::alert::notify::target) fn u16(&mut self) -> Result<u16, String> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(in crate::alert::notify::target) fn u32(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(in crate::alert::notify::target) fn short(&mut self) -> Result<String, String> {
        let length = usize::from(self.take(1)?[0]);
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }
}

/// Arguments that are sent.
#[derive(Clone, Debug, Default)]
pub(in crate::alert::notify::target) struct Writer(Vec<u8>);

impl Writer {
    pub(in crate::alert::notify::target) fn octet(&mut self, octet: u8) {
        self.0.push(octet);
    }

    pub(in crate::alert::notify::target) fn number<const N: usize>(&mut self, bytes: [u8; N]) {
        self.0.extend(bytes);
    }

    /// At most 255 bytes, which the options' check has seen to.
    pub(in crate::alert::notify::target) fn short(&mut self, text: &str) {
        let bytes = &text.as_bytes()[..text.len().min(255)];
        self.0.push(bytes.len() as u8);
        self.0.extend(bytes);
    }

    pub(in crate::alert::notify::target) fn long(&mut self, text: &str) {
        self.0.extend((text.len() as u32).to_be_bytes());
        self.0.extend(text.as_bytes());
    }

    pub(in crate::alert::notify::target) fn table(&mut self, fill: impl FnOnce(&mut Self)) {
        let mut table = Self::default();
        fill(&mut table);
        self.0.extend((table.0.len() as u32).to_be_bytes());
        self.0.extend(table.0);
    }
}

/// The header of a persistent message of JSON with this id.
pub(in crate::alert::notify::target) fn content_header(message_id: &str, body_bytes: usize) -> Vec<u8> {
    const CONTENT_TYPE: u16 = 1 << 15;
    const DELIVERY_MODE: u16 = 1 << 12;
    const MESSAGE_ID: u16 = 1 << 7;
    const APP_ID: u16 = 1 << 3;
    const PERSISTENT: u8 = 2;
    let mut w = Writer::default();
    w.number(BASIC.to_be_bytes());
    w.number(0_u16.to_be_bytes());
    w.number((body_bytes as u64).to_be_bytes());
    w.number((CONTENT_TYPE | DELIVERY_MODE | MESSAGE_ID | APP_ID).to_be_bytes());
    w.short("application/json");
    w.octet(PERSISTENT);
    w.short(message_id);
    w.short("timberline");
    w.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_method_is_read_as_it_was_written() {
        let mut w = Writer::default();
        w.number(404_u16.to_be_bytes());
        w.short("NOT_FOUND");
        w.number(7_u32.to_be_bytes());
        let bytes = Frame::of_method(1, Method::CHANNEL_CLOSE, &w).bytes();
        let (kind, channel, length) = Frame::head(bytes[..7].try_into().unwrap());
        assert_eq!((kind, channel, length + FRAME_BYTES), (1, 1, bytes.len()));
        let (method, mut args) = Frame::whole(kind, channel, bytes[7..].to_vec())
            .unwrap()
            .method()
            .unwrap()
            .unwrap();
        assert_eq!(method, Method::CHANNEL_CLOSE);
        assert_eq!(
            (args.u16(), args.short(), args.u32()),
            (Ok(404), Ok("NOT_FOUND".to_owned()), Ok(7))
        );
        assert!(args.u16().is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_broker_are_too_odd(kind in any::<u8>(), bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(frame) = Frame::whole(kind, 0, bytes)
                && let Ok(Some((_, mut args))) = frame.method()
            {
                _ = (args.u16(), args.short(), args.u32(), args.short());
            }
        }
    }
}
