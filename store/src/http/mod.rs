//! The HTTP API and the page.
//!
//! | file | what |
//! |---|---|
//! | [`state`] | what the routes share |
//! | [`guard`] | no foreign page reaches us; what every answer's headers say |
//! | [`error`] | errors as JSON with their status |
//! | [`assets`] | the page's files: names by content, compressed, cached |
//! | [`reader`] | reads within the limits of who asks |
//! | [`searches`] | searches on record |
//! | [`disposition`] | names of files to save |
//! | [`login`] | where people say who they are |
//! | [`routes`] | one route per file |
//! | [`openapi`] | the API's description |

mod assets;
mod disposition;
mod error;
mod guard;
mod login;
mod openapi;
mod reader;
mod routes;
mod searches;
mod state;
#[cfg(test)]
mod tests;

pub use assets::Asset;
pub use error::HttpError;
pub use openapi::document;
pub use routes::router;
pub use searches::{SearchOptions, Searches};
pub use state::{HttpState, KeptLimits, Metrics, NoMetrics};
