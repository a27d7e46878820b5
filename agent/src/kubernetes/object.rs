//! The parts of the API's objects that are read (Kubernetes API, core/v1: `Pod`, `PodList`, `WatchEvent`,
//! and meta/v1: `Status`), and the attributes that they become (OpenTelemetry semantic conventions for
//! Kubernetes and containers).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config::KubernetesConfig;

/// Labels and annotations of a pod that become attributes, at most, …
const NAMED_MAX: usize = 128;
/// … and bytes of each value.
const VALUE_BYTES_MAX: usize = 1024;
/// A static pod's path names this hash in place of its uid.
const CONFIG_HASH: &str = "kubernetes.io/config.hash";
/// What a ReplicaSet's name ends with behind the Deployment's.
const TEMPLATE_HASH: &str = "pod-template-hash";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodList {
    pub(super) metadata: ListMeta,
    pub(super) items: Vec<Pod>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListMeta {
    pub(super) resource_version: String,
    /// The rest of the list is behind this.
    #[serde(rename = "continue")]
    pub(super) rest: String,
}

/// What a watch says.
#[derive(Debug, Deserialize)]
pub(super) struct WatchEvent {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) object: serde_json::Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    pub(super) metadata: ObjectMeta,
    pub(super) spec: PodSpec,
    pub(super) status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ObjectMeta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) owner_references: Vec<Owner>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    kind: String,
    name: String,
    controller: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec {
    node_name: String,
    containers: Vec<Container>,
    init_containers: Vec<Container>,
    ephemeral_containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    name: String,
    image: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodStatus {
    #[serde(rename = "podIP")]
    pod_ip: String,
}

impl Pod {
    /// What a path may name it by: its uid, and of a static pod the hash.
    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        let hash = self.metadata.annotations.get(CONFIG_HASH);
        [Some(&self.metadata.uid), hash]
            .into_iter()
            .flatten()
            .filter(|id| !id.is_empty())
    }

    /// What holds for all of its containers.
    pub(super) fn attributes(&self, config: &KubernetesConfig) -> BTreeMap<String, String> {
        let meta = &self.metadata;
        let mut found = BTreeMap::new();
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                found.insert(name.to_owned(), within(value));
            }
        };
        put("k8s.namespace.name", &meta.namespace);
        put("k8s.pod.name", &meta.name);
        put("k8s.pod.uid", &meta.uid);
        put("k8s.pod.ip", &self.status.pod_ip);
        put("k8s.node.name", &self.spec.node_name);
        if let Some(owner) = meta.owner_references.iter().find(|owner| owner.controller) {
            self.put_owner(owner, &mut put);
        }
        let labels = meta.labels.iter().filter(|_| config.labels);
        for (name, value) in labels.take(NAMED_MAX) {
            put(&format!("k8s.pod.label.{name}"), value);
        }
        let annotations = meta
            .annotations
            .iter()
            .filter(|(name, _)| config.takes_annotation(name));
        for (name, value) in annotations.take(NAMED_MAX) {
            put(&format!("k8s.pod.annotation.{name}"), value);
        }
        found
    }

    /// A Deployment owns its pods by way of a ReplicaSet, a CronJob by way of a Job; the names say whose
    /// these are.
    fn put_owner(&self, owner: &Owner, put: &mut impl FnMut(&str, &str)) {
        let name = &owner.name;
        match owner.kind.as_str() {
            "ReplicaSet" => {
                put("k8s.replicaset.name", name);
                let hash = self.metadata.labels.get(TEMPLATE_HASH);
                let deployment = hash.and_then(|hash| name.strip_suffix(hash.as_str())?.strip_suffix('-'));
                put("k8s.deployment.name", deployment.unwrap_or_default());
            }
            "Job" => {
                put("k8s.job.name", name);
                let (front, minute) = name.rsplit_once('-').unwrap_or_default();
                let is_minute = minute.len() >= 8 && minute.bytes().all(|byte| byte.is_ascii_digit());
                put("k8s.cronjob.name", if is_minute { front } else { "" });
            }
            "DaemonSet" => put("k8s.daemonset.name", name),
            "StatefulSet" => put("k8s.statefulset.name", name),
            // A static pod is its node's.
            _ => {}
        }
    }

    /// Image and tag of each container, by its name.
    pub(super) fn images(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let spec = &self.spec;
        let all = spec
            .containers
            .iter()
            .chain(&spec.init_containers)
            .chain(&spec.ephemeral_containers);
        all.map(|container| (container.name.clone(), image(&container.image)))
            .collect()
    }
}

/// `registry:5000/path/name:tag@sha256:…`
fn image(image: &str) -> BTreeMap<String, String> {
    let plain = image.split_once('@').map_or(image, |(plain, _)| plain);
    let (name, tag) = match plain.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((name, tag)) => (name, Some(tag)),
        None => (plain, None),
    };
    let mut found = BTreeMap::new();
    if !name.is_empty() {
        found.insert("container.image.name".to_owned(), within(name));
    }
    if let Some(tag) = tag {
        found.insert("container.image.tags".to_owned(), within(tag));
    }
    found
}

fn within(value: &str) -> String {
    let end = (0..=VALUE_BYTES_MAX.min(value.len()))
        .rev()
        .find(|at| value.is_char_boundary(*at));
    value[..end.unwrap_or(0)].to_owned()
}
