//! Saving, making and deleting dashboards. Who saves names the version that was changed; if somebody
//! was quicker, both are there and a person decides.

use leptos::prelude::*;
use timberline_proto::api::{
    FieldsRequest,
    dashboards::{Dashboard, DashboardChange, DashboardHead, KeptDashboard, Panel},
};

use super::{ADDRESS, Boards, Opened, grid, starter::starter};
use crate::{
    api::{self, Failure},
    model::{
        app::App,
        view::{Page, TimeRange, encode},
    },
};

fn address(id: &str) -> String {
    format!("{ADDRESS}/{}", encode(id))
}

impl Boards {
    /// Saves what was changed, with the range and the variables as they are shown.
    pub(crate) fn save(self, app: App) {
        self.take_in_what_is_shown(app);
        let Some(opened) = self.opened.get_untracked() else {
            return;
        };
        if let Err(fault) = opened.draft.check() {
            self.error.set(Some(timberline_proto::api::ApiError {
                code: "bad_request".into(),
                message: fault.to_string(),
                ..Default::default()
            }));
            return;
        }
        self.run(async move |abort| {
            let change = DashboardChange {
                version: opened.version,
                dashboard: opened.draft,
            };
            match api::replace::<_, KeptDashboard>(&address(&opened.id), &change, &abort).await {
                Ok(kept) => self.saved(app, kept),
                Err(Failure::Refused(error)) if error.code == "conflict" => {
                    self.conflict.set(Some(api::get(&address(&opened.id), &abort).await?));
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        });
    }

    /// Saves over what somebody else saved meanwhile.
    pub(crate) fn save_over(self, app: App) {
        if let Some(theirs) = self.conflict.get_untracked() {
            self.opened.update(|opened| {
                if let Some(opened) = opened {
                    opened.version = theirs.version;
                }
            });
            self.conflict.set(None);
            self.save(app);
        }
    }

    /// Takes what somebody else saved meanwhile.
    pub(crate) fn take_theirs(self) {
        if let Some(theirs) = self.conflict.get_untracked() {
            self.show(Opened::of(theirs));
            self.conflict.set(None);
            self.editing.set(false);
            self.selected.set(None);
        }
    }

    /// Saves what was changed as another dashboard.
    pub(crate) fn save_copy(self, app: App) {
        self.take_in_what_is_shown(app);
        let Some(mut opened) = self.opened.get_untracked() else {
            return;
        };
        opened.draft.name = copy_name(&opened.draft.name);
        self.discard();
        self.make(app, opened.draft, false);
    }

    /// Makes a dashboard and opens it.
    pub(crate) fn make(self, app: App, dashboard: Dashboard, edit: bool) {
        self.run(async move |abort| {
            let kept: KeptDashboard = api::create(ADDRESS, &dashboard, &abort).await?;
            self.show_made(app, kept, edit);
            Ok(())
        });
    }

    /// Makes one of what was exported.
    pub(crate) fn import(self, app: App, text: String) {
        self.run(async move |abort| {
            let kept: KeptDashboard = api::create_of_text(ADDRESS, &text, &abort).await?;
            self.show_made(app, kept, false);
            Ok(())
        });
    }

    /// Makes one from the logs' own fields.
    pub(crate) fn make_starter(self, app: App) {
        self.run(async move |abort| {
            let fields = api::fields(&FieldsRequest::default(), &abort).await?;
            let kept: KeptDashboard = api::create(ADDRESS, &starter(&fields.fields, fields.rows), &abort).await?;
            self.show_made(app, kept, false);
            Ok(())
        });
    }

    /// Makes another one like it.
    pub(crate) fn duplicate(self, app: App, id: String) {
        self.run(async move |abort| {
            let kept: KeptDashboard = api::get(&address(&id), &abort).await?;
            let mut dashboard = kept.dashboard;
            dashboard.name = copy_name(&dashboard.name);
            let kept: KeptDashboard = api::create(ADDRESS, &dashboard, &abort).await?;
            self.show_made(app, kept, false);
            Ok(())
        });
    }

    /// Deletes the version that is listed.
    pub(crate) fn delete(self, app: App, head: DashboardHead) {
        self.run(async move |abort| {
            api::delete(&format!("{}?version={}", address(&head.id), head.version), &abort).await?;
            app.notice.set(Some(format!("“{}” deleted", head.name)));
            self.list.update(|list| {
                if let Some(list) = list {
                    list.retain(|one| one.id != head.id);
                }
            });
            Ok(())
        });
    }

    /// Adds a panel to a dashboard that is kept, or to a new one.
    pub(crate) fn add_to(self, app: App, target: Option<DashboardHead>, mut panel: Panel, range: TimeRange) {
        self.run(async move |abort| {
            panel.w = 6;
            panel.h = 6;
            let Some(head) = target else {
                panel.id = 1;
                let dashboard = Dashboard {
                    name: "New dashboard".into(),
                    from: range.from,
                    to: range.to,
                    panels: vec![panel],
                    ..Dashboard::default()
                };
                let kept: KeptDashboard = api::create(ADDRESS, &dashboard, &abort).await?;
                self.show_made(app, kept, true);
                return Ok(());
            };
            let kept: KeptDashboard = api::get(&address(&head.id), &abort).await?;
            let mut dashboard = kept.dashboard;
            panel.id = dashboard.next_id();
            panel.y = dashboard.bottom();
            dashboard.panels.push(panel);
            grid::settle(&mut dashboard.panels, None);
            let change = DashboardChange {
                version: kept.version,
                dashboard,
            };
            let _kept: KeptDashboard = api::replace(&address(&head.id), &change, &abort).await?;
            app.notice.set(Some(format!("Added to “{}”", head.name)));
            Ok(())
        });
    }

    /// Asks for the list, for menus.
    pub(crate) fn list_again(self) {
        self.load_list();
    }

    fn show_made(self, app: App, kept: KeptDashboard, edit: bool) {
        let opened = Opened::of(kept);
        let id = opened.id.clone();
        let range = TimeRange {
            from: opened.draft.from.clone(),
            to: opened.draft.to.clone(),
        };
        self.conflict.set(None);
        self.selected.set(None);
        self.show(opened);
        self.editing.set(edit);
        app.ask(|view| {
            view.page = Page::Dashboards;
            view.item = Some(id);
            view.range = range;
            view.variables.clear();
            view.wall = false;
        });
    }

    fn saved(self, app: App, kept: KeptDashboard) {
        self.show(Opened::of(kept));
        self.editing.set(false);
        self.selected.set(None);
        self.conflict.set(None);
        app.notice.set(Some("Saved".into()));
    }

    /// The range and the values on the screen are those that the dashboard begins with from now on.
    fn take_in_what_is_shown(self, app: App) {
        let view = app.view.get_untracked();
        let refresh_seconds = self.refresh_seconds.get_untracked();
        self.edit(|draft| {
            draft.refresh_seconds = refresh_seconds;
            draft.from = view.range.from;
            draft.to = view.range.to;
            for variable in &mut draft.variables {
                if let Some(value) = view.variables.get(&variable.name) {
                    variable.value.clone_from(value);
                }
            }
        });
    }
}

fn copy_name(name: &str) -> String {
    format!("{} (copy)", name.chars().take(190).collect::<String>())
}
