#![allow(clippy::unwrap_used, clippy::expect_used)]
//! What `run --dry-run` says would run, in which order, and how often.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use support::{eventproof, shop};

const SYSTEM: &str = "system: shop\nservices: {clerk: {command: [clerk]}}\n";

/// Scenarios of which the first has a service for itself alone.
const ORDERS: &str = "\
Feature: Orders

  Scenario: the clerk is killed
    When service \"clerk\" is killed

  Scenario: one
    When \"order.placed\" is published

  Scenario: two
    When \"order.placed\" is published

  Scenario: three
    When \"order.placed\" is published
";

/// What it says.
fn dry(pack: &Path, options: &[&str]) -> String {
    let path = pack.to_str().unwrap();
    let ran = eventproof(&[&["run", path, "--dry-run"], options].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    ran.result.replace(path, "PACK")
}

/// The names of the scenarios in it.
fn names(told: &str) -> Vec<&str> {
    told.lines().filter(|line| line.starts_with("PACK/")).map(|line| line.split_once(' ').unwrap().1).collect()
}

#[test]
fn a_dry_run_says_every_round_in_the_order_in_which_scenarios_are_taken_up() {
    let folder = shop(&[("system.yaml", SYSTEM), ("shop.feature", ORDERS)]);
    let alone = "the clerk is killed";
    let written = dry(folder.path(), &[]);
    assert_eq!(names(&written), ["one", "two", "three", alone], "nobody waits for what disturbs");
    let shuffled = |seed: &str| {
        let told = dry(folder.path(), &["--order", "random", "--seed", seed]);
        let end = format!("\n4 of 4 scenarios would run, in the order of --seed {seed}\n");
        assert!(told.ends_with(&end), "{told}");
        names(&told).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let orders: BTreeSet<Vec<String>> = (1..9).map(|seed| shuffled(&seed.to_string())).collect();
    assert!(orders.len() > 2, "{orders:?}");
    assert!(orders.iter().all(|one| one.len() == 4 && one[3] == alone), "{orders:?}");
    assert_eq!(shuffled("7"), shuffled("7"));
    let drawn = dry(folder.path(), &["--order", "random"]);
    assert!(drawn.contains("4 scenarios would run, in the order of --seed "), "{drawn}");
}

#[test]
fn a_dry_run_of_a_shard_shows_each_repetition() {
    let folder = shop(&[("system.yaml", SYSTEM), ("shop.feature", ORDERS)]);
    let told = |options: &[&str]| dry(folder.path(), &[options, &["--repeat", "2"]].concat());
    let twice = "PACK/shop.feature:9 two\nPACK/shop.feature:12 three\n";
    assert_eq!(
        told(&["--exact", "two", "--exact", "three"]),
        format!("round 1 of 2:\n{twice}round 2 of 2:\n{twice}2 of 4 scenarios would run, 2 times\n")
    );
    let both = ["1/2", "2/2"].map(|shard| told(&["--shard", shard])).concat();
    for name in ["one", "two", "three", "the clerk is killed"] {
        assert_eq!(both.matches(&format!(" {name}\n")).count(), 2, "twice in one of the shards: {both}");
    }
}
