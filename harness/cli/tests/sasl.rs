#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Brokers that ask who comes: who is let in, who is not, and in which words that is told.

mod support;

use eventproof_embedded::{BrokerConfig, EmbeddedBroker, User};
use support::{Ran, eventproof, project};

const SCENARIO: &str = "who shows who it is may publish, and who cannot is turned away";
const PASSWORD: &str = "KAFKA_SASL_PASSWORD: \"{sasl.password}\"";

/// The pack of todo with another system.yaml, and PLAIN alone, so that every build says the same.
fn pack(change: impl Fn(String) -> String) -> tempfile::TempDir {
    let (pack, from) = (tempfile::tempdir().unwrap(), project().join("features/todo"));
    std::fs::create_dir(pack.path().join("schemas")).unwrap();
    for folder in ["", "schemas"] {
        let files = std::fs::read_dir(from.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.is_file()) {
            std::fs::copy(&file, pack.path().join(folder).join(file.file_name().unwrap())).unwrap();
        }
    }
    let system = std::fs::read_to_string(from.join("system.yaml")).unwrap();
    let system = change(system.replace("sasl: [SCRAM-SHA-512, PLAIN]", "sasl: PLAIN"));
    std::fs::write(pack.path().join("system.yaml"), system).unwrap();
    pack
}

fn run(pack: &tempfile::TempDir, more: &[&str]) -> Ran {
    let report = pack.path().join("report");
    let mut arguments = vec!["run", pack.path().to_str().unwrap(), "--report", report.to_str().unwrap()];
    arguments.extend(["--copies", "1", "--exact", SCENARIO]);
    arguments.extend(more);
    eventproof(&arguments)
}

#[test]
fn a_service_that_is_not_let_in_is_the_reason_why_its_event_is_missing() {
    let ran = run(&pack(|system| system), &["--fault", "todo-api:wrong-password"]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let why = "; the broker does not let service \"todo-api\" in: Authentication failed: Invalid username or password";
    assert!(ran.result.contains(why) && ran.result.contains("login-refused"), "{}", ran.result);
}

#[test]
fn who_is_let_in_and_should_not_be_is_told() {
    let ran = run(&pack(|system| system.replace("KAFKA_SASL_PASSWORD: nobody's", PASSWORD)), &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let told = "service \"todo-api-stranger\" did not log \"Authentication failed\" within";
    assert!(ran.result.contains(told), "{}", ran.result);
}

#[test]
fn a_group_that_is_not_let_in_is_never_ready_and_says_why() {
    // The consumer's is the last.
    let wrong = |system: String| {
        let (before, after) = system.rsplit_once(PASSWORD).unwrap();
        format!("{before}KAFKA_SASL_PASSWORD: wrong{after}").replace("within: 60s", "within: 4s")
    };
    let ran = run(&pack(wrong), &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    let why = "; the broker does not let service \"event-service-v1\" in: Authentication failed: Invalid username or password";
    let told = "group \"event-service-v1\" was not ready within 4 s: it is ";
    assert!(ran.progress.contains(told), "{}", ran.progress);
    assert!(ran.progress.contains(why), "{}", ran.progress);
}

#[test]
fn a_password_that_is_nowhere_is_told_before_anything_starts() {
    let users = "broker:\n  users: {todo-api: {variable: NO_SUCH_VARIABLE}}";
    let ran = run(&pack(|system| system.replace("broker:", users)), &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    let told = "the password of service \"todo-api\" is missing: the variable NO_SUCH_VARIABLE is not set";
    assert!(ran.progress.contains(told), "{}", ran.progress);
}

#[test]
fn a_running_broker_that_does_not_let_us_in_is_no_broker_that_does_not_answer() {
    let users = vec![User { name: "alice".into(), password: "right".into() }];
    let broker = EmbeddedBroker::start(BrokerConfig { users, ..BrokerConfig::default() }).unwrap();
    let servers = broker.bootstrap_servers();
    let asked = |password: &str| {
        let password = format!("sasl.password={password}");
        let options = ["security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN", "sasl.username=alice", &password];
        let mut arguments = vec!["doctor", "--brokers", &servers];
        options.iter().for_each(|option| arguments.extend(["--broker-option", *option]));
        eventproof(&arguments)
    };
    let (wrong, right) = (asked("wrong"), asked("right"));
    let told = format!("the broker at {servers} does not let eventproof in: authentication failed: ");
    assert_eq!(wrong.code, 3, "{}{}", wrong.progress, wrong.result);
    assert!(format!("{}{}", wrong.progress, wrong.result).contains(&told), "{}{}", wrong.progress, wrong.result);
    assert!(
        !format!("{}{}", right.progress, right.result).contains("does not let"),
        "{}{}",
        right.progress,
        right.result
    );
}
