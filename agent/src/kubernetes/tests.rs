//! A small API over TLS that lists and watches as the documentation of Kubernetes says, and fails as it
//! may: connections end, versions are too old, tokens are replaced.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::object::Pod;
use super::*;

const DEADLINE: Duration = Duration::from_secs(60);
/// Pods of one page.
const PAGE: usize = 2;

#[derive(Default)]
struct State {
    pods: Vec<Value>,
    version: u64,
    events: Vec<(u64, Value)>,
    /// A watch from before this is told that it is too old.
    oldest: u64,
    /// As an event in a stream, not as an answer.
    gone_as_event: bool,
    token: String,
    /// What was asked for, and with which answer.
    asked: Vec<(String, u16)>,
    /// Connections are cut when this changes.
    cut: u64,
}

struct Api {
    state: Arc<Mutex<State>>,
    dir: tempfile::TempDir,
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
    stop: CancellationToken,
    pods: Arc<Pods>,
}

fn pod(name: &str, version: u64) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "resourceVersion": version.to_string(),
            "labels": {"app": "checkout"},
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "registry:5000/shop/checkout:1.2"}]},
        "status": {"podIP": "10.0.0.7"},
    })
}

impl Api {
    fn start(pods: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        std::fs::write(dir.path().join("ca.crt"), made.pem()).unwrap();
        std::fs::write(dir.path().join("token"), "one\n").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.der().clone()], key)
            .unwrap();
        let state = Arc::new(Mutex::new(State {
            pods: (0..pods).map(|n| pod(&format!("listed-{n}"), 10)).collect(),
            version: 10,
            token: "one".into(),
            ..State::default()
        }));
        let (acceptor, served) = (TlsAcceptor::from(Arc::new(config)), state.clone());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), served.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &state).await;
                    }
                });
            }
        });
        let api = Self {
            state,
            address,
            runtime,
            stop: CancellationToken::new(),
            pods: Arc::new(Pods::new(&KubernetesConfig::default())),
            dir,
        };
        let follow = follow(api.config(), api.pods.clone(), api.stop.clone());
        api.runtime.spawn(follow);
        api
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> KubernetesConfig {
        KubernetesConfig {
            enabled: Some(true),
            api: format!("https://{}", self.address),
            node: "node-1".into(),
            token: self.path("token"),
            authorities: self.path("ca.crt"),
            ..KubernetesConfig::default()
        }
    }

    /// Something happens to a pod.
    fn event(&self, kind: &str, name: &str) {
        let mut state = self.state.lock();
        state.version += 1;
        let (version, object) = (state.version, pod(name, state.version));
        match kind {
            "DELETED" => state.pods.retain(|known| known["metadata"]["name"] != name),
            _ => state.pods.push(object.clone()),
        }
        state.events.push((version, json!({"type": kind, "object": object})));
    }

    fn cut(&self) {
        self.state.lock().cut += 1;
    }

    #[track_caller]
    fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let begin = Instant::now();
        while !condition() {
            assert!(begin.elapsed() < DEADLINE, "no {what}: {:?}", self.state.lock().asked);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn until_known(&self, name: &str) {
        self.until(name, || known(&self.pods, name).is_some());
    }

    fn asked(&self, what: &str) -> Vec<(String, u16)> {
        let state = self.state.lock();
        state
            .asked
            .iter()
            .filter(|(path, _)| path.contains(what))
            .cloned()
            .collect()
    }

    fn lists(&self) -> usize {
        self.asked("limit=")
            .iter()
            .filter(|(path, _)| path.ends_with("continue="))
            .count()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn known(pods: &Pods, name: &str) -> Option<std::collections::BTreeMap<String, String>> {
    let mut stream = std::collections::BTreeMap::from([
        ("k8s.pod.uid".to_owned(), format!("uid-{name}")),
        ("k8s.container.name".to_owned(), "main".to_owned()),
    ]);
    pods.add_to(&mut stream).then_some(stream)
}

async fn serve(mut stream: TlsStream<TcpStream>, state: &Mutex<State>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let value = |name: &str| {
        let query = path.split_once('?').unwrap().1;
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        pair.unwrap_or_default().to_owned()
    };
    assert!(
        path.starts_with("/api/v1/pods?") && value("fieldSelector") == "spec.nodeName%3Dnode-1",
        "{path}"
    );
    // All of one moment: what is cut after it cuts this, too.
    let (status, body, watches, cut) = {
        let mut state = state.lock();
        let (status, body, watches) = answer(&state, &request, &value);
        state.asked.push((path.clone(), status));
        (status, body, watches, state.cut)
    };
    let length = if watches {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{length}Connection: close\r\n\r\n");
    if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(body.as_bytes()).await.is_err() {
        return;
    }
    if !watches || body.contains("ERROR") {
        // Whoever listens may have gone.
        stream.shutdown().await.ok();
        return;
    }
    let mut at: u64 = value("resourceVersion").parse().unwrap();
    while state.lock().cut == cut {
        let events: Vec<(u64, Value)> = state
            .lock()
            .events
            .iter()
            .filter(|(version, _)| *version > at)
            .cloned()
            .collect();
        for (version, event) in events {
            at = version;
            if stream.write_all(format!("{event}\n").as_bytes()).await.is_err() {
                return;
            }
        }
        stream.flush().await.ok();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Status, body, and whether events follow it.
fn answer(state: &State, request: &str, value: &impl Fn(&str) -> String) -> (u16, String, bool) {
    if !request.contains(&format!("authorization: Bearer {}\r\n", state.token)) {
        return (
            401,
            json!({"kind": "Status", "code": 401, "message": "Unauthorized"}).to_string(),
            false,
        );
    }
    if value("watch").is_empty() {
        let from: usize = value("continue").parse().unwrap_or(0);
        let to = (from + PAGE).min(state.pods.len());
        let rest = if to < state.pods.len() {
            to.to_string()
        } else {
            String::new()
        };
        let list = json!({
            "kind": "PodList",
            "metadata": {"resourceVersion": state.version.to_string(), "continue": rest},
            "items": state.pods[from..to],
        });
        return (200, list.to_string(), false);
    }
    let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"});
    match value("resourceVersion").parse::<u64>().unwrap() < state.oldest {
        true if state.gone_as_event => (200, format!("{}\n", json!({"type": "ERROR", "object": gone})), true),
        true => (410, gone.to_string(), false),
        false => (200, String::new(), true),
    }
}

#[test]
fn the_pods_of_the_node_are_listed_in_pages_and_then_watched() {
    let api = Api::start(5);
    api.until_known("listed-4");
    api.event("ADDED", "added");
    api.until_known("added");
    assert_eq!((api.lists(), api.asked("limit=").len()), (1, 3));
    let stream = known(&api.pods, "added").unwrap();
    assert_eq!(stream["k8s.pod.label.app"], "checkout");
    assert_eq!(stream["k8s.node.name"], "node-1");
    assert_eq!(stream["k8s.pod.ip"], "10.0.0.7");
    assert_eq!(stream["container.image.name"], "registry:5000/shop/checkout");
    assert_eq!(stream["container.image.tags"], "1.2");
    // Its last lines may still be read.
    api.event("DELETED", "added");
    api.event("ADDED", "later");
    api.until_known("later");
    assert!(known(&api.pods, "added").is_some());
}

#[test]
fn a_watch_goes_on_where_it_was_when_its_connection_ends() {
    let api = Api::start(1);
    api.event("ADDED", "first");
    api.until_known("first");
    for n in 0..3 {
        api.cut();
        let name = format!("after-{n}");
        api.event("ADDED", &name);
        api.until_known(&name);
    }
    assert_eq!(api.lists(), 1, "{:?}", api.state.lock().asked);
    let last = api.asked("watch=1").last().cloned().unwrap().0;
    assert!(
        last.contains("resourceVersion=13&") || last.contains("resourceVersion=14&"),
        "{last}"
    );
}

#[test]
fn a_watch_that_is_too_old_is_begun_with_another_list() {
    for gone_as_event in [false, true] {
        let api = Api::start(1);
        api.event("ADDED", "first");
        api.until_known("first");
        {
            let mut state = api.state.lock();
            // While nobody watched, and no longer to be watched from.
            (state.version, state.oldest, state.gone_as_event) = (100, 90, gone_as_event);
            state.pods.push(pod("missed", 95));
            state.cut += 1;
        }
        api.until_known("missed");
        assert_eq!(api.lists(), 2);
        api.event("ADDED", "later");
        api.until_known("later");
    }
}

#[test]
fn a_token_that_was_replaced_is_read_again() {
    let api = Api::start(1);
    api.until_known("listed-0");
    api.state.lock().token = "two".into();
    api.cut();
    api.until("the refusal", || {
        api.asked("watch=1").iter().any(|(_, status)| *status == 401)
    });
    std::fs::write(api.path("token"), "two").unwrap();
    api.event("ADDED", "later");
    api.until_known("later");
}

#[test]
fn no_more_pods_are_kept_than_are_asked_for_and_those_that_are_gone_go_first() {
    let pods = Pods::new(&KubernetesConfig {
        pods_max: 2,
        ..KubernetesConfig::default()
    });
    let put = |name: &str| pods.put(&serde_json::from_value::<Pod>(pod(name, 1)).unwrap());
    put("a");
    put("b");
    pods.gone("uid-b");
    put("c");
    assert_eq!(pods.len(), 2);
    assert!(known(&pods, "a").is_some() && known(&pods, "b").is_none() && known(&pods, "c").is_some());
}

#[test]
fn owners_and_wanted_annotations_are_attributes_and_static_pods_are_known_by_their_hash() {
    let attributes = |owner: Value, labels: Value| {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {
                "name": "p", "uid": "u", "labels": labels, "ownerReferences": [owner],
                "annotations": {"team/mail": "a@b", "secret": "x", "kubernetes.io/config.hash": "h"},
            },
        }))
        .unwrap();
        assert_eq!(pod.ids().collect::<Vec<_>>(), ["u", "h"]);
        let config = KubernetesConfig {
            annotations: vec!["team/*".into()],
            ..KubernetesConfig::default()
        };
        pod.attributes(&config)
    };
    let owner = |kind: &str, name: &str| json!({"kind": kind, "name": name, "controller": true});
    let found = attributes(
        owner("ReplicaSet", "shop-api-7d9f"),
        json!({"pod-template-hash": "7d9f"}),
    );
    assert_eq!(found["k8s.replicaset.name"], "shop-api-7d9f");
    assert_eq!(found["k8s.deployment.name"], "shop-api");
    assert_eq!(found["k8s.pod.annotation.team/mail"], "a@b");
    assert!(!found.contains_key("k8s.pod.annotation.secret"));
    let found = attributes(owner("Job", "backup-29412345"), json!({}));
    assert_eq!(
        (&*found["k8s.job.name"], &*found["k8s.cronjob.name"]),
        ("backup-29412345", "backup")
    );
    assert!(!attributes(owner("Job", "migrate-v2"), json!({})).contains_key("k8s.cronjob.name"));
    assert_eq!(
        attributes(owner("DaemonSet", "d"), json!({}))["k8s.daemonset.name"],
        "d"
    );
    assert_eq!(
        attributes(owner("StatefulSet", "s"), json!({}))["k8s.statefulset.name"],
        "s"
    );
}

#[test]
fn the_api_is_asked_where_a_pod_has_what_it_takes_or_it_is_said_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "t").unwrap();
    let config = KubernetesConfig {
        token,
        ..KubernetesConfig::default()
    };
    let all = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("fd00::1".to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some("6443".to_owned()),
        "NODE_NAME" => Some("n".to_owned()),
        _ => None,
    };
    let api = config.api(all).unwrap().unwrap();
    assert_eq!((&*api.host, api.port, &*api.node), ("fd00::1", 6443, "n"));
    let no_node = |name: &str| all(name).filter(|_| name != "NODE_NAME");
    assert_eq!(config.api(no_node), Ok(None));
    let asked = KubernetesConfig {
        enabled: Some(true),
        ..config.clone()
    };
    assert!(asked.api(no_node).unwrap_err().contains("NODE_NAME"));
    assert!(asked.api(|_| None).is_err());
    let never = KubernetesConfig {
        enabled: Some(false),
        ..config
    };
    assert_eq!(never.api(all), Ok(None));
}
