//! Saving, deleting and switching rules. Who saves names the version that was changed.

use leptos::prelude::*;
use timberline_proto::{
    alert::{KeptRule, RuleChange},
    api::ApiError,
};

use super::{ADDRESS, Alerts, Form};
use crate::{
    api::{self, Failure},
    model::{
        app::App,
        view::{AlertsPart, encode},
    },
};

fn address(id: &str) -> String {
    format!("{ADDRESS}/rules/{}", encode(id))
}

impl Alerts {
    /// Keeps the form's rule.
    pub(crate) fn save(self, app: App) {
        let Some(form) = self.form.get_untracked() else {
            return;
        };
        let rule = match form.rule() {
            Ok(rule) => rule,
            Err(fault) => {
                return self.error.set(Some(ApiError {
                    code: "bad_request".into(),
                    message: fault.to_string(),
                    ..ApiError::default()
                }));
            }
        };
        self.run(async move |abort| {
            let kept: KeptRule = match &form.id {
                None => api::create(&format!("{ADDRESS}/rules"), &rule, &abort).await?,
                Some(id) => {
                    let change = RuleChange {
                        version: form.version,
                        rule,
                    };
                    api::replace(&address(id), &change, &abort).await?
                }
            };
            app.notice.set(Some(format!("“{}” saved", kept.rule.name)));
            self.form.set(Some(Form::of(&kept)));
            self.receive_rules(&abort).await?;
            app.go_to_alerts(AlertsPart::Rules, None);
            Ok(())
        });
    }

    /// Has a rule evaluated, or not.
    pub(crate) fn switch(self, mut kept: KeptRule) {
        kept.rule.enabled = !kept.rule.enabled;
        self.run(async move |abort| {
            let change = RuleChange {
                version: kept.version,
                rule: kept.rule,
            };
            let _: KeptRule = api::replace(&address(&kept.id), &change, &abort).await?;
            self.receive_rules(&abort).await
        });
    }

    /// Deletes a rule.
    pub(crate) fn delete(self, app: App, id: String, version: u64) {
        self.run(async move |abort| {
            match api::delete(&format!("{}?version={version}", address(&id)), &abort).await {
                // Somebody was quicker.
                Err(Failure::Refused(error)) if error.code == "not_found" => {}
                other => other?,
            }
            self.receive_rules(&abort).await?;
            app.go_to_alerts(AlertsPart::Rules, None);
            Ok(())
        });
    }
}
