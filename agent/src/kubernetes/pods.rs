//! The pods that are known.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::config::KubernetesConfig;
use super::object::Pod;

/// What the API has said of this node's pods. A pod that is gone is kept while there is room: its last
/// lines may still be read.
pub(crate) struct Pods {
    config: KubernetesConfig,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// By what a path may name a pod by.
    pods: HashMap<String, Arc<Entry>>,
}

struct Entry {
    uid: String,
    attributes: BTreeMap<String, String>,
    images: BTreeMap<String, BTreeMap<String, String>>,
    /// When it was seen to be gone.
    gone: Option<Instant>,
}

impl Pods {
    pub(crate) fn new(config: &KubernetesConfig) -> Self {
        Self {
            config: config.clone(),
            known: Mutex::default(),
        }
    }

    /// How long a file waits for its pod.
    pub(crate) fn wait_max(&self) -> std::time::Duration {
        self.config.wait_max
    }

    /// Adds to a stream what is known of its pod and container; what the stream says already stays. False
    /// if the pod is not known.
    pub(crate) fn add_to(&self, stream: &mut BTreeMap<String, String>) -> bool {
        let Some(uid) = stream.get("k8s.pod.uid") else {
            return false;
        };
        let Some(pod) = self.known.lock().pods.get(uid).cloned() else {
            return false;
        };
        let container = stream.get("k8s.container.name").and_then(|name| pod.images.get(name));
        for (name, value) in pod.attributes.iter().chain(container.into_iter().flatten()) {
            stream.entry(name.clone()).or_insert_with(|| value.clone());
        }
        true
    }

    /// These are all pods of the node now.
    pub(super) fn all(&self, pods: &[Pod]) {
        for pod in pods {
            self.put(pod);
        }
        let is_there = |uid: &str| pods.iter().any(|pod| pod.metadata.uid == uid);
        let gone: Vec<String> = {
            let known = self.known.lock();
            let here = known.pods.values().filter(|entry| entry.gone.is_none());
            here.filter(|entry| !is_there(&entry.uid))
                .map(|entry| entry.uid.clone())
                .collect()
        };
        gone.iter().for_each(|uid| self.gone(uid));
    }

    pub(super) fn put(&self, pod: &Pod) {
        let entry = Arc::new(Entry {
            uid: pod.metadata.uid.clone(),
            attributes: pod.attributes(&self.config),
            images: pod.images(),
            gone: None,
        });
        let mut known = self.known.lock();
        for id in pod.ids() {
            known.pods.insert(id.clone(), entry.clone());
        }
        self.make_room(&mut known);
    }

    pub(super) fn gone(&self, uid: &str) {
        let mut known = self.known.lock();
        let now = Instant::now();
        for entry in known
            .pods
            .values_mut()
            .filter(|entry| entry.uid == uid && entry.gone.is_none())
        {
            *entry = Arc::new(Entry {
                uid: entry.uid.clone(),
                attributes: entry.attributes.clone(),
                images: entry.images.clone(),
                gone: Some(now),
            });
        }
        self.make_room(&mut known);
    }

    fn make_room(&self, known: &mut Known) {
        while known.pods.len() > self.config.pods_max.max(1) {
            let oldest = known
                .pods
                .iter()
                .min_by_key(|(_, entry)| (entry.gone.is_none(), entry.gone));
            let Some(id) = oldest.map(|(id, _)| id.clone()) else {
                return;
            };
            known.pods.remove(&id);
        }
    }

    /// Takes in a pod as the API writes it.
    #[cfg(test)]
    pub(crate) fn put_json(&self, pod: serde_json::Value) {
        self.put(&serde_json::from_value(pod).unwrap());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.lock().pods.len()
    }
}
