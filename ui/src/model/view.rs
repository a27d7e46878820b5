//! The address bar's state: what is asked, of which time, and what is open.
//!
//! `/?view=live&q=QUERY&from=-1h&to=…&at=INSTANT&open=ID&around=ID&cols=host:120,status` and, of the pipeline,
//! of the settings, `/?view=settings&part=audit&find=TEXT`,
//! `/?view=pipeline&part=topics&item=TOPIC/PARTITION&at=OFFSET`, of alerts `/?view=alerts&part=rules&item=RULE` (`item=new:match&q=QUERY`
//! begins one), of dashboards `/?view=dashboards&item=ID&var.NAME=VALUE&wall=on`, of the patterns `/?view=patterns&compare=before&merge=off&item=TEMPLATE`; what equals its default is left out.

use std::collections::BTreeMap;

use timberline_proto::api::dashboards::ChartKind;

use super::columns::{self, FieldColumn};

/// Asked for when the address says nothing.
pub(crate) const FROM_DEFAULT: &str = "-1h";
/// In the address: no lower end.
const FROM_NONE: &str = "all";
const COMPARE_BEFORE: &str = "before";
const MERGE_OFF: &str = "off";
/// In an address of silences, in place of the query: what a new one is to match. Messages lead here.
const MATCHERS: &str = "matchers";
/// In an address, before a variable's name.
const VARIABLE: &str = "var.";
/// A dashboard's address that names no time: as the dashboard says.
pub(crate) const FROM_KEPT: &str = "kept";

/// Which page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Page {
    /// A question and its answer.
    #[default]
    Search,
    /// What comes in now.
    Live,
    /// The kinds of lines.
    Patterns,
    /// Panels that people made.
    Dashboards,
    /// Rules, and what they say.
    Alerts,
    /// What brings lines here: agents, their files, the ledger, the store.
    Pipeline,
    /// Oneself, and who may do what.
    Settings,
}

/// What of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SettingsPart {
    /// Oneself: rights, password, second factor, sessions.
    #[default]
    You,
    /// Accounts.
    Accounts,
    /// Sets of rights.
    Roles,
    /// Keys of programs.
    Keys,
    /// How long what is stored stays, and what is held.
    Retention,
    /// Who did what.
    Audit,
}

impl SettingsPart {
    /// All of them, in their order.
    pub(crate) const ALL: [SettingsPart; 6] = [
        SettingsPart::You,
        SettingsPart::Accounts,
        SettingsPart::Roles,
        SettingsPart::Keys,
        SettingsPart::Retention,
        SettingsPart::Audit,
    ];

    /// Its word in the address.
    pub(crate) fn word(self) -> &'static str {
        match self {
            SettingsPart::You => "you",
            SettingsPart::Accounts => "accounts",
            SettingsPart::Roles => "roles",
            SettingsPart::Keys => "keys",
            SettingsPart::Retention => "retention",
            SettingsPart::Audit => "audit",
        }
    }
}

/// What of the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// Agents and their files.
    #[default]
    Agents,
    /// What became of every byte.
    Ledger,
    /// What is on its way: topics, partitions, messages.
    Topics,
    /// Splits.
    Store,
}

impl Part {
    /// All of them, in their order.
    pub(crate) const ALL: [Part; 4] = [Part::Agents, Part::Ledger, Part::Topics, Part::Store];

    /// Its word in the address.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Part::Agents => "agents",
            Part::Ledger => "ledger",
            Part::Topics => "topics",
            Part::Store => "store",
        }
    }
}

/// What of the alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AlertsPart {
    /// What fires, and what is about to.
    #[default]
    Now,
    /// The rules.
    Rules,
    /// What changed.
    History,
    /// What is told to nobody for a while.
    Silences,
    /// Who was told, and who can be.
    Messages,
}

impl AlertsPart {
    /// All of them, in their order.
    pub(crate) const ALL: [AlertsPart; 5] = [
        AlertsPart::Now,
        AlertsPart::Rules,
        AlertsPart::History,
        AlertsPart::Silences,
        AlertsPart::Messages,
    ];

    /// Its word in the address.
    pub(crate) fn word(self) -> &'static str {
        match self {
            AlertsPart::Now => "now",
            AlertsPart::Rules => "rules",
            AlertsPart::History => "history",
            AlertsPart::Silences => "silences",
            AlertsPart::Messages => "messages",
        }
    }
}

/// Of a rule that is being made, in place of its id; `new:KIND` says of which kind.
pub(crate) const RULE_NEW: &str = "new";

/// A range of time as chosen: relative or absolute, see [`crate::text::time::instant`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeRange {
    /// Empty: no lower end.
    pub from: String,
    /// Empty: no upper end.
    pub to: String,
}

impl Default for TimeRange {
    fn default() -> TimeRange {
        TimeRange::last(FROM_DEFAULT)
    }
}

impl TimeRange {
    /// From `from` on.
    pub(crate) fn last(from: &str) -> TimeRange {
        TimeRange {
            from: from.to_owned(),
            to: String::new(),
        }
    }

