//! `load --shard I/N`: one part of a load. The whole is judged once, by shard 1; every other shard ends with the same exit code, so that
//! none of them is green while the whole is not.

use std::collections::BTreeMap;
use std::path::Path;

use eventproof_contract::Generator;
use eventproof_loadgen::{LoadError, LoadSetup, Part, Profile, ShardError, ShardRun, Sharding, run_shard, unfit};
use eventproof_reports::LoadHead;
use eventproof_reports::model::{BrokerInfo, Interval, LoadResult, Shard};
use eventproof_scenarios::Pack;
use eventproof_system::SystemSpec;

use super::load::{Told, command, head, interruption};
use super::origin::Origin;
use super::rig::{RunIdentity, bring_up};
use super::{files, rendered};
use crate::args::LoadArguments;
use crate::{exit, output};

/// A shard's own result, for `report`.
const FILE: &str = "part.json";
/// The variable in which Kubernetes says which pod of an Indexed Job this is, from 0.
const INDEX: &str = "JOB_COMPLETION_INDEX";
/// The number of the first event in all shards: what is sent to find out whether groups are ready has lower ones.
const FIRST_EVENT: u64 = 10_000;
/// Files of a pack that say what is sent and how it is judged.
const KINDS: [&str; 5] = ["yaml", "yml", "json", "avsc", "proto"];

/// Reads `2/4`, or `job/4` where the number is that of the pod; the error says what to write.
pub fn parse_load_shard(text: &str) -> Result<Shard, String> {
    numbered(text, std::env::var(INDEX).ok().as_deref())
}

fn numbered(text: &str, index: Option<&str>) -> Result<Shard, String> {
    let Some(of) = text.strip_prefix("job/") else {
        return super::parse_shard(text).map(|(number, of)| Shard { number, of });
    };
    let index = index.ok_or_else(|| format!("`{text}`: {INDEX} is not set; it is in the pods of an Indexed Job"))?;
    let number =
        index.parse::<u64>().map_err(|_| format!("{INDEX} is `{index}`, which is no number"))?.saturating_add(1);
    super::parse_shard(&format!("{number}/{of}"))
        .map(|(number, of)| Shard { number, of })
        .map_err(|_| format!("`{text}` with {INDEX}={index} is no shard: the Job's completions must be {of}"))
}

/// Sends one shard of a profile; returns the exit code of the whole.
pub async fn load(arguments: &LoadArguments, shard: Shard, profile: &Profile, pack: Pack, folder: &Path) -> u8 {
    let wrong = wrong(arguments, profile, &pack.system);
    if !wrong.is_empty() {
        wrong.iter().for_each(|why| output::error(why));
        return exit::USAGE;
    }
    let run = arguments.run.clone().unwrap_or_default();
    let seed = arguments.rig.seed.unwrap_or(fnv(run.as_bytes()) % 1_000_000);
    let identity = RunIdentity { seed, run_id: run };
    output::progress(&format!("{}: shard {shard} of run {}", profile.name, identity.run_id));
    files::put_aside(folder);
    // There may be none.
    let _ = std::fs::remove_file(folder.join(FILE));
    match Told::begin(arguments, &profile.name, folder).await {
        Ok(told) => send(arguments, shard, &identity, profile, pack, (folder, told)).await,
        Err(error) => {
            output::error(&error);
            exit::USAGE
        }
    }
}

/// What a shard has of the system: services that run already, or nothing; it starts none. That their groups are ready is found out by
/// shard 1, for all of them.
fn running(system: &SystemSpec, shard: Shard) -> SystemSpec {
    let services: Vec<_> = system.services.iter().filter(|service| service.url.is_some()).cloned().collect();
    let has = |name: &str| services.iter().any(|service| service.name == name);
    let is_first = shard.number == 1;
    SystemSpec {
        name: system.name.clone(),
        copies: system.copies,
        groups: system.groups.iter().filter(|group| is_first && has(&group.service)).cloned().collect(),
        views: system.views.iter().filter(|view| has(&view.service)).cloned().collect(),
        services,
        ..SystemSpec::default()
    }
}

