//! Names from state files: trees of files as hosts of five kinds have them.

use std::fs;
use std::os::unix::fs::symlink;

use memcg_trace::sample::Sample;
use memcg_trace::sample::state_files::StateFiles;
use serde_json::{Value, json};

use super::fixture::{empty, walked};
use super::hosts::{CONTAINERS, POD, hosts};
use super::root::Root;
use super::{records, rows};

/// Container, pod and namespace in the record of each cgroup that is in one of them.
fn named(kind: &str, files: StateFiles) -> Vec<(String, [Value; 3])> {
    let (_, cgroups) = hosts().into_iter().find(|(name, _)| *name == kind).unwrap();
    let paths: Vec<&[u8]> = cgroups.iter().map(|one| one.path.as_bytes()).collect();
    let samples = [
        walked(1, rows(&paths)),
        Sample {
            state_files: Some(files),
            ..walked(2, rows(&paths))
        },
    ];
    let records = records(&samples, "memcg").into_iter();
    let named = records.map(|(path, record)| {
        let known = ["container", "pod", "namespace"].map(|key| record[key].clone());
        (path, known)
    });
    named
        .filter(|(_, known)| known.iter().any(|one| !one.is_null()))
        .collect()
}

/// Asserts what cgroups are in whose path is that container or pod.
#[track_caller]
fn all_are(named: &[(String, [Value; 3])], id: &str, expected: [Value; 3]) {
    let of = |path: &str| path.rsplit('/').any(|name| name.contains(id));
    let found: Vec<_> = named.iter().filter(|(path, _)| of(path)).collect();
    assert!(!found.is_empty(), "{id}");
    for (path, known) in found {
        assert_eq!(*known, expected, "{path}");
    }
}

#[test]
fn docker_tells_names() {
    let root = Root::new("docker");
    let [c1, c2] = CONTAINERS;
    let config =
        |name: &str| json!({"ID": c1, "Name": name, "Config": {"Labels": null}, "State": {}});
    root.json(
        &format!("var/lib/docker/containers/{c1}/config.v2.json"),
        &config("/web"),
    );
    root.json("etc/docker/daemon.json", &json!({"log-level": "info"}));
    root.json(
        &format!("home/ann/.local/share/docker/containers/{c2}/config.v2.json"),
        &config("/db"),
    );
    root.file(
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n",
    );
    root.file("run/user/1000/bus", "");
    let files = root.read();
    assert_eq!(files.not_read, Vec::<String>::new());
    let named = named("Docker with both drivers", files);
    let named: Vec<_> = named
        .into_iter()
        .filter(|(path, _)| !path.ends_with(&format!("docker/{c2}")) || !path.contains(c1))
        .collect();
    all_are(&named, c1, [json!("web"), Value::Null, Value::Null]);
    all_are(&named, c2, [json!("db"), Value::Null, Value::Null]);

    // Another place for all of it.
    root.json(
        "etc/docker/daemon.json",
        &json!({"data-root": "/srv/docker"}),
    );
    root.json(
        &format!("srv/docker/containers/{c1}/config.v2.json"),
        &config("/moved"),
    );
    let names: Vec<_> = root
        .read()
        .containers
        .into_iter()
        .filter_map(|one| one.name)
        .collect();
    assert!(
        names.contains(&"moved".into()) && !names.contains(&"web".into()),
        "{names:?}"
    );
}

