//! What the path of a container's log says of the container.
//!
//! Kubernetes: `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log`, to which
//! `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log` is a link (kubelet, `kuberuntime/logs` and
//! `legacy_log.go`). Docker: `…/containers/ID/ID-json.log`, beside which `config.v2.json` has the name.
//! Names of attributes are OpenTelemetry's (semantic conventions for Kubernetes and containers).

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Digits of a container's id.
const ID_LEN: usize = 64;
/// Bytes of a container's configuration that are read.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

type Attributes = Vec<(String, String)>;

/// What is known of the container whose log is at `path`, if it is one.
pub(super) fn attributes(path: &Path) -> Attributes {
    let mut found = of_path(path).unwrap_or_default();
    // A link of /var/log/containers leads to where the path says more.
    let target = std::fs::read_link(path).ok();
    let target = target.map(|target| path.parent().map_or(target.clone(), |parent| parent.join(target)));
    for (name, value) in target.and_then(|target| of_path(&target)).unwrap_or_default() {
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, value));
        }
    }
    found
}

fn of_path(path: &Path) -> Option<Attributes> {
    of_pod(path).or_else(|| of_link(path)).or_else(|| of_docker(path))
}

/// `NAMESPACE_POD_UID/CONTAINER/RESTARTS.log`, below a directory `pods`.
fn of_pod(path: &Path) -> Option<Attributes> {
    let file = path.file_name()?.to_str()?;
    let container = path.parent()?;
    let pod = container.parent()?;
    if pod.parent()?.file_name()? != "pods" {
        return None;
    }
    let restarts = file.split_once(".log")?.0;
    let mut names = pod.file_name()?.to_str()?.splitn(3, '_');
    let (namespace, name, uid) = (names.next()?, names.next()?, names.next()?);
    let container = container.file_name()?.to_str()?;
    let mut found = of_container(namespace, name, container);
    found.push(("k8s.pod.uid".to_owned(), uid.to_owned()));
    if restarts.parse::<u32>().is_ok() {
        found.push(("k8s.container.restart_count".to_owned(), restarts.to_owned()));
    }
    Some(found)
}

/// `POD_NAMESPACE_CONTAINER-ID.log`, in a directory `containers`.
fn of_link(path: &Path) -> Option<Attributes> {
    if path.parent()?.file_name()? != "containers" {
        return None;
    }
    let stem = path.file_name()?.to_str()?.strip_suffix(".log")?;
    let mut names = stem.splitn(3, '_');
    let (pod, namespace, rest) = (names.next()?, names.next()?, names.next()?);
    let (container, id) = rest.rsplit_once('-').filter(|(_, id)| is_id(id))?;
    let mut found = of_container(namespace, pod, container);
    found.push(("container.id".to_owned(), id.to_owned()));
    Some(found)
}

/// A container has no better name for its service than its own.
fn of_container(namespace: &str, pod: &str, container: &str) -> Attributes {
    [
        ("k8s.namespace.name", namespace),
        ("k8s.pod.name", pod),
        ("k8s.container.name", container),
        ("service.name", container),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// `ID/ID-json.log`.
fn of_docker(path: &Path) -> Option<Attributes> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Configuration {
        name: String,
        config: Image,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Image {
        image: String,
    }
    let directory = path.parent()?;
    let id = directory.file_name()?.to_str()?;
    if !is_id(id) || !path.file_name()?.to_str()?.starts_with(&format!("{id}-json.log")) {
        return None;
    }
    let mut found = vec![("container.id".to_owned(), id.to_owned())];
    let configuration = read(&directory.join("config.v2.json")).unwrap_or_default();
    let configuration: Configuration = serde_json::from_slice(&configuration).unwrap_or_default();
    let name = configuration.name.trim_start_matches('/');
    let service = if name.is_empty() { &id[..12] } else { name };
    found.push(("service.name".to_owned(), service.to_owned()));
    for (key, value) in [
        ("container.name", name),
        ("container.image.name", &configuration.config.image),
    ] {
        if !value.is_empty() {
            found.push((key.to_owned(), value.to_owned()));
        }
    }
    Some(found)
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn read(path: &PathBuf) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(CONFIG_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(path: &str) -> BTreeMap<String, String> {
        attributes(Path::new(path)).into_iter().collect()
    }

    #[test]
    fn a_path_of_kubernetes_names_namespace_pod_and_container() {
        let found = of("/var/log/pods/shop_cart-7d9f_0a1b-22/nginx/3.log");
        assert_eq!(found["k8s.namespace.name"], "shop");
        assert_eq!(found["k8s.pod.name"], "cart-7d9f");
        assert_eq!(found["k8s.pod.uid"], "0a1b-22");
        assert_eq!(found["k8s.container.name"], "nginx");
        assert_eq!(found["k8s.container.restart_count"], "3");
        assert_eq!(found["service.name"], "nginx");
        let rotated = of("/var/log/pods/shop_cart-7d9f_0a1b-22/nginx/3.log.20260131-235900");
        assert_eq!(rotated, found);
        let id = "ab".repeat(32);
        let found = of(&format!("/var/log/containers/cart-7d9f_shop_my-app-{id}.log"));
        assert_eq!(found["k8s.namespace.name"], "shop");
        assert_eq!(found["k8s.pod.name"], "cart-7d9f");
        assert_eq!(found["k8s.container.name"], "my-app");
        assert_eq!(found["container.id"], id);
        assert!(of("/var/log/containers/notes.log").is_empty());
        assert!(of("/var/log/app.log").is_empty());
    }

    #[test]
    fn a_link_and_what_it_leads_to_say_more_together() {
        let dir = tempfile::tempdir().unwrap();
        let (pods, links) = (dir.path().join("pods/shop_cart_77/app"), dir.path().join("containers"));
        std::fs::create_dir_all(&pods).unwrap();
        std::fs::create_dir_all(&links).unwrap();
        let link = links.join(format!("cart_shop_app-{}.log", "0f".repeat(32)));
        std::os::unix::fs::symlink("../pods/shop_cart_77/app/0.log", &link).unwrap();
        let found: BTreeMap<String, String> = attributes(&link).into_iter().collect();
        assert_eq!(found["container.id"], "0f".repeat(32));
        assert_eq!(found["k8s.pod.uid"], "77");
    }

    #[test]
    fn a_container_of_docker_has_the_name_that_its_configuration_says() {
        let dir = tempfile::tempdir().unwrap();
        let id = "3c".repeat(32);
        let directory = dir.path().join(&id);
        std::fs::create_dir(&directory).unwrap();
        let log = directory.join(format!("{id}-json.log"));
        let found: BTreeMap<String, String> = attributes(&log).into_iter().collect();
        assert_eq!(found["service.name"], "3c3c3c3c3c3c");
        let json = r#"{"Name":"/web","Config":{"Image":"nginx:1.27","Tty":false},"Other":1}"#;
        std::fs::write(directory.join("config.v2.json"), json).unwrap();
        let found: BTreeMap<String, String> = attributes(&log).into_iter().collect();
        assert_eq!((&*found["service.name"], &*found["container.name"]), ("web", "web"));
        assert_eq!(found["container.image.name"], "nginx:1.27");
    }
}