/// Everything that must be said otherwise.
fn wrong(arguments: &LoadArguments, profile: &Profile, system: &SystemSpec) -> Vec<String> {
    let unfit = unfit(profile, system).into_iter();
    let mut wrong: Vec<String> =
        unfit.map(|why| format!("\"{}\" cannot be sent in shards: {why}", profile.name)).collect();
    if arguments.profiles.len() > 1 {
        wrong.push("--shard takes one profile at a time".to_owned());
    }
    if arguments.rig.brokers.is_none() {
        wrong.push("--shard needs --brokers: all shards meet on a broker that runs already".to_owned());
    }
    if arguments.run.as_ref().is_none_or(|run| run.is_empty()) {
        wrong.push("--shard needs --run NAME: a name that all shards have in common, new for each run".to_owned());
    }
    wrong
}

async fn send(
    arguments: &LoadArguments,
    shard: Shard,
    identity: &RunIdentity,
    profile: &Profile,
    pack: Pack,
    (folder, mut told): (&Path, Told),
) -> u8 {
    let origin = Origin::begin();
    let words = format!("{} --shard {shard} --run {}", command(arguments, profile, identity.seed), identity.run_id);
    let system = running(&pack.system, shard);
    let (mut rig, _data) = match bring_up(&arguments.rig, identity, pack.contract.clone(), system).await {
        Ok(up) => up,
        Err(code) => return code,
    };
    rig.stop_observing();
    // Canaries were sent by shard 1 alone: from here on all make the same.
    rig.generator = Generator::new(identity.seed, &identity.run_id);
    rig.generator.continue_at(FIRST_EVENT);
    let broker = BrokerInfo { kind: rig.broker.kind().word().to_owned(), label: rig.broker.label().to_owned() };
    let provenance = || origin.clone().provenance(words.clone(), identity, broker.clone());
    let (stop, stopped) = interruption();
    let setup =
        LoadSetup { rig: &rig, contract: pack.contract.clone(), run_id: identity.run_id.clone(), stop: stopped };
    told.file.begin(&LoadHead { shard: shard.to_string(), ..head(profile, provenance()) });
    let sharding = Sharding {
        shard,
        run: identity.run_id.clone(),
        host: host(),
        facts: facts(profile, &pack, identity.seed),
        provenance: provenance(),
        wait: arguments.shard_wait,
    };
    let tell = |text: &str| output::progress(&format!("  {text}"));
    let ran = run_shard(&setup, profile, sharding, tell, |so_far: &[Interval]| told.take(so_far)).await;
    told.live.end();
    stop.abort();
    rig.stop().await;
    match ran {
        Ok(mut ran) => {
            files::write_all(folder, [(FILE.to_owned(), ran.part.to_json())]);
            let (intervals, generator) = (ran.part.intervals().to_vec(), ran.part.generator().clone());
            let own = LoadResult { intervals, generator, ..LoadResult::default() };
            let code = match ran.whole.take() {
                Some(mut whole) => {
                    let (interrupted, merged) = (whole.provenance.interrupted, whole.provenance.merged);
                    whole.provenance = provenance();
                    (whole.provenance.interrupted, whole.provenance.merged) = (interrupted, merged);
                    first(&ran, whole, folder).await
                }
                None => further(&ran, shard),
            };
            told.file.end(&own, code);
            code
        }
        Err(error) => refused(&error),
    }
}

/// Shard 1 shows the whole and tells the others how it ended.
async fn first(ran: &ShardRun, mut whole: LoadResult, folder: &Path) -> u8 {
    let code = exit::of_load(&whole);
    whole.provenance.exit_code = i32::from(code);
    files::report(folder, rendered::load(&whole));
    match ran.tell(i32::from(code)).await {
        Ok(()) => code,
        Err(error) => {
            output::error(&format!("the other shards do not know how the whole ended: {error}"));
            exit::gravest([code, exit::NO_VERDICT])
        }
    }
}

