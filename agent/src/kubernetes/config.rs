//! What can be set, and what an agent in a pod finds of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where a pod's service account is mounted.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Whether and how the API is asked for the pods of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesConfig {
    /// Whether it is asked; if not set, where there is a service account and the node's name is known.
    pub enabled: Option<bool>,
    /// `https://HOST:PORT`; if empty, of `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`.
    pub api: String,
    /// This node's name; if empty, of `NODE_NAME`.
    pub node: String,
    /// The file of the token, read again for each request, since it is replaced before it ends.
    pub token: PathBuf,
    /// The authorities by which the API is known, PEM.
    pub authorities: PathBuf,
    /// Whether labels become attributes.
    pub labels: bool,
    /// Annotations that become attributes, by name; one that ends with `*` names all that begin so.
    pub annotations: Vec<String>,
    /// A file waits no longer for what the API says of its pod.
    pub wait_max: Duration,
    /// Pods that are kept. Beyond it those that are gone for longest go first.
    pub pods_max: usize,
}

impl Default for KubernetesConfig {
    fn default() -> Self {
        Self {
            enabled: None,
            api: String::new(),
            node: String::new(),
            token: Path::new(SERVICE_ACCOUNT).join("token"),
            authorities: Path::new(SERVICE_ACCOUNT).join("ca.crt"),
            labels: true,
            annotations: Vec::new(),
            wait_max: Duration::from_secs(2),
            pods_max: 2000,
        }
    }
}

/// Where the API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Api {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) node: String,
}

impl KubernetesConfig {
    /// Where the API is asked, if it is; `variable` is the environment.
    ///
    /// # Errors
    /// What is missing where it is to be asked.
    pub(super) fn api(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Api>, String> {
        match (self.enabled, self.find(variable)) {
            (Some(false), _) | (None, Err(_)) => Ok(None),
            (Some(true), found) => found.map(Some),
            (None, Ok(api)) => Ok(self.token.exists().then_some(api)),
        }
    }

    fn find(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Api, String> {
        let set = |value: &str, name: &str| match value.is_empty() {
            true => variable(name).filter(|value| !value.is_empty()),
            false => Some(value.to_owned()),
        };
        let node = set(&self.node, "NODE_NAME")
            .ok_or("the node's name is not known: set NODE_NAME from spec.nodeName, or agent.kubernetes.node")?;
        let (host, port) = if self.api.is_empty() {
            let host = variable("KUBERNETES_SERVICE_HOST");
            let host = host.ok_or("KUBERNETES_SERVICE_HOST is not set: this is no pod; set agent.kubernetes.api")?;
            (
                host,
                variable("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned()),
            )
        } else {
            let rest = self
                .api
                .strip_prefix("https://")
                .unwrap_or(&self.api)
                .trim_end_matches('/');
            let (host, port) = rest
                .rsplit_once(':')
                .filter(|(_, port)| !port.contains(']'))
                .unwrap_or((rest, "443"));
            (host.trim_matches(['[', ']']).to_owned(), port.to_owned())
        };
        let port = port
            .parse()
            .map_err(|_| format!("{port:?} is no port of the Kubernetes API"))?;
        Ok(Api { host, port, node })
    }

    /// Whether an annotation of this name becomes an attribute.
    pub(super) fn takes_annotation(&self, name: &str) -> bool {
        self.annotations.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(front) => name.starts_with(front),
            None => name == wanted,
        })
    }
}
