//! Who this is, what they may, and, for those who may, who else may what.

use std::collections::BTreeSet;

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use timberline_proto::api::{
    ApiError, Frame, QueryRequest, Record,
    access::{
        AccessAudit, AccessRefusals, CreatedKey, KeyInfo, KeyList, NewKey, NewPassword, NewUser, OwnPassword,
        Permission, Possession, RecoveryCodes, Role, RoleList, SessionInfo, SessionList, TotpCode, TotpSecret,
        UserChange, UserInfo, UserList, WhoAmI,
    },
};
use web_sys::AbortController;

use super::{
    app::App,
    view::{SettingsPart, View, encode},
};
use crate::{
    api::{self, Failure},
    lang,
};

/// Acts asked for at once.
const ACTS: u64 = 200;
/// The record of acts, as a search.
pub(crate) const AUDIT_QUERY: &str = "topic:timberline.audit";

/// One act, of either source: the store's record, or the server's last thousand about accounts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Act {
    /// Of the record, if it is one.
    pub id: String,
    /// RFC 3339.
    pub at: String,
    /// Who.
    pub actor: String,
    /// From where.
    pub origin: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// `ok`, or why not.
    pub outcome: String,
    /// What was before and after.
    pub detail: Value,
}

impl Act {
    /// Of the record's line, which is the whole act as JSON.
    pub(crate) fn of_record(record: &Record) -> Act {
        let whole: Value = serde_json::from_str(&record.body).unwrap_or(Value::Null);
        let text = |name: &str| whole[name].as_str().unwrap_or_default().to_owned();
        Act {
            id: record.id.clone(),
            at: record.timestamp.clone(),
            actor: text("actor"),
            origin: whole["origin"].as_str().map(str::to_owned),
            action: text("action"),
            object: text("object"),
            outcome: text("outcome"),
            detail: whole["detail"].clone(),
        }
    }

    /// Before and after, side by side: what was, what is; of what has neither, its details.
    pub(crate) fn changes(&self) -> Vec<(String, String, String)> {
        let of = |side: &str| self.detail.get(side).cloned().unwrap_or(Value::Null);
        let (before, after) = (of("before"), of("after"));
        if before.is_null() && after.is_null() {
            let details = self.detail.as_object().into_iter().flatten();
            return details
                .map(|(name, value)| (name.clone(), String::new(), spoken(value)))
                .collect();
        }
        let (Some(was), Some(is)) = (fields(&before), fields(&after)) else {
            return vec![(String::new(), spoken(&before), spoken(&after))];
        };
        let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        names
            .into_iter()
            .filter(|name| was.get(*name) != is.get(*name))
            .map(|name| {
                let side = |of: &serde_json::Map<String, Value>| of.get(name).map(spoken).unwrap_or_default();
                (name.clone(), side(&was), side(&is))
            })
            .collect()
    }
}

/// The fields of a side; none of a side that is not there.
fn fields(side: &Value) -> Option<serde_json::Map<String, Value>> {
    match side {
        Value::Object(fields) => Some(fields.clone()),
        Value::Null => Some(serde_json::Map::new()),
        _ => None,
    }
}

