//! `[retention]`: how long streams stay, by policy. The same form is read by `timberline retention set`.

use serde::{Deserialize, Serialize};
#[cfg(feature = "store")]
use timberline_proto::api::retention::{DEFAULT_CLASS, Policy, PolicySet};

use super::{Age, Size};

/// `[retention]`: what holds of all, and of streams that no policy selects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetentionSection {
    /// While the file system that holds the data is fuller than this, in percent, the oldest splits go,
    /// those of the last policy first; never if absent.
    pub(crate) disk_used_percent_max: Option<u8>,
    /// Of streams that no policy selects: nobody deletes anything younger.
    pub(crate) minimum: Option<Age>,
    /// The same: percent of the file system beyond which their oldest splits go.
    pub(crate) disk_percent: Option<u8>,
    /// The same: splits whose newest record is older are deleted. `store.retention_age` if absent.
    pub(crate) age: Option<Age>,
    /// The same: the oldest splits beyond this sum are deleted. `store.retention_bytes` if absent.
    pub(crate) bytes: Option<Size>,
    /// In the order in which they are asked: a stream belongs to the first that selects it.
    pub(crate) policy: Vec<PolicySection>,
}

/// `[[retention.policy]]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicySection {
    /// Its name, and that of its class.
    pub(crate) name: String,
    /// Which streams: a filter over attributes of streams and `topic`.
    pub(crate) select: String,
    /// Splits whose newest record is older are deleted; never if absent.
    pub(crate) age: Option<Age>,
    /// The oldest splits beyond this sum are deleted; never if absent.
    pub(crate) bytes: Option<Size>,
    /// As `bytes`, in percent of the file system.
    pub(crate) disk_percent: Option<u8>,
    /// Nobody deletes anything younger.
    pub(crate) minimum: Option<Age>,
    /// Why it is so: a law, a contract.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

#[cfg(feature = "store")]
impl RetentionSection {
    /// The same as the API says it.
    pub(crate) fn policies(&self) -> PolicySet {
        let seconds = |age: Option<Age>| age.map(|age| age.get().as_secs());
        let mut policies: Vec<Policy> = self
            .policy
            .iter()
            .map(|policy| Policy {
                name: policy.name.clone(),
                select: policy.select.clone(),
                age_seconds: seconds(policy.age),
                bytes: policy.bytes.map(Size::get),
                disk_percent: policy.disk_percent,
                minimum_seconds: seconds(policy.minimum),
                note: policy.note.clone(),
            })
            .collect();
        policies.push(Policy {
            name: DEFAULT_CLASS.to_owned(),
            select: String::new(),
            age_seconds: seconds(self.age),
            bytes: self.bytes.map(Size::get),
            disk_percent: self.disk_percent,
            minimum_seconds: seconds(self.minimum),
            note: String::new(),
        });
        PolicySet {
            policies,
            disk_used_percent_max: self.disk_used_percent_max,
        }
    }
}
