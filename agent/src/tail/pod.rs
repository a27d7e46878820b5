//! What the Kubernetes API says of a file's pod becomes attributes of its stream. A file waits for it a
//! named time at most; what is said later holds for what is read from then on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::id::GenerationId;

use super::Tailer;

/// What a pod's path says of it.
pub(super) const POD_UID: &str = "k8s.pod.uid";
/// A file that waits is looked at so often.
const LOOK: Duration = Duration::from_millis(50);

impl Tailer {
    /// When a file is to be looked at again that waits for what is said of its pod.
    pub(super) fn waits_for_pod(&mut self, generation: GenerationId, now: Instant) -> Option<Instant> {
        let pods = self.pods.as_ref()?;
        let tail = self.tails.get_mut(&generation)?;
        let since = tail.pod_unknown_since?;
        let mut stream = (*tail.stream).clone();
        if pods.add_to(&mut stream) {
            tail.stream = Arc::new(stream);
            // Which rules are about it may go by what was said.
            tail.rules = None;
            tail.pod_unknown_since = None;
            return None;
        }
        let until = since + pods.wait_max();
        (now < until).then(|| until.min(now + LOOK))
    }
}