    /// Without ends.
    pub(crate) fn all() -> TimeRange {
        TimeRange::last("")
    }

    /// From and to these instants, milliseconds since the epoch.
    pub(crate) fn absolute(from_ms: i64, to_ms: i64) -> TimeRange {
        TimeRange {
            from: crate::text::time::rfc3339(from_ms),
            to: crate::text::time::rfc3339(to_ms),
        }
    }
}

/// The whole view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Which page.
    pub page: Page,
    /// The query's text.
    pub query: String,
    /// Of which time.
    pub range: TimeRange,
    /// The lines begin here (RFC 3339): at the opened record, or where one travelled to.
    pub at: Option<String>,
    /// The opened record's id.
    pub open: Option<String>,
    /// The lines of one file around this record's are shown instead of the answer.
    pub around: Option<String>,
    /// What is looked for in that file.
    pub find: String,
    /// Of the pipeline, this.
    pub part: Part,
    /// Of the alerts, this.
    pub alerts: AlertsPart,
    /// Of the settings, this.
    pub settings: SettingsPart,
    /// The opened agent's, pattern's, dashboard's or rule's id.
    pub item: Option<String>,
    /// Patterns are compared with those of the same span before.
    pub compare: bool,
    /// Fields that stand beside each line.
    pub columns: Vec<FieldColumn>,
    /// Patterns are single templates: those that differ in names are not joined.
    pub apart: bool,
    /// How a table is drawn.
    pub chart: ChartKind,
    /// Of a dashboard, the values of its variables that were chosen.
    pub variables: BTreeMap<String, String>,
    /// A dashboard fills the screen.
    pub wall: bool,
}

impl View {
    /// Of an address's search part, with or without `?`.
    pub(crate) fn from_address(search: &str) -> View {
        let mut view = View::default();
        let mut has_time = false;
        for pair in search.trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            has_time |= name == "from";
            match name {
                "view" if value == "live" => view.page = Page::Live,
                "view" if value == "patterns" => view.page = Page::Patterns,
                "view" if value == "dashboards" => view.page = Page::Dashboards,
                "view" if value == "alerts" => view.page = Page::Alerts,
                "view" if value == "pipeline" => view.page = Page::Pipeline,
                "view" if value == "settings" => view.page = Page::Settings,
                "part" => {
                    view.alerts = AlertsPart::ALL
                        .into_iter()
                        .find(|part| part.word() == value)
                        .unwrap_or_default();
                    view.settings = SettingsPart::ALL
                        .into_iter()
                        .find(|part| part.word() == value)
                        .unwrap_or_default();
                    view.part = Part::ALL
                        .into_iter()
                        .find(|part| part.word() == value)
                        .unwrap_or_default()
                }
                "item" if !value.is_empty() => view.item = Some(value),
                "find" => view.find = value,
                "cols" => view.columns = columns::read(&value),
                "compare" => view.compare = value == COMPARE_BEFORE,
                "merge" => view.apart = value == MERGE_OFF,
                "q" | MATCHERS => view.query = value,
                "from" if value == FROM_NONE => view.range.from = String::new(),
                "from" => view.range.from = value,
                "to" => view.range.to = value,
                "at" if !value.is_empty() => view.at = Some(value),
                "open" if !value.is_empty() => view.open = Some(value),
                "around" if !value.is_empty() => view.around = Some(value),
                "chart" => view.chart = ChartKind::of(&value).unwrap_or_default(),
                "wall" => view.wall = value == "on",
                _ => {
                    if let Some(name) = name.strip_prefix(VARIABLE) {
                        view.variables.insert(decode(name), value);
                    }
                }
            }
        }
        if view.page == Page::Dashboards && view.item.is_some() && !has_time {
            view.range.from = FROM_KEPT.into();
        }
        view
    }

    /// The address, path included.
    pub(crate) fn address(&self) -> String {
        let mut pairs = Vec::new();
        let mut add = |name: &str, value: &str| pairs.push(format!("{name}={}", encode(value)));
        match self.page {
            Page::Search => {}
            Page::Live => add("view", "live"),
            Page::Patterns => add("view", "patterns"),
            Page::Dashboards => add("view", "dashboards"),
            Page::Alerts => add("view", "alerts"),
            Page::Pipeline => add("view", "pipeline"),
            Page::Settings => add("view", "settings"),
        }
        let is_dashboard = self.page == Page::Dashboards && self.item.is_some();
        let is_silence = self.page == Page::Alerts && self.alerts == AlertsPart::Silences;
        if !self.query.is_empty() {
            add(if is_silence { MATCHERS } else { "q" }, &self.query);
        }
        match self.range.from.as_str() {
            FROM_DEFAULT if !is_dashboard => {}
            FROM_KEPT => {}
            "" => add("from", FROM_NONE),
            from => add("from", from),
        }
        if !self.range.to.is_empty() {
            add("to", &self.range.to);
        }
        if let Some(at) = &self.at {
            add("at", at);
        }
        if let Some(open) = &self.open {
            add("open", open);
        }
        if let Some(around) = &self.around {
            add("around", around);
        }
        if !self.find.is_empty() {
            add("find", &self.find);
        }
        if self.page == Page::Settings {
            if self.settings != SettingsPart::default() {
                add("part", self.settings.word());
            }
        } else if self.page == Page::Alerts {
            if self.alerts != AlertsPart::default() {
                add("part", self.alerts.word());
            }
        } else if self.part != Part::default() {
            add("part", self.part.word());
        }
        if let Some(item) = &self.item {
            add("item", item);
        }
        if !self.columns.is_empty() {
            add("cols", &columns::write(&self.columns));
        }
        if self.compare {
            add("compare", COMPARE_BEFORE);
        }
        if self.apart {
            add("merge", MERGE_OFF);
        }
        if self.chart != ChartKind::default() {
            add("chart", self.chart.word());
        }
        for (name, value) in &self.variables {
            add(&format!("{VARIABLE}{}", encode(name)), value);
        }
        if self.wall {
            add("wall", "on");
        }
        if pairs.is_empty() {
            "/".into()
        } else {
            format!("/?{}", pairs.join("&"))
        }
    }

    /// Whether the same records are asked for.
    pub(crate) fn asks_the_same(&self, other: &View) -> bool {
        self.page == other.page
            && self.query == other.query
            && self.range == other.range
            && self.around == other.around
            && self.part == other.part
            && self.alerts == other.alerts
            && self.settings == other.settings
            && (self.page != Page::Settings || self.find == other.find)
            && self.item == other.item
            && self.compare == other.compare
            && self.apart == other.apart
            && self.variables == other.variables
    }
}

