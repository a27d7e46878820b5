//! Which stream a record belongs to, and where that goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use timberline_proto::batch::{self, AttributeValue};
use timberline_proto::id::GenerationId;

use super::options::{Listener, ReceiveOptions};
use super::reading::{Item, Received};

/// What is made of records before they are appended.
pub trait Process: Send {
    /// What holds for a stream. Called once for each that is kept, and for each record of the others.
    fn stream(&mut self, attributes: &BTreeMap<String, String>) -> StreamRules;

    /// Takes a record through the rules of its stream; why it is dropped, if so.
    fn apply(
        &mut self,
        rules: usize,
        stream: &BTreeMap<String, String>,
        generation: GenerationId,
        start: u64,
        record: &mut Received,
    ) -> Option<String>;
}

/// What rules say of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StreamRules {
    /// The topic that it goes to, if not its listener's.
    pub topic: Option<String>,
    /// What is given to [`Process::apply`] with its records; none if no rule is about them.
    pub rules: Option<usize>,
}

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) listener: usize,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) topic: Arc<str>,
    /// Chooses the partition where there is no generation.
    pub(super) key: Bytes,
    pub(super) rules: Option<usize>,
}

pub(super) struct Streams {
    listeners: Arc<[Listener]>,
    attributes: BTreeMap<String, String>,
    host: String,
    named: HashMap<(usize, String, String), Arc<Stream>>,
    /// Each listener's own, for records of streams beyond `streams_max`: one for each set of rules that
    /// such records meet.
    own: HashMap<(usize, StreamRules), Arc<Stream>>,
    streams_max: usize,
}

impl Streams {
    pub(super) fn new(listeners: Arc<[Listener]>, options: &ReceiveOptions) -> Self {
        Self {
            listeners,
            attributes: options.attributes.clone(),
            host: options.host.clone(),
            named: HashMap::new(),
            own: HashMap::new(),
            streams_max: options.streams_max,
        }
    }

    /// The stream of a record, which is told its host and program if the stream is not theirs alone.
    pub(super) fn of(&mut self, item: &mut Item, process: &mut Option<Box<dyn Process>>) -> Arc<Stream> {
        let key = (
            item.listener,
            std::mem::take(&mut item.host),
            std::mem::take(&mut item.service),
        );
        if let Some(known) = self.named.get(&key) {
            return known.clone();
        }
        // Rules are chosen by what the record names, whichever stream it goes to.
        let attributes = self.attributes_of(item.listener, &key.1, &key.2);
        let rules = process
            .as_mut()
            .map(|process| process.stream(&attributes))
            .unwrap_or_default();
        if self.named.len() < self.streams_max {
            let stream = self.make(item.listener, attributes, rules);
            self.named.insert(key, stream.clone());
            return stream;
        }
        let (listener, host, service) = key;
        let attributes = &mut item.record.attributes;
        attributes.push(("host.name".to_owned(), AttributeValue::Text(host)));
        attributes.push(("service.name".to_owned(), AttributeValue::Text(service)));
        let own = (listener, rules);
        if let Some(stream) = self.own.get(&own) {
            return stream.clone();
        }
        if self.own.is_empty() {
            tracing::warn!(
                streams_max = self.streams_max,
                "more hosts and programs send than streams are kept for; records of further ones name theirs themselves"
            );
        }
        let name = self.listeners[listener].protocol.name();
        let attributes = self.attributes_of(listener, &self.host, name);
        let stream = self.make(listener, attributes, own.1.clone());
        self.own.insert(own, stream.clone());
        stream
    }

    fn attributes_of(&self, listener: usize, host: &str, service: &str) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::from([
            ("host.name".to_owned(), host.to_owned()),
            ("service.name".to_owned(), service.to_owned()),
        ]);
        let all = self.attributes.iter().chain(&self.listeners[listener].attributes);
        attributes.extend(all.map(|(name, value)| (name.clone(), value.clone())));
        attributes
    }

    fn make(&self, listener: usize, attributes: BTreeMap<String, String>, rules: StreamRules) -> Arc<Stream> {
        let set = &self.listeners[listener];
        Arc::new(Stream {
            listener,
            topic: Arc::from(rules.topic.unwrap_or_else(|| set.topic.clone())),
            key: Bytes::copy_from_slice(&batch::stream_id(&attributes).to_be_bytes()),
            rules: rules.rules,
            attributes,
        })
    }
}
