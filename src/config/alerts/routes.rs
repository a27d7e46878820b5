//! `[[alerts.routes]]` and `[[alerts.inhibitions]]`.

use serde::{Deserialize, Serialize};

use super::super::Age;

/// Which incidents go where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RouteSection {
    /// All must fit, such as `severity="critical"`; without any it fits all.
    #[serde(rename = "match")]
    pub(crate) matchers: Vec<String>,
    /// To whom; the parent's targets if empty.
    pub(crate) targets: Vec<String>,
    /// Whether the routes behind it are tried, too.
    #[serde(rename = "continue")]
    pub(crate) go_on: bool,
    /// As in `[alerts]`; what is absent is as in the route around it.
    pub(crate) group_by: Option<Vec<String>>,
    /// Likewise.
    pub(crate) group_wait: Option<Age>,
    /// Likewise.
    pub(crate) group_interval: Option<Age>,
    /// Likewise.
    pub(crate) repeat_interval: Option<Age>,
    /// Likewise.
    pub(crate) send_resolved: Option<bool>,
    /// Who is told when nobody takes it up.
    pub(crate) escalation: Vec<EscalationSection>,
    /// Tried first.
    pub(crate) routes: Vec<RouteSection>,
}

/// A step of an escalation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EscalationSection {
    /// So long after an incident was told first.
    pub(crate) after: Age,
    /// These are told, too.
    pub(crate) targets: Vec<String>,
}

/// While an incident that fits `source` is firing, those that fit `target` are not told, if they have the same
/// values of `equal`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InhibitionSection {
    /// What holds back.
    pub(crate) source: Vec<String>,
    /// What is held back.
    pub(crate) target: Vec<String>,
    /// Labels that must be the same.
    pub(crate) equal: Vec<String>,
}

#[cfg(feature = "store")]
mod options {
    use timberline_proto::alert::notify::Matcher;
    use timberline_store::alert::notify::options::{EscalationOptions, InhibitionOptions, RouteOptions};

    use super::{EscalationSection, InhibitionSection, RouteSection};
    use crate::config::Age;

    fn matchers(key: &str, texts: &[String]) -> Result<Vec<Matcher>, String> {
        let read = |text: &String| text.parse::<Matcher>().map_err(|error| format!("{key}: {error}"));
        texts.iter().map(read).collect()
    }

    impl RouteSection {
        pub(in crate::config) fn options(&self) -> Result<RouteOptions, String> {
            Ok(RouteOptions {
                matchers: matchers("alerts.routes: match", &self.matchers)?,
                targets: self.targets.clone(),
                go_on: self.go_on,
                group_by: self.group_by.clone(),
                group_wait: self.group_wait.map(Age::get),
                group_interval: self.group_interval.map(Age::get),
                repeat_interval: self.repeat_interval.map(Age::get),
                send_resolved: self.send_resolved,
                escalation: self.escalation.iter().map(EscalationSection::options).collect(),
                routes: self.routes.iter().map(Self::options).collect::<Result<_, _>>()?,
            })
        }
    }

    impl EscalationSection {
        fn options(&self) -> EscalationOptions {
            EscalationOptions {
                after: self.after.get(),
                targets: self.targets.clone(),
            }
        }
    }

    impl InhibitionSection {
        pub(in crate::config) fn options(&self) -> Result<InhibitionOptions, String> {
            Ok(InhibitionOptions {
                source: matchers("alerts.inhibitions: source", &self.source)?,
                target: matchers("alerts.inhibitions: target", &self.target)?,
                equal: self.equal.clone(),
            })
        }
    }
}