fn spoken(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(all) if all.is_empty() => "none".to_owned(),
        Value::Array(all) => all.iter().map(spoken).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Access {
    /// Who this is; unknown until the server said.
    pub who: RwSignal<Option<WhoAmI>>,
    /// Accounts.
    pub users: RwSignal<Option<Vec<UserInfo>>>,
    /// Roles.
    pub roles: RwSignal<Option<Vec<Role>>>,
    /// Keys.
    pub keys: RwSignal<Option<Vec<KeyInfo>>>,
    /// Sessions: one's own, or all.
    pub sessions: RwSignal<Option<Vec<SessionInfo>>>,
    /// Acts, the newest first.
    pub acts: RwSignal<Option<Vec<Act>>>,
    /// Whether there are older ones.
    pub acts_cursor: RwSignal<Option<String>>,
    /// Whether only the last thousand about accounts could be had.
    pub acts_partial: RwSignal<bool>,
    /// What the store does by itself is among them.
    pub acts_of_store: RwSignal<bool>,
    /// Who was refused.
    pub refusals: RwSignal<Vec<AccessRefusals>>,
    /// A key that was just made, shown until it is put away.
    pub made_key: RwSignal<Option<CreatedKey>>,
    /// A secret for an authenticator, until its first code.
    pub totp: RwSignal<Option<TotpSecret>>,
    /// Recovery codes that were just made.
    pub codes: RwSignal<Option<Vec<String>>>,
    /// Something is on its way.
    pub busy: RwSignal<bool>,
    /// What went wrong with what was asked for.
    pub error: RwSignal<Option<ApiError>>,
    /// What went wrong with what was to be done, and where: by the form's name.
    pub fault: RwSignal<Option<(&'static str, ApiError)>>,
    asked: StoredValue<u64>,
}

impl Access {
    pub(crate) fn new() -> Access {
        Access {
            who: RwSignal::new(None),
            users: RwSignal::new(None),
            roles: RwSignal::new(None),
            keys: RwSignal::new(None),
            sessions: RwSignal::new(None),
            acts: RwSignal::new(None),
            acts_cursor: RwSignal::new(None),
            acts_partial: RwSignal::new(false),
            acts_of_store: RwSignal::new(false),
            refusals: RwSignal::new(Vec::new()),
            made_key: RwSignal::new(None),
            totp: RwSignal::new(None),
            codes: RwSignal::new(None),
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
            fault: RwSignal::new(None),
            asked: StoredValue::new(0),
        }
    }

    /// Whether whoever this is may; before that is known nobody is kept from trying.
    pub(crate) fn may(self, permission: Permission) -> bool {
        self.who
            .with(|who| who.as_ref().is_none_or(|who| who.permissions.contains(&permission)))
    }

    /// The account's name, if people log in.
    pub(crate) fn user(self) -> Option<String> {
        self.who.with(|who| who.as_ref().and_then(|who| who.user.clone()))
    }

    /// Asks who this is. Whoever nobody knows is led to the login.
    pub(crate) fn ask_who(self, app: App) {
        spawn_local(async move {
            let Ok(abort) = AbortController::new() else { return };
            let Ok(who) = api::get::<WhoAmI>("/api/v1/whoami", &abort.signal()).await else {
                return;
            };
            if who.actor.is_none() && !who.open {
                api::log_in();
                return;
            }
            if let Some(user) = &who.user {
                app.prefs.who.set(user.clone());
            }
            self.who.set(Some(who));
        });
    }

    /// Asks for what a part shows.
    pub(crate) fn ask(self, view: &View) {
        self.asked.update_value(|asked| *asked += 1);
        self.error.set(None);
        self.fault.set(None);
        let (part, find) = (view.settings, view.find.clone());
        let query = audit_query(&find, self.acts_of_store.get_untracked());
        self.load(async move |abort| match part {
            SettingsPart::You => self.load_sessions(&abort).await,
            SettingsPart::Accounts => {
                self.load_roles(&abort).await?;
                let list: UserList = api::get("/api/v1/users", &abort.signal()).await?;
                self.users.set(Some(list.users));
                self.load_sessions(&abort).await
            }
            // That is asked for by itself.
            SettingsPart::Retention => Ok(()),
            SettingsPart::Roles => self.load_roles(&abort).await,
            SettingsPart::Keys => {
                self.load_roles(&abort).await?;
                let list: KeyList = api::get("/api/v1/keys", &abort.signal()).await?;
                self.keys.set(Some(list.keys));
                Ok(())
            }
            SettingsPart::Audit => {
                let audit: AccessAudit = api::get("/api/v1/access/audit", &abort.signal()).await?;
                self.refusals.set(audit.refusals);
                let request = QueryRequest {
                    query,
                    limit: Some(ACTS),
                    ..QueryRequest::default()
                };
                match self.load_acts(request, &abort, false).await {
                    // Whoever manages accounts sees what was done with them, even where they may not search.
                    Err(Failure::Refused(error)) if error.code == "forbidden" => {
                        let wanted = find.to_lowercase();
                        let acts = audit.acts.into_iter().map(|act| Act {
                            id: String::new(),
                            at: act.at,
                            actor: act.actor,
                            origin: act.origin,
                            action: act.action,
                            object: act.object,
                            outcome: act.outcome,
                            detail: act.detail,
                        });
                        let fits = |act: &Act| {
                            [&act.actor, &act.action, &act.object, &act.outcome]
                                .iter()
                                .any(|text| text.to_lowercase().contains(&wanted))
                        };
                        self.acts.set(Some(acts.filter(fits).collect()));
                        self.acts_cursor.set(None);
                        self.acts_partial.set(true);
                        Ok(())
                    }
                    other => other,
                }
            }
        });
    }

    /// Fetches older acts.
    pub(crate) fn more_acts(self, view: &View) {
        let Some(cursor) = self.acts_cursor.get_untracked() else {
            return;
        };
        let request = QueryRequest {
            query: audit_query(&view.find, self.acts_of_store.get_untracked()),
            limit: Some(ACTS),
            cursor: Some(cursor),
            ..QueryRequest::default()
        };
        self.load(async move |abort| self.load_acts(request, &abort, true).await);
    }

    async fn load_acts(self, request: QueryRequest, abort: &AbortController, more: bool) -> Result<(), Failure> {
        let mut acts = Vec::new();
        let mut cursor = None;
        api::query(&request, &abort.signal(), |frame| match frame {
            Frame::Records { records } => acts.extend(records.iter().map(Act::of_record)),
            Frame::End(end) => cursor = end.cursor,
            _ => {}
        })
        .await?;
        self.acts_partial.set(false);
        self.acts_cursor.set(cursor);
        self.acts.update(|known| match known {
            Some(known) if more => known.extend(acts),
            known => *known = Some(acts),
        });
        Ok(())
    }

    async fn load_roles(self, abort: &AbortController) -> Result<(), Failure> {
        let list: RoleList = api::get("/api/v1/roles", &abort.signal()).await?;
        self.roles.set(Some(list.roles));
        Ok(())
    }

    async fn load_sessions(self, abort: &AbortController) -> Result<(), Failure> {
        let list: SessionList = api::get("/api/v1/sessions", &abort.signal()).await?;
        self.sessions.set(Some(list.sessions));
        Ok(())
    }

    /// Ends this session and leads to the login.
    pub(crate) fn log_out(self) {
        spawn_local(async move {
            let Ok(abort) = AbortController::new() else { return };
            match api::tell(
                "POST",
                "/api/v1/logout",
                &Value::Object(Default::default()),
                &abort.signal(),
            )
            .await
            {
                Ok(()) => {
                    let gone = window().location().set_href("/login").is_ok();
                    debug_assert!(gone);
                }
                Err(failure) => self.fault.set(failure.into_error().map(|error| ("log out", error))),
            }
        });
    }

    /// Changes one's own password.
    pub(crate) fn change_password(self, app: App, change: OwnPassword, then: impl FnOnce() + 'static) {
        self.act(app, "password", async move |abort| {
            api::tell("POST", "/api/v1/account/password", &change, &abort.signal()).await?;
            then();
            Ok("Password changed; your other sessions are over")
        });
    }

    /// Asks for a secret for an authenticator.
    pub(crate) fn offer_totp(self, app: App, password: String) {
        self.act(app, "totp", async move |abort| {
            let secret: TotpSecret =
                api::create("/api/v1/account/totp", &Possession { password }, &abort.signal()).await?;
            self.totp.set(Some(secret));
            Ok("")
        });
    }

    /// Gives the first code of it.
    pub(crate) fn confirm_totp(self, app: App, code: String) {
        self.act(app, "totp", async move |abort| {
            let codes: RecoveryCodes =
                api::create("/api/v1/account/totp/confirm", &TotpCode { code }, &abort.signal()).await?;
            self.totp.set(None);
            self.codes.set(Some(codes.codes));
            self.ask_who(app);
            Ok("From now on a code is asked for")
        });
    }

    /// Asks for codes no more.
    pub(crate) fn remove_totp(self, app: App, password: String) {
        self.act(app, "totp", async move |abort| {
            api::tell(
                "DELETE",
                "/api/v1/account/totp",
                &Possession { password },
                &abort.signal(),
            )
            .await?;
            self.codes.set(None);
            self.ask_who(app);
            Ok("No code is asked for any more")
        });
    }

    /// Ends a session.
    pub(crate) fn end_session(self, app: App, id: String) {
        self.act(app, "sessions", async move |abort| {
            api::delete(&format!("/api/v1/sessions/{}", encode(&id)), &abort.signal()).await?;
            Ok("Session ended")
        });
    }

    /// Makes an account.
    pub(crate) fn create_user(self, app: App, new: NewUser, then: impl FnOnce() + 'static) {
        self.act(app, "account", async move |abort| {
            let _made: UserInfo = api::create("/api/v1/users", &new, &abort.signal()).await?;
            then();
            Ok("Account made")
        });
    }

    /// Changes roles, shuts out or lets in again, takes a lost authenticator away.
    pub(crate) fn change_user(self, app: App, name: &str, change: UserChange, said: &'static str) {
        let address = format!("/api/v1/users/{}", encode(name));
        self.act(app, "account", async move |abort| {
            api::tell("PUT", &address, &change, &abort.signal()).await?;
            Ok(said)
        });
    }

    /// Gives an account another password.
    pub(crate) fn reset_password(self, app: App, name: &str, password: String) {
        let address = format!("/api/v1/users/{}/password", encode(name));
        self.act(app, "account", async move |abort| {
            api::tell("POST", &address, &NewPassword { password }, &abort.signal()).await?;
            Ok("Password set; the account's sessions are over")
        });
    }

    /// Deletes an account.
    pub(crate) fn remove_user(self, app: App, name: &str) {
        let address = format!("/api/v1/users/{}", encode(name));
        self.act(app, "account", async move |abort| {
            api::delete(&address, &abort.signal()).await?;
            Ok("Account deleted")
        });
    }

    /// Makes a role, or changes it.
    pub(crate) fn put_role(self, app: App, role: Role, then: impl FnOnce() + 'static) {
        let address = format!("/api/v1/roles/{}", encode(&role.name));
        self.act(app, "role", async move |abort| {
            api::tell("PUT", &address, &role, &abort.signal()).await?;
            then();
            self.ask_who(app);
            Ok("Role saved")
        });
    }

    /// Deletes a role.
    pub(crate) fn remove_role(self, app: App, name: &str) {
        let address = format!("/api/v1/roles/{}", encode(name));
        self.act(app, "role", async move |abort| {
            api::delete(&address, &abort.signal()).await?;
            Ok("Role deleted")
        });
    }

    /// Makes a key, whose secret is shown once.
    pub(crate) fn create_key(self, app: App, new: NewKey, then: impl FnOnce() + 'static) {
        self.act(app, "key", async move |abort| {
            let made: CreatedKey = api::create("/api/v1/keys", &new, &abort.signal()).await?;
            self.made_key.set(Some(made));
            then();
            Ok("")
        });
    }

    /// Revokes a key.
    pub(crate) fn revoke_key(self, app: App, id: String) {
        self.act(app, "key", async move |abort| {
            api::delete(&format!("/api/v1/keys/{}", encode(&id)), &abort.signal()).await?;
            Ok("Key revoked")
        });
    }

    /// What went wrong in a form.
    pub(crate) fn fault_of(self, form: &'static str) -> Option<String> {
        self.fault.with(|fault| {
            let (of, error) = fault.as_ref()?;
            (*of == form).then(|| error.message.clone())
        })
    }

    /// Does something, says so, and asks for the part that is shown again.
    fn act(
        self,
        app: App,
        form: &'static str,
        work: impl AsyncFnOnce(AbortController) -> Result<&'static str, Failure> + 'static,
    ) {
        let Ok(abort) = AbortController::new() else { return };
        self.fault.set(None);
        self.busy.set(true);
        spawn_local(async move {
            let done = work(abort).await;
            self.busy.set(false);
            match done {
                Ok(said) => {
                    if !said.is_empty() {
                        app.notice.set(Some(said.to_owned()));
                    }
                    self.ask(&app.view.get_untracked());
                }
                Err(failure) => self.fault.set(failure.into_error().map(|error| (form, error))),
            }
        });
    }

    /// Asks; an answer that comes after another question is let go of.
    fn load(self, work: impl AsyncFnOnce(AbortController) -> Result<(), Failure> + 'static) {
        let Ok(abort) = AbortController::new() else { return };
        let asked = self.asked.get_value();
        self.busy.set(true);
        spawn_local(async move {
            let result = work(abort).await;
            if self.asked.try_get_value() != Some(asked) {
                return;
            }
            self.busy.set(false);
            if let Err(failure) = result {
                self.error.set(failure.into_error());
            }
        });
    }
}

/// The search for acts in which all of these words stand.
pub(crate) fn audit_query(find: &str, of_store: bool) -> String {
    let all = if of_store {
        AUDIT_QUERY.to_owned()
    } else {
        format!("{AUDIT_QUERY} NOT actor:store")
    };
    find.split_whitespace()
        .fold(all, |query, word| lang::with_fragment(&query, word))
}

/// A password that nobody guesses, for an account that somebody else will use; its letters are not mistaken
/// for others.
pub(crate) fn new_password() -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 20];
    let filled = window()
        .crypto()
        .ok()
        .is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok());
    if !filled {
        return String::new();
    }
    let letters: Vec<u8> = bytes
        .iter()
        .map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()])
        .collect();
    letters
        .chunks(5)
        .map(|chunk| String::from_utf8_lossy(chunk).into_owned())
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_act_shows_what_changed_and_nothing_else() {
        let mut act = Act {
            detail: json!({"before": {"roles": ["viewer"], "disabled": false}, "after": {"roles": ["admin", "viewer"], "disabled": false}}),
            ..Act::default()
        };
        assert_eq!(
            act.changes(),
            [("roles".into(), "viewer".into(), "admin, viewer".into())]
        );
        act.detail = json!({"after": {"roles": []}});
        assert_eq!(act.changes(), [("roles".into(), String::new(), "none".into())]);
        act.detail = json!({"session": "a1"});
        assert_eq!(act.changes(), [("session".into(), String::new(), "a1".into())]);
        act.detail = json!({"after": true});
        assert_eq!(act.changes(), [(String::new(), "–".into(), "yes".into())]);
        act.detail = Value::Null;
        assert!(act.changes().is_empty());
    }

    #[test]
    fn an_act_is_read_from_its_line_whatever_stands_in_it() {
        let record = |body: &str| Record {
            id: "timberline.audit-0-1".into(),
            body: body.to_owned(),
            ..serde_json::from_str(r#"{"id":"","timestamp":"","observed":"","body":""}"#).unwrap()
        };
        let act = Act::of_record(&record(
            r#"{"actor":"user:ada","action":"role.put","object":"role:x","outcome":"ok","origin":"127.0.0.1","detail":{}}"#,
        ));
        assert_eq!(
            (act.actor.as_str(), act.origin.as_deref()),
            ("user:ada", Some("127.0.0.1"))
        );
        assert_eq!(Act::of_record(&record("no json")).actor, "");
    }

    #[test]
    fn acts_are_searched_by_pieces_of_words() {
        assert_eq!(audit_query("  ", true), AUDIT_QUERY);
        assert_eq!(audit_query("ada put", true), "topic:timberline.audit *ada* *put*");
        assert!(timberline_proto::query::parse(&audit_query("user:ada \"x", false)).is_ok());
    }
}
