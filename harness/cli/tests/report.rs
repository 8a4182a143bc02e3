#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Results rendered again, and the shards of a run merged, by the whole program on a pack without services.

mod support;

use std::path::{Path, PathBuf};

use support::{Ran, SHOP, eventproof};

/// The last one breaks. Which shard a scenario is in depends on the folder's name too: so many that none is empty.
fn feature() -> String {
    let rows: String = (1..=24).map(|number| format!("      | {number} |\n")).collect();
    format!(
        "Feature: Ordering

  Scenario Outline: order <number>
    When \"order.placed\" is published
      | order_id | <number> of {{run}} |

    Examples:
      | number |
{rows}
  Scenario: a purchase that cannot be paid
    Given stub \"bank\" answers 500 1 time
    When \"order.placed\" is published
    And action \"pay\" is done
      | who | {{run}} |
"
    )
}

const SYSTEM: &str = "\
system: shop
stubs: {bank: {}}
actions:
  pay: {request: 'POST {bank.url}/pay', json: {who: '{who}'}, status: 200}
";

struct Shop(tempfile::TempDir);

impl Shop {
    fn new() -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let files = [("asyncapi.yaml", SHOP), ("system.yaml", SYSTEM), ("shop.feature", &feature())];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Shop(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the pack; returns the path of its result.
    fn run(&self, report: &str, options: &[&str]) -> (Ran, PathBuf) {
        let report = self.path(report);
        let pack = self.0.path().to_str().unwrap();
        let mut arguments = vec!["run", pack, "--report", report.to_str().unwrap()];
        arguments.extend(options);
        (eventproof(&arguments), report.join("result.json"))
    }

    fn report(&self, files: &[&Path], out: &str) -> Ran {
        let out = self.path(out);
        let mut arguments = vec!["report"];
        arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
        arguments.extend(["--out", out.to_str().unwrap()]);
        eventproof(&arguments)
    }
}

#[test]
fn the_shards_of_a_run_are_merged_and_end_as_the_whole_would() {
    let shop = Shop::new();
    let (first, one) = shop.run("one", &["--shard", "1/2"]);
    let (second, two) = shop.run("two", &["--shard", "2/2"]);
    assert_eq!(first.code.max(second.code), 1, "{}{}", first.result, second.result);
    assert_eq!(first.code.min(second.code), 0, "{}{}", first.result, second.result);

    let merged = shop.report(&[&two, &one], "merged");
    assert_eq!(merged.code, 1, "{}{}", merged.progress, merged.result);
    assert!(merged.result.contains("25 scenarios: 24 held, 1 BROKEN; 25 records"), "{}", merged.result);
    assert!(merged.result.contains("merged from 2 results"), "{}", merged.result);
    for name in ["report.html", "junit.xml", "result.json"] {
        assert!(shop.path("merged").join(name).exists(), "{name}");
    }
    let again = shop.report(&[&shop.path("merged/result.json")], "again");
    assert_eq!((again.code, again.result.replace("again", "merged")), (1, merged.result));
    let read = |name: &str| std::fs::read_to_string(shop.path(name)).unwrap();
    for name in ["report.html", "junit.xml", "result.json"] {
        assert_eq!(read(&format!("again/{name}")), read(&format!("merged/{name}")));
    }

    let held = if first.code == 0 { &one } else { &two };
    let alone = shop.report(&[held, held], "twice");
    assert_eq!(alone.code, 2, "{}", alone.result);
    assert!(alone.progress.contains("leave one of them out"), "{}", alone.progress);
}

#[test]
fn a_run_that_lacks_a_shard_has_no_verdict() {
    let shop = Shop::new();
    let (ran, one) = shop.run("one", &["--shard", "1/3", "--name", "order"]);
    let (other, two) = shop.run("two", &["--shard", "2/3", "--name", "order"]);
    assert_eq!((ran.code, other.code), (0, 0), "{}{}", ran.result, other.result);
    let merged = shop.report(&[&one, &two], "merged");
    assert_eq!(merged.code, 3, "{}{}", merged.progress, merged.result);
    assert!(merged.result.contains("the results of these shards are missing: 3/3"), "{}", merged.result);
}

#[test]
fn a_shard_alone_is_not_the_whole() {
    let shop = Shop::new();
    let (ran, one) = shop.run("one", &["--shard", "1/3", "--name", "order"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let merged = shop.report(&[&one], "merged");
    assert_eq!(merged.code, 3, "{}{}", merged.progress, merged.result);
    assert!(merged.result.contains("the results of these shards are missing: 2/3, 3/3"), "{}", merged.result);
    let shown = eventproof(&["report", one.to_str().unwrap()]);
    assert_eq!(shown.code, 3, "{}{}", shown.progress, shown.result);
    assert!(shown.progress.contains("this is shard 1/3 alone"), "{}", shown.progress);
}

#[test]
fn what_cannot_be_merged_or_read_is_refused_with_the_reason() {
    let shop = Shop::new();
    let (_, whole) = shop.run("whole", &["--name", "order 7"]);
    let (_, shard) = shop.run("shard", &["--shard", "1/2"]);
    let refused = shop.report(&[&shard, &whole], "merged");
    assert_eq!(refused.code, 2);
    assert!(refused.progress.contains("is a whole run, not a part of one"), "{}", refused.progress);
    let over = shop.report(&[&shard, &whole], "shard");
    assert!(over.code == 2 && over.progress.contains("name another folder with --out"), "{}", over.progress);
    let nothing = shop.path("nothing.json");
    std::fs::write(&nothing, "{}").unwrap();
    let refused = shop.report(&[&nothing, &shop.path("nowhere.json")], "merged");
    assert_eq!(refused.code, 2);
    for part in ["nothing.json: this is no result of eventproof", "nowhere.json: No such file"] {
        assert!(refused.progress.contains(part), "no `{part}` in {}", refused.progress);
    }
    assert!(!shop.path("merged").exists());
}