/// Percent-encodes what a query string cannot hold; a space becomes `+`, as browsers write it.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b':'
            | b'*'
            | b'/'
            | b'('
            | b')'
            | b',' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What is not well encoded stays as it is.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], escaped) {
            (_, Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', None) => out.push(b' '),
            (byte, None) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reproduces_the_view() {
        let view = View {
            page: Page::Live,
            query: "a&b=\"ü +%2B\" | stats count() by host\n#?".into(),
            range: TimeRange::absolute(0, 1_500),
            at: Some("1970-01-01T00:00:00.000000001Z".into()),
            open: Some("logs-0-17".into()),
            around: Some("logs-0-17".into()),
            find: "a/b c".into(),
            part: Part::Ledger,
            alerts: AlertsPart::default(),
            settings: SettingsPart::default(),
            item: Some("a1".into()),
            compare: true,
            columns: columns::read("host:90,a%2Cb"),
            apart: true,
            chart: ChartKind::Area,
            variables: [("host".to_owned(), "a&b".to_owned()), ("ü".to_owned(), String::new())].into(),
            wall: true,
        };
        assert_eq!(View::from_address(view.address().trim_start_matches('/')), view);
        let all = View {
            range: TimeRange::all(),
            ..View::default()
        };
        assert_eq!(View::from_address(&all.address()[1..]), all);
        let rule = View {
            page: Page::Alerts,
            alerts: AlertsPart::Rules,
            item: Some("new:match".into()),
            query: "sshd".into(),
            ..View::default()
        };
        assert_eq!(rule.address(), "/?view=alerts&q=sshd&part=rules&item=new:match");
        assert_eq!(View::from_address(&rule.address()[1..]), rule);
        let audit = View {
            page: Page::Settings,
            settings: SettingsPart::Audit,
            find: "role.put".into(),
            ..View::default()
        };
        assert_eq!(audit.address(), "/?view=settings&find=role.put&part=audit");
        assert_eq!(View::from_address(&audit.address()[1..]), audit);
        let silence = "?view=alerts&part=silences&matchers=alertname%3D%22Disk%20full%22%2Chost%3D%22db%201%22";
        let silence = View::from_address(silence);
        assert_eq!(
            (silence.alerts, silence.query.as_str()),
            (AlertsPart::Silences, "alertname=\"Disk full\",host=\"db 1\"")
        );
        assert_eq!(View::from_address(&silence.address()[1..]), silence);
    }

    #[test]
    fn a_dashboard_whose_address_names_no_time_is_shown_as_it_was_kept() {
        let kept = View::from_address("?view=dashboards&item=a1");
        assert_eq!(kept.range, TimeRange::last(FROM_KEPT));
        assert_eq!(kept.address(), "/?view=dashboards&item=a1");
        let hour = View {
            range: TimeRange::default(),
            ..kept
        };
        assert_eq!(View::from_address(&hour.address()[1..]), hour);
    }

    #[test]
    fn the_default_view_has_a_bare_address() {
        assert_eq!(View::default().address(), "/");
        assert_eq!(View::from_address(""), View::default());
    }

    #[test]
    fn a_broken_address_still_opens() {
        assert_eq!(View::from_address("?q=100%&x&=&from=%zz").query, "100%");
        assert_eq!(View::from_address("?q=%ff").query, "\u{fffd}");
        assert_eq!(View::from_address("?q=%€").query, "%€");
    }
}
