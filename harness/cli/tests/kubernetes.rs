#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The manifest of a load from several pods: checked strictly by the types of Kubernetes' own API, and as eventproof reads it.

mod support;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, EnvVar, Secret};
use serde::de::DeserializeOwned;
use serde_json::Value;
use support::{eventproof, project};

/// The documents of the manifest, by their kind.
fn documents() -> Vec<Value> {
    let text = std::fs::read_to_string(project().join("deploy/kubernetes/load-job.yaml")).unwrap();
    text.split("\n---\n").map(|one| serde_saphyr::from_str(one).unwrap()).collect()
}

/// A document as its type has it; fails for a field that the type does not know.
fn strictly<T: DeserializeOwned>(document: &Value) -> Result<T, String> {
    let mut unknown = Vec::new();
    let read = serde_ignored::deserialize(document, |path| unknown.push(path.to_string()));
    let read = read.map_err(|error| error.to_string())?;
    if unknown.is_empty() { Ok(read) } else { Err(format!("unknown: {}", unknown.join(", "))) }
}

fn read<T: DeserializeOwned>(kind: &str) -> T {
    strictly(documents().iter().find(|one| one["kind"] == kind).unwrap()).unwrap()
}

#[test]
fn every_document_is_what_kubernetes_takes() {
    let kinds: Vec<Value> = documents().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["ConfigMap", "Secret", "Job"]);
    let (map, secret, job): (ConfigMap, Secret, Job) = (read("ConfigMap"), read("Secret"), read("Job"));
    assert_eq!(map.metadata.name, job.metadata.name);
    assert!(secret.string_data.unwrap().contains_key("password"));
}

#[test]
fn the_check_finds_a_field_in_the_wrong_place_and_a_value_of_another_type() {
    let job = documents().into_iter().find(|one| one["kind"] == "Job").unwrap();
    let mut misplaced = job.clone();
    misplaced["spec"]["template"]["spec"]["backoffLimit"] = 0.into();
    let fault = strictly::<Job>(&misplaced).unwrap_err();
    assert!(fault.contains("backoffLimit"), "{fault}");
    let mut wrong = job;
    wrong["spec"]["completions"] = "four".into();
    assert!(strictly::<Job>(&wrong).is_err());
}

#[test]
fn all_pods_are_shards_of_one_run_and_none_is_started_again() {
    let spec = read::<Job>("Job").spec.unwrap();
    assert_eq!(spec.completion_mode.as_deref(), Some("Indexed"));
    assert_eq!((spec.completions, spec.backoff_limit), (spec.parallelism, Some(0)));
    let pod = spec.template.spec.unwrap();
    assert_eq!(pod.restart_policy.as_deref(), Some("Never"));
    let container = &pod.containers[0];
    let env = container.env.as_deref().unwrap();
    let variable = |name: &str| -> &EnvVar { env.iter().find(|one| one.name == name).unwrap() };
    assert_eq!(variable("EVENTPROOF_SHARD").value.as_deref(), Some(&*format!("job/{}", spec.completions.unwrap())));
    let run = variable("EVENTPROOF_RUN").value_from.as_ref().unwrap().field_ref.as_ref().unwrap();
    assert!(run.field_path.contains("controller-uid"), "{}", run.field_path);
    assert!(container.resources.as_ref().unwrap().requests.as_ref().unwrap().contains_key("memory"));
    // Every mount has its volume, and no secret is in a variable or an argument.
    let volumes: Vec<&str> = pod.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    assert!(container.volume_mounts.iter().flatten().all(|mount| volumes.contains(&mount.name.as_str())));
    assert!(env.iter().all(|one| one.value_from.as_ref().is_none_or(|from| from.secret_key_ref.is_none())));
    let secrets: Vec<&String> = container.args.iter().flatten().filter(|one| one.contains("password")).collect();
    assert_eq!(secrets, ["sasl.password=@/secrets/password"]);
}

#[test]
fn its_profile_and_pack_are_sound_and_eventproof_takes_its_arguments() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in read::<ConfigMap>("ConfigMap").data.unwrap() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("password"), "secret\n").unwrap();
    let lint = eventproof(&["lint", folder.path().to_str().unwrap()]);
    assert_eq!(lint.code, 0, "{}{}", lint.progress, lint.result);
    let spec = read::<Job>("Job").spec.unwrap().template.spec.unwrap();
    let here = |argument: &String| {
        let path = folder.path().display().to_string();
        argument.replace("/pack", &path).replace("/secrets", &path).replace("/report", &format!("{path}/report"))
    };
    let arguments: Vec<String> = spec.containers[0].args.iter().flatten().map(here).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--shard", "1/4", "--run", "x", "--brokers", "127.0.0.1:1"]);
    let ran = eventproof(&arguments);
    // Everything is understood; only nobody answers there.
    assert_eq!(ran.code, 3, "{}", ran.progress);
    assert!(ran.progress.contains("no broker answers at 127.0.0.1:1"), "{}", ran.progress);
    assert!(!ran.progress.contains("secret\n"), "{}", ran.progress);
    std::fs::remove_file(folder.path().join("password")).unwrap();
    let ran = eventproof(&arguments);
    assert_eq!(ran.code, 2, "{}", ran.progress);
    assert!(ran.progress.contains("--broker-option sasl.password"), "{}", ran.progress);
}
