//! Counts, in Prometheus' text format.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::Notifier;

impl Notifier {
    /// All of them, each line ended. Asks the catalog.
    pub fn metrics(&self) -> String {
        let inner = &self.inner;
        let waiting = inner.catalog.notify_waiting().unwrap_or_default();
        let health = inner.sending.lock().health.clone();
        let (open, overflowed) = {
            let plan = inner.plan.lock();
            let open = plan
                .state
                .incidents()
                .values()
                .filter(|incident| incident.is_active())
                .count() as u64;
            (open, plan.state.overflowed)
        };
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: &[(Option<&str>, u64)]| {
            // Writing to a String cannot fail.
            _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (target, value) in values {
                _ = match target {
                    Some(target) => writeln!(text, "{name}{{target=\"{}\"}} {value}", escape(target)),
                    None => writeln!(text, "{name} {value}"),
                };
            }
        };
        let none = super::TargetState::default();
        let each = |value: &dyn Fn(&str, &super::TargetState) -> u64| -> Vec<(Option<&str>, u64)> {
            let names = inner.targets.keys();
            names
                .map(|name| (Some(name.as_str()), value(name, health.get(name).unwrap_or(&none))))
                .collect()
        };
        family(
            "timberline_notify_incidents_open",
            "gauge",
            "Incidents that are active.",
            &[(None, open)],
        );
        family(
            "timberline_notify_incidents_overflowed_total",
            "counter",
            "Verdicts that found no room among the incidents, since the start.",
            &[(None, overflowed)],
        );
        family(
            "timberline_notify_plan_errors_total",
            "counter",
            "Steps of planning that failed, since the start.",
            &[(None, inner.plan_errors.load(Ordering::Relaxed))],
        );
        family(
            "timberline_notify_waiting",
            "gauge",
            "Messages in the outbox.",
            &each(&|name, _| waiting.get(name).copied().unwrap_or(0)),
        );
        family(
            "timberline_notify_delivered_total",
            "counter",
            "Messages that the target took, since the start.",
            &each(&|_, state| state.delivered),
        );
        family(
            "timberline_notify_failed_total",
            "counter",
            "Messages that were given up, since the start.",
            &each(&|_, state| state.failed),
        );
        family(
            "timberline_notify_tries_total",
            "counter",
            "Tries, since the start.",
            &each(&|_, state| state.tries),
        );
        family(
            "timberline_notify_failing",
            "gauge",
            "1 while each try at the target fails.",
            &each(&|_, state| u64::from(state.failing_since.is_some())),
        );
        text
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
