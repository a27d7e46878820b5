//! The whole screen for the page, and back.

use leptos::prelude::*;

/// Takes the screen, or gives it back; where the browser does not allow it, all stays as it is.
pub(crate) fn toggle_full_screen() {
    if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    } else if let Some(root) = document().document_element() {
        _ = root.request_fullscreen();
    }
}
