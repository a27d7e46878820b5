//! A word that something was done; it goes by itself.

use std::time::Duration;

use leptos::prelude::*;

use crate::model::app::App;

const SHOWN_FOR: Duration = Duration::from_millis(1_800);

/// The notice.
#[component]
pub(crate) fn Notice() -> impl IntoView {
    let app = App::get();
    let timer = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move || {
        if app.notice.with(Option::is_some) {
            if let Some(old) = timer.get_value() {
                old.clear();
            }
            timer.set_value(set_timeout_with_handle(move || app.notice.set(None), SHOWN_FOR).ok());
        }
    });
    view! { <div class="notice" role="status" class:shown=move || app.notice.with(Option::is_some)>{move || app.notice.get()}</div> }
}
