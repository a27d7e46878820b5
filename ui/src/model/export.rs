//! A result on its way into a file: the browser takes the bytes, the page asks how far they are.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{ApiError, ExportAnswer, ExportState};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, HtmlAnchorElement};

use super::{prefs::Zone, search::Bounds, view::View};
use crate::api;

/// Between two looks at how far it is.
const LOOK_MS: i32 = 400;
/// Looks after which an export that the server has not heard of did not begin.
const UNHEARD_MAX: u32 = 15;

/// What it is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// As the server knows it.
    pub name: &'static str,
    /// As people do.
    pub label: &'static str,
    /// What it is good for.
    pub hint: &'static str,
}

/// All of them.
pub(crate) const FORMATS: [Format; 4] = [
    Format {
        name: "csv",
        label: "CSV",
        hint: "for spreadsheets",
    },
    Format {
        name: "ndjson",
        label: "NDJSON",
        hint: "every field, one object per line",
    },
    Format {
        name: "parquet",
        label: "Parquet",
        hint: "typed columns, small, for analysis",
    },
    Format {
        name: "raw",
        label: "Raw text",
        hint: "the lines as they were written",
    },
];

/// One export.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Running {
    /// What it is written in.
    pub format: Format,
    /// How far it is, as the server says.
    pub answer: ExportAnswer,
    /// Rows that it will have, if that is known.
    pub expected: Option<u64>,
}

impl Running {
    /// Whether it still runs.
    pub(crate) fn is_on(&self) -> bool {
        self.answer.state == ExportState::Running
    }

    /// Of what it will have, percent.
    pub(crate) fn percent(&self) -> Option<f64> {
        let expected = self.expected.filter(|expected| *expected > 0)?;
        Some((self.answer.rows as f64 * 100.0 / expected as f64).min(100.0))
    }
}

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Export {
    /// The export that runs, or ran last.
    pub running: RwSignal<Option<Running>>,
}

impl Export {
    pub(crate) fn new() -> Export {
        Export {
            running: RwSignal::new(None),
        }
    }

    /// Begins to export what the view asks for.
    pub(crate) fn begin(self, view: &View, zone: Zone, format: Format, newest_first: bool, expected: Option<u64>) {
        let failed = |error: ApiError| Running {
            format,
            answer: ExportAnswer {
                state: ExportState::Failed,
                error: Some(error),
                ..ExportAnswer::default()
            },
            expected: None,
        };
        let bounds = match Bounds::of(view, zone, js_sys::Date::now() as i64) {
            Ok(bounds) => bounds,
            Err(error) => return self.running.set(Some(failed(error))),
        };
        let id = format!("page-{:x}-{:x}", bounds.now_ms, (js_sys::Math::random() * 1e9) as u64);
        let (from, to) = bounds.request_ends();
        let address = api::export_address(&view.query, from.as_deref(), to.as_deref(), format.name, newest_first);
        self.running.set(Some(Running {
            format,
            answer: ExportAnswer {
                id: id.clone(),
                ..ExportAnswer::default()
            },
            expected,
        }));
        download(&format!("{address}&id={id}"));
        spawn_local(self.follow(id, address));
    }

    /// Ends it.
    pub(crate) fn cancel(self) {
        self.running.with_untracked(|running| {
            if let Some(running) = running.as_ref().filter(|running| running.is_on()) {
                api::cancel(&running.answer.id);
            }
        });
    }

    /// Asks how far it is until it has ended, or another is begun.
    async fn follow(self, id: String, address: String) {
        let Ok(abort) = AbortController::new() else { return };
        let signal = abort.signal();
        let mut unheard = 0;
        loop {
            pause(LOOK_MS).await;
            let known = api::export_state(&id, &signal).await;
            let is_mine = |running: &Option<Running>| running.as_ref().is_some_and(|running| running.answer.id == id);
            if !self.running.with_untracked(is_mine) {
                return;
            }
            let answer = match known {
                Ok(answer) => answer,
                Err(failure) => {
                    unheard += 1;
                    if unheard < UNHEARD_MAX {
                        continue;
                    }
                    // What is wrong with it the browser keeps to itself: it is asked for once more, one row of it.
                    let error = match api::get_text(&format!("{address}&limit=1"), &signal).await {
                        Ok(_) => failure.into_error(),
                        Err(failure) => failure.into_error(),
                    };
                    ExportAnswer {
                        id: id.clone(),
                        state: ExportState::Failed,
                        error,
                        ..ExportAnswer::default()
                    }
                }
            };
            let has_ended = answer.state != ExportState::Running;
            self.running.update(|running| {
                if let Some(running) = running {
                    running.answer = answer;
                }
            });
            if has_ended {
                return;
            }
        }
    }
}

/// Lets the browser take a file.
fn download(address: &str) {
    let Some(anchor) = document()
        .create_element("a")
        .ok()
        .and_then(|element| element.dyn_into::<HtmlAnchorElement>().ok())
    else {
        return;
    };
    anchor.set_href(address);
    anchor.set_download("");
    anchor.click();
}

async fn pause(ms: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        // A window that is being closed waits for nothing.
        drop(window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms));
    });
    drop(JsFuture::from(promise).await);
}
