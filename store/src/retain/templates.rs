//! Ready-made policies, and the texts that they rest on. They are a beginning, not advice: what a text
//! asks of whom, and what else is asked by whoever supervises, is for lawyers to say.

use timberline_proto::api::retention::{Policy, RetentionTemplate};

const DAY: u64 = 86_400;

/// The templates.
pub fn templates() -> Vec<RetentionTemplate> {
    let template = |name: &str, title: &str, source: &str, says: &str, (age, minimum): (Option<u64>, Option<u64>)| {
        RetentionTemplate {
            name: name.to_owned(),
            title: title.to_owned(),
            source: source.to_owned(),
            says: says.to_owned(),
            policy: Policy {
                name: name.to_owned(),
                select: String::new(),
                age_seconds: age.map(|days| days * DAY),
                minimum_seconds: minimum.map(|days| days * DAY),
                note: source.to_owned(),
                ..Policy::default()
            },
        }
    };
    vec![
        template(
            "pci-dss",
            "Audit logs of systems that hold or pass on card data",
            "PCI DSS 4.0, requirement 10.5.1",
            "Audit log history is kept for at least 12 months, of which the last three are immediately available for \
             analysis. The policy keeps 12 months (366 days) at least and sets no end. Everything that this store holds \
             can be searched at once. Requirement 10.3, that logs are protected from change, is not about retention.",
            (None, Some(366)),
        ),
        template(
            "hipaa",
            "Records that document compliance with HIPAA",
            "HIPAA, six years",
            "Six years are asked for documentation; whether a given log is part of it is for you to decide. The policy \
             keeps six years (2,192 days) at least and sets no end.",
            (None, Some(2_192)),
        ),
        template(
            "sox",
            "Records that belong to an audit of financial statements",
            "SOX, seven years",
            "Seven years are asked for records of an audit; which logs belong to it is for you and your auditor to \
             decide. The policy keeps seven years (2,557 days) at least and sets no end.",
            (None, Some(2_557)),
        ),
        template(
            "gdpr",
            "Logs with data about persons",
            "GDPR, data minimisation",
            "No number of days is named: data about persons is kept no longer than its purpose needs, and is deleted \
             with proof. The policy deletes after 30 days, which is to be replaced by what your purpose needs. A \
             minimum is not set, for it would hold up an erasure that a person may ask for.",
            (Some(30), None),
        ),
    ]
}
