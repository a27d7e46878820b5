//! The HTTP API and the page.
//!
//! | file | what |
//! |---|---|
//! | [`state`] | what the routes share |
//! | [`guard`] | Host and Origin: no foreign page reaches us |
//! | [`error`] | errors as JSON with their status |
//! | [`assets`] | the page's files: names by content, compressed, cached |
//! | [`routes`] | one route per file |
//! | [`openapi`] | the API's description |
//! | [`serve`] | connections, with their limits |

mod assets;
mod error;
mod guard;
mod openapi;
mod routes;
mod serve;
mod state;
#[cfg(test)]
mod tests;

pub use assets::Asset;
pub use error::HttpError;
pub use openapi::document;
pub use routes::router;
pub use serve::{ServeOptions, serve};
pub use state::{HttpState, Metrics, NoMetrics};
