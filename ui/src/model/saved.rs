//! Saved searches: the list, saving one, forgetting one.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{
    ApiError,
    dashboards::{KeptSearch, SavedAnswer, SavedSearch, SearchChange},
};
use web_sys::AbortController;

use super::{
    app::App,
    columns::{self, FieldColumn},
    view::{Page, TimeRange, encode},
};
use crate::api::{self, Failure};

const ADDRESS: &str = "/api/v1/saved";

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Saved {
    /// The menu is open.
    pub open: RwSignal<bool>,
    /// All of them.
    pub list: RwSignal<Option<Vec<KeptSearch>>>,
    /// What went wrong the last time.
    pub error: RwSignal<Option<ApiError>>,
}

impl Saved {
    pub(crate) fn new() -> Saved {
        Saved {
            open: RwSignal::new(false),
            list: RwSignal::new(None),
            error: RwSignal::new(None),
        }
    }

    /// Asks for the list.
    pub(crate) fn load(self) {
        self.run(async move |abort| {
            let answer: SavedAnswer = api::get(ADDRESS, &abort.signal()).await?;
            self.list.set(Some(answer.searches));
            Ok(())
        });
    }

    /// Keeps the search that is shown under a name; a search of that name is changed.
    pub(crate) fn keep(self, app: App, name: String) {
        let view = app.view.get_untracked();
        let search = SavedSearch {
            name: name.clone(),
            query: app.draft.get_untracked().trim().to_owned(),
            from: view.range.from,
            to: view.range.to,
            columns: view.columns.iter().map(FieldColumn::saved).collect(),
            chart: view.chart,
        };
        let known = self.list.with_untracked(|list| {
            let same = list.iter().flatten().find(|known| known.search.name == name);
            same.map(|known| (known.id.clone(), known.version))
        });
        self.run(async move |abort| {
            let abort = abort.signal();
            let _kept: KeptSearch = match known {
                Some((id, version)) => {
                    let change = SearchChange { version, search };
                    api::replace(&format!("{ADDRESS}/{}", encode(&id)), &change, &abort).await?
                }
                None => api::create(ADDRESS, &search, &abort).await?,
            };
            app.notice.set(Some(format!("“{name}” saved")));
            self.open.set(false);
            let answer: SavedAnswer = api::get(ADDRESS, &abort).await?;
            self.list.set(Some(answer.searches));
            Ok(())
        });
    }

    /// Forgets one.
    pub(crate) fn forget(self, app: App, kept: KeptSearch) {
        self.run(async move |abort| {
            let address = format!("{ADDRESS}/{}?version={}", encode(&kept.id), kept.version);
            api::delete(&address, &abort.signal()).await?;
            app.notice.set(Some(format!("“{}” deleted", kept.search.name)));
            self.list.update(|list| {
                if let Some(list) = list {
                    list.retain(|one| one.id != kept.id);
                }
            });
            Ok(())
        });
    }

    /// Asks one.
    pub(crate) fn show(self, app: App, search: SavedSearch) {
        self.open.set(false);
        app.ask(|view| {
            if view.page != Page::Live {
                view.page = Page::Search;
            }
            view.query = search.query;
            view.range = TimeRange {
                from: search.from,
                to: search.to,
            };
            view.chart = search.chart;
            view.columns = search
                .columns
                .into_iter()
                .take(columns::COLUMNS_MAX)
                .map(FieldColumn::of_saved)
                .collect();
        });
    }

    fn run(self, work: impl AsyncFnOnce(AbortController) -> Result<(), Failure> + 'static) {
        let Ok(abort) = AbortController::new() else { return };
        self.error.set(None);
        spawn_local(async move {
            if let Err(failure) = work(abort).await {
                self.error.set(failure.into_error());
            }
        });
    }
}
