//! `[agent.kubernetes]`: what the Kubernetes API is asked about the pods of this node.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Age;

/// How it is asked, if it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubernetesSection {
    /// Whether it is asked; if absent, in a pod that has a service account and is told `NODE_NAME`.
    pub(crate) enabled: Option<bool>,
    /// `https://HOST:PORT`; of the pod's environment if empty.
    pub(crate) api: String,
    /// This node's name; `NODE_NAME` of the environment if empty.
    pub(crate) node: String,
    /// The file of the token.
    pub(crate) token: PathBuf,
    /// The authorities by which the API is known, PEM.
    pub(crate) authorities: PathBuf,
    /// Whether labels become attributes.
    pub(crate) labels: bool,
    /// Annotations that do, by name; `*` at the end stands for any rest.
    pub(crate) annotations: Vec<String>,
    /// A file waits no longer for what the API says of its pod.
    pub(crate) wait_max: Age,
    /// Pods that are kept.
    pub(crate) pods_max: u32,
}

impl Default for KubernetesSection {
    fn default() -> Self {
        let account = std::path::Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
        Self {
            enabled: None,
            api: String::new(),
            node: String::new(),
            token: account.join("token"),
            authorities: account.join("ca.crt"),
            labels: true,
            annotations: Vec::new(),
            wait_max: Age::seconds(2),
            pods_max: 2000,
        }
    }
}

#[cfg(feature = "agent")]
impl KubernetesSection {
    pub(super) fn options(&self) -> timberline_agent::KubernetesConfig {
        timberline_agent::KubernetesConfig {
            enabled: self.enabled,
            api: self.api.clone(),
            node: self.node.clone(),
            token: self.token.clone(),
            authorities: self.authorities.clone(),
            labels: self.labels,
            annotations: self.annotations.clone(),
            wait_max: self.wait_max.get(),
            pods_max: self.pods_max as usize,
        }
    }
}
