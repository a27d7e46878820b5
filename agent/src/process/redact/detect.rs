//! The detectors by name, and the groups that name several.

use timberline_proto::query::nearest;

use super::{Place, card, iban, ip, mail, national, token};

/// Finds one kind of thing: gives each place to the function.
pub(super) type Find = fn(&[u8], &mut dyn FnMut(Place));

/// A detector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detector {
    pub(super) name: &'static str,
    pub(super) find: Find,
}

/// Name, groups, function.
const DETECTORS: &[(&str, &[&str], Find)] = &[
    ("card", &[], card::find),
    ("iban", &["national"], iban::find),
    ("us_ssn", &["national"], national::us_ssn),
    ("br_cpf", &["national"], national::br_cpf),
    ("es_dni", &["national"], national::es_dni),
    ("fr_nir", &["national"], national::fr_nir),
    ("it_cf", &["national"], national::it_cf),
    ("pl_pesel", &["national"], national::pl_pesel),
    ("email", &[], mail::find),
    ("ipv4", &["ip"], ip::v4),
    ("ipv6", &["ip"], ip::v6),
    ("aws_access_key", &["keys"], token::aws_access_key),
    ("aws_secret_key", &["keys"], token::aws_secret_key),
    ("private_key", &["keys"], token::private_key),
    ("google_api_key", &["keys"], token::google_api_key),
    ("stripe_key", &["keys"], token::stripe_key),
    ("github_token", &["tokens"], token::github),
    ("gitlab_token", &["tokens"], token::gitlab),
    ("slack_token", &["tokens"], token::slack),
    ("jwt", &["tokens"], token::jwt),
    ("bearer", &["tokens"], token::bearer),
    ("basic_auth", &["tokens"], token::basic),
    ("url_password", &["tokens"], token::url_password),
    ("password", &["tokens"], token::password),
];

/// Groups, for messages. `all` is every detector.
const GROUPS: &[&str] = &["all", "national", "ip", "keys", "tokens"];

/// The detectors that the names and groups stand for, each once.
///
/// # Errors
/// The name that is none, and the nearest.
pub(super) fn named(names: &[String]) -> Result<Vec<Detector>, String> {
    for name in names {
        let mut known = DETECTORS.iter().map(|(name, ..)| *name).chain(GROUPS.iter().copied());
        if !known.clone().any(|known| known == name) {
            let hint = nearest(name, known.by_ref()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(format!("there is no detector `{name}`{hint}"));
        }
    }
    let is_meant = |detector: &&(&'static str, &[&str], Find)| {
        names
            .iter()
            .any(|name| name == "all" || name == detector.0 || detector.1.contains(&name.as_str()))
    };
    let found = DETECTORS.iter().filter(is_meant);
    Ok(found.map(|&(name, _, find)| Detector { name, find }).collect())
}