/// Every other shard ends as the whole does.
fn further(ran: &ShardRun, shard: Shard) -> u8 {
    if let Some(why) = ran.part.ended_early() {
        output::progress(&format!("  {why}"));
    }
    match ran.told() {
        Ok(Some(code)) => {
            output::progress(&format!(
                "  shard {shard} has sent its part; the whole ended with exit code {code}, its report is shard 1's"
            ));
            u8::try_from(code).unwrap_or(exit::DEFECT)
        }
        Ok(None) => {
            output::error(
                "no verdict: shard 1 did not say how the whole ended; `eventproof report` puts the parts together",
            );
            exit::NO_VERDICT
        }
        Err(error) => {
            output::error(&error.to_string());
            exit::NO_VERDICT
        }
    }
}

fn refused(error: &LoadError) -> u8 {
    output::error(&error.to_string());
    match error {
        LoadError::Shards(shards) if ShardError::is_usage(shards) => exit::USAGE,
        _ => exit::NO_VERDICT,
    }
}

/// Puts parts together, wherever they come from; returns the exit code of the whole.
pub fn merged(parts: Vec<Part>, folder: &Path) -> u8 {
    match eventproof_loadgen::merge_parts(parts, &BTreeMap::new()) {
        Ok(mut whole) => {
            let code = exit::of_load(&whole);
            whole.provenance.exit_code = i32::from(code);
            files::report(folder, rendered::load(&whole));
            code
        }
        Err(error) => {
            output::error(&error.to_string());
            exit::USAGE
        }
    }
}

/// What all shards must have in common.
fn facts(profile: &Profile, pack: &Pack, seed: u64) -> BTreeMap<String, String> {
    let bytes = |path: &Path| std::fs::read(path).unwrap_or_default();
    BTreeMap::from([
        ("version of eventproof".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("seed".to_owned(), seed.to_string()),
        ("profile".to_owned(), format!("{:016x}", fnv(&bytes(&profile.path)))),
        ("pack".to_owned(), format!("{:016x}", fnv(&content(&pack.folder)))),
    ])
}

/// What a pack's contract is made of, in an order that depends on nothing else.
fn content(folder: &Path) -> Vec<u8> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let mut content = Vec::new();
    for path in entries {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kind = path.extension().map(|kind| kind.to_string_lossy().into_owned()).unwrap_or_default();
        // Profiles are told apart by themselves, and reports are no part of a pack; a mounted folder has hidden ones.
        if path.is_dir() && !name.starts_with('.') && !["load", "eventproof-report"].contains(&name.as_str()) {
            content.extend(self::content(&path));
        } else if path.is_file() && KINDS.contains(&kind.as_str()) {
            content.extend(name.bytes());
            content.extend(std::fs::read(&path).unwrap_or_default());
        }
    }
    content
}

/// FNV-1a: the same on every machine and in every version.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The name of this machine, or of this pod.
fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_knows_its_shard_by_its_index() {
        assert_eq!(numbered("2/4", None), Ok(Shard { number: 2, of: 4 }));
        assert_eq!(numbered("job/4", Some("0")), Ok(Shard { number: 1, of: 4 }));
        assert_eq!(numbered("job/4", Some("3")), Ok(Shard { number: 4, of: 4 }));
        assert!(numbered("job/4", Some("4")).unwrap_err().contains("completions must be 4"));
        assert!(numbered("job/4", None).unwrap_err().contains("JOB_COMPLETION_INDEX is not set"));
        for wrong in ["job/x", "5/4", "0/4", "4"] {
            assert!(numbered(wrong, Some("0")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pack_is_known_by_what_its_contract_is_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("schemas")).unwrap();
        std::fs::create_dir(folder.path().join("load")).unwrap();
        write("asyncapi.yaml", "a");
        write("schemas/x.avsc", "b");
        let before = content(folder.path());
        write("some.feature", "c");
        write("load/other.yaml", "d");
        assert_eq!(content(folder.path()), before, "they change nothing of what is sent");
        write("schemas/x.avsc", "B");
        assert_ne!(content(folder.path()), before);
    }
}
