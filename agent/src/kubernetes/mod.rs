//! What the Kubernetes API says of the pods of this node: labels, owner, node, address, images.
//!
//! ```text
//! API ══list, watch══► follow (task) ─► pods (bounded, by uid) ─► a file's stream attributes
//! ```
//! A pod's path names namespace, pod, uid and container; that is enough to ship, so nothing here may
//! hold shipping up: a file waits for its pod at most `wait_max` after it was first seen, and what the
//! API says later is an attribute of what is read from then on.
//!
//! | module | what it does |
//! |---|---|
//! | `config` | what can be set, and what a pod finds of its own |
//! | `client` | one request to the API at a time, over TLS |
//! | `follow` | list, then watch from where the list ended, for ever |
//! | `object` | the parts of the API's objects that are read |
//! | `pods` | the pods that are known |

mod client;
mod config;
mod follow;
mod object;
mod pods;
#[cfg(test)]
mod tests;

pub use config::KubernetesConfig;
pub(crate) use follow::{follow, is_asked};
pub(crate) use pods::Pods;