#[test]
fn containerd_and_the_kubelet_tell_names() {
    let root = Root::new("containerd");
    let [c1, c2] = CONTAINERS;
    let tasks = "run/containerd/io.containerd.runtime.v2.task";
    let annotations = json!({
        "io.kubernetes.cri.container-name": "nginx",
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.sandbox-name": "web-0",
        "io.kubernetes.cri.sandbox-namespace": "shop",
        "io.kubernetes.cri.sandbox-uid": POD,
    });
    root.json(
        &format!("{tasks}/k8s.io/{c1}/config.json"),
        &json!({"ociVersion": "1.1.0", "annotations": annotations}),
    );
    root.json(
        &format!("{tasks}/default/{c2}/config.json"),
        &json!({"annotations": {"nerdctl/name": "builder"}}),
    );
    root.json(
        &format!("{tasks}/moby/{c1}/config.json"),
        &json!({"annotations": null}),
    );
    let pod = [json!("web-0"), json!("shop")];
    let kind = "containerd and Kubernetes with both drivers";
    let files = root.read();
    assert_eq!(files.not_read, Vec::<String>::new());
    let by_tasks = named(kind, files);
    let [name, namespace] = pod.clone();
    all_are(
        &by_tasks,
        c1,
        [json!("nginx"), name.clone(), namespace.clone()],
    );
    let of = |path: String| {
        by_tasks
            .iter()
            .find(|(found, _)| *found == path)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(
        of(format!("/kubepods/burstable/pod{POD}")),
        [Value::Null, name, namespace]
    );
    assert_eq!(
        of(format!("/nerdctl/{c2}")),
        [json!("builder"), Value::Null, Value::Null]
    );

    // Names of the folders and links of logs are enough, and their contents are not read.
    let root = Root::new("kubelet");
    fs::create_dir_all(root.at(&format!("var/log/pods/shop_web-0_{POD}/nginx"))).unwrap();
    fs::create_dir_all(root.at("var/log/containers")).unwrap();
    let link = root.at(&format!("var/log/containers/web-0_shop_nginx-{c1}.log"));
    symlink("/nowhere", link).unwrap();
    let by_logs = named(kind, root.read());
    assert_eq!(by_logs.len(), by_tasks.len());
    all_are(
        &by_logs,
        c1,
        [json!("nginx"), json!("web-0"), json!("shop")],
    );
}

#[test]
fn crio_and_podman_tell_names() {
    let root = Root::new("storage");
    let [c1, c2] = CONTAINERS;
    let storage = "var/lib/containers/storage/overlay-containers";
    let annotations = json!({
        "io.kubernetes.container.name": "nginx",
        "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "shop",
        "io.kubernetes.pod.uid": POD,
    });
    root.json(
        &format!("{storage}/{c1}/userdata/config.json"),
        &json!({"annotations": annotations}),
    );
    let name = format!("k8s_side_web-0_shop_{POD}_3");
    root.json(
        &format!("{storage}/containers.json"),
        &json!([{"id": c1}, {"id": c2, "names": [name]}]),
    );
    let crio = named("CRI-O", root.read());
    let pod = [json!("web-0"), json!("shop")];
    let [name, namespace] = pod;
    all_are(&crio, c1, [json!("nginx"), name.clone(), namespace.clone()]);
    all_are(&crio, c2, [json!("side"), name, namespace]);

    let root = Root::new("rootless");
    root.file(
        "etc/passwd",
        "ann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n",
    );
    fs::create_dir_all(root.at("run/user/1000/containers")).unwrap();
    let storage = "home/ann/.local/share/containers/storage/overlay-containers";
    let list = json!([{"id": c1, "names": ["web"], "layer": "x"}, {"id": c2, "names": null}]);
    root.json(&format!("{storage}/containers.json"), &list);
    root.json(
        &format!("{storage}/{c1}/userdata/config.json"),
        &json!({"annotations": {}}),
    );
    // Nobody looks into the homes of those who are not here.
    root.json(
        "home/bob/.local/share/containers/storage/overlay-containers/containers.json",
        &json!(7),
    );
    let files = root.read();
    assert_eq!(files.not_read, Vec::<String>::new());
    let podman = named("podman, rootless and not", files);
    // With a pod it is said where its name is.
    let infra = format!("{}-infra", &c2[..12]);
    let list = json!([{"id": c1, "names": ["web"]}, {"id": c2, "names": [infra]}]);
    root.json(&format!("{storage}/containers.json"), &list);
    let not_read = root.read().not_read;
    assert_eq!(not_read.len(), 1, "{not_read:?}");
    assert!(
        not_read[0].contains("podman's pods are in its database"),
        "{not_read:?}"
    );
    let rootless: Vec<_> = podman
        .into_iter()
        .filter(|(path, _)| path.contains("@1000") && path.contains(&format!("-{c1}")))
        .collect();
    assert_eq!(rootless.len(), 4, "{rootless:#?}");
    for (path, [container, _, namespace]) in rootless {
        assert_eq!(container, "web", "{path}");
        assert_eq!(namespace, Value::Null, "{path}");
    }
}

#[test]
fn names_stay_when_the_container_is_gone_and_a_recording_has_them() {
    let [c1, _] = CONTAINERS;
    let path = format!("/docker/{c1}");
    let rows = || rows(&[path.as_bytes()]);
    let files: StateFiles = serde_json::from_value(json!({
        "containers": [{"id": c1, "name": "web", "of_a_later_version": 1}],
        "not_read": ["docker: \u{1b}"],
    }))
    .unwrap();
    let told = Sample {
        state_files: Some(files),
        ..walked(1, rows())
    };
    let gone = Sample {
        state_files: Some(StateFiles::default()),
        ..walked(3, rows())
    };
    for last in [empty(2), walked(2, rows()), gone] {
        let json = serde_json::to_string(&told).unwrap();
        let replayed: Sample = serde_json::from_str(&json).unwrap();
        let records = records(&[replayed, last], "memcg");
        assert_eq!(records[&path]["container"], "web");
    }
}
