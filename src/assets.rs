//! The page's files, as `build.rs` left them.

use timberline_store::http::Asset;

/// Every file of the page; `index.html` is the first. All other names carry a digest of their
/// content and may be cached for ever.
pub(crate) static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));
