//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The variable that says where the registry is.
pub const REGISTRY: &str = "EVENTPROOF_REGISTRY";

/// Proves that a system of services on Kafka keeps its promises.
#[derive(Debug, Parser)]
#[command(name = "eventproof", version, about, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all held; 1 something was broken; 2 usage, contract or feature file is wrong; \
3 no verdict; 4 a defect in eventproof";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the scenarios of one or more packs
    Run(RunArguments),
    /// Test the gate itself: switch every seeded fault of a pack on, one by one, and see who catches it
    Prove(ProveArguments),
    /// Send load and judge its objectives
    Load(LoadArguments),
    /// Render results again, and merge the shards of a run; ends with the exit code of the result
    Report {
        /// Results (result.json), or the intervals.jsonl of a load that was killed; several must be all the shards of one
        /// scenario run, or of one load (part.json)
        #[arg(required_unless_present = "run", conflicts_with = "run")]
        files: Vec<PathBuf>,
        /// Put the shards of a load together that was run under this name, from the broker's results topic
        #[arg(long, value_name = "NAME", requires = "brokers")]
        run: Option<String>,
        /// That broker: host:port,…
        #[arg(long, value_name = "ADDRESSES", env = "EVENTPROOF_BROKERS")]
        brokers: Option<String>,
        /// librdkafka option for it, key=value
        #[arg(long = "broker-option", value_name = "KEY=VALUE")]
        broker_options: Vec<String>,
        /// Folder for the reports: the file's own, or eventproof-report for several, if nothing is said
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Say what this machine and a broker can do, with what to do about each "no"
    Doctor(DoctorArguments),
    /// Set load results beside an earlier one; exit code 1 if a figure got worse by more than the tolerance
    Compare(CompareArguments),
    /// Find everything that is wrong with a pack, without starting anything
    Lint {
        /// Folders of packs
        #[arg(required = true)]
        packs: Vec<PathBuf>,
        /// How it is written
        #[arg(long, value_enum, default_value_t)]
        format: LintFormat,
    },
    /// Begin a new pack
    Init(InitArguments),
    /// Read a contract by itself
    Contract {
        #[command(subcommand)]
        command: ContractCommand,
    },
    /// List the sentences that scenarios may use, or those that have all the given words
    Steps {
        words: Vec<String>,
        /// Only forms of this language: en, zh-CN
        #[arg(long)]
        lang: Option<String>,
        /// All of them as a page in Markdown
        #[arg(long, conflicts_with_all = ["words", "lang"])]
        markdown: bool,
    },
    /// Run one service of a reference system, or list the systems, services and their faults
    Serve {
        system: Option<String>,
        service: Option<String>,
        /// Switch a named fault on
        #[arg(long = "fault", value_name = "NAME")]
        faults: Vec<String>,
    },
    /// Run the embedded broker by itself, for any Kafka client, until interrupted
    Broker {
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1:9092")]
        listen: std::net::SocketAddr,
        /// A second listener with the name by which its clients reach it, such as 0.0.0.0:9093=kafka:9093
        #[arg(long, value_name = "ADDRESS=NAME:PORT")]
        also_listen: Option<String>,
        /// How many nodes the cluster has, 1 to 9; further ones listen on the ports that follow
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
        nodes: u8,
        /// Ask every client for one of these users by SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512)
        #[arg(
            long = "user",
            value_name = "NAME:PASSWORD",
            env = "EVENTPROOF_BROKER_USERS",
            value_delimiter = ',',
            hide_env_values = true
        )]
        users: Vec<String>,
        /// Misbehave from the start, such as "delay by=200ms api=Fetch"; docs/faults.md lists the kinds
        #[arg(long = "fault", value_name = "FAULT")]
        faults: Vec<String>,
        /// Also serve a schema registry in memory at this address
        #[arg(long, value_name = "ADDRESS")]
        registry: Option<std::net::SocketAddr>,
    },
}

/// What to do with a contract.
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Find everything that is wrong with an AsyncAPI document
    Check {
        /// The document, or the folder of a pack
        path: PathBuf,
    },
    /// Compare versions of a contract; exit code 1 if a change breaks what the mode protects
    Diff {
        /// Versions, the newest last: documents, or folders of packs
        #[arg(num_args = 2.., required = true)]
        paths: Vec<PathBuf>,
        /// What may not break: backward protects producers of the old version, forward its consumers, full both;
        /// additive lets nothing go or become another; none protects nothing
        #[arg(long, default_value = "full", value_parser = ["none", "backward", "forward", "full", "additive"])]
        mode: String,
        /// Stricter than any registry, beside the rules of the newest contract itself
        #[arg(long = "rule", value_name = "RULE", value_parser = ["types-never-change", "only-defaults-go", "additive-only"])]
        rules: Vec<String>,
        /// Compare the newest with every version before it, not only with the last
        #[arg(long)]
        transitive: bool,
        /// How the changes are written
        #[arg(long, value_enum, default_value_t)]
        format: DiffFormat,
    },
    /// Compare a running broker with a contract; exit code 1 if they differ
    Drift {
        /// The document, or the folder of a pack
        path: PathBuf,
        /// The broker: host:port,…
        #[arg(long, value_name = "ADDRESSES", env = "EVENTPROOF_BROKERS")]
        brokers: String,
        /// librdkafka option, key=value
        #[arg(long = "broker-option", value_name = "KEY=VALUE")]
        broker_options: Vec<String>,
        /// The schema registry, where the contract's schemas have one: its address
        #[arg(long, value_name = "URL", env = REGISTRY, hide_env_values = true)]
        registry: Option<String>,
    },
    /// Say which promises of a pack no scenario touches
    Coverage {
        /// Folder of the pack
        path: PathBuf,
        /// Exit code 1 if fewer than so many percent are touched
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
        min_coverage: Option<u8>,
    },
    /// Show what was understood of it: topics, messages, senders and receivers
    Show {
        /// The document, or the folder of a pack
        path: PathBuf,
    },
}

/// How `lint` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// For people, with the place in the file
    #[default]
    Text,
    /// One JSON document
    Json,
    /// Annotations, as GitHub's runners read them
    Github,
}

/// How `contract diff` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// A line for each change
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// Where Kafka is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BrokerName {
    /// In this process
    #[default]
    Embedded,
    /// Apache Kafka in a container
    Container,
}

/// Options of everything that starts a system.
#[derive(Clone, Debug, Args)]
pub struct RigArguments {
    /// Which broker to use
    #[arg(long, value_enum, default_value_t, env = "EVENTPROOF_BROKER")]
    pub broker: BrokerName,
    /// How many nodes the embedded broker has, 1 to 9: leaders are spread over them, and can move
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9), env = "EVENTPROOF_NODES")]
    pub nodes: u8,
    /// Use a broker that runs already: host:port,…
    #[arg(long, value_name = "ADDRESSES", env = "EVENTPROOF_BROKERS", conflicts_with = "broker")]
    pub brokers: Option<String>,
    /// librdkafka option for a broker that runs already, key=value; key=@FILE reads the value from a file
    #[arg(long = "broker-option", value_name = "KEY=VALUE", requires = "brokers")]
    pub broker_options: Vec<String>,
    /// Use a schema registry that runs already: its address, with user and password if it wants them
    #[arg(long, value_name = "URL", env = REGISTRY, hide_env_values = true)]
    pub registry: Option<String>,
    /// Repeat the choices of an earlier run
    #[arg(long, env = "EVENTPROOF_SEED")]
    pub seed: Option<u64>,
    /// Folder for the reports
    #[arg(long, value_name = "DIR", default_value = "eventproof-report", env = "EVENTPROOF_REPORT")]
    pub report: PathBuf,
    /// Switch a named fault of a service on
    #[arg(long = "fault", value_name = "SERVICE:NAME")]
    pub faults: Vec<String>,
}

/// Options of `init`.
#[derive(Clone, Debug, Args)]
pub struct InitArguments {
    /// Folder to make
    pub folder: PathBuf,
    /// An AsyncAPI document; one of version 2 is upgraded
    #[arg(long, value_name = "FILE", conflicts_with_all = ["topics", "brokers"])]
    pub from: Option<PathBuf>,
    /// Names of topics; of a running broker, only these
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub topics: Vec<String>,
    /// A running broker, whose topics, groups and last records are read: host:port,…
    #[arg(long, value_name = "ADDRESSES")]
    pub brokers: Option<String>,
    /// librdkafka option, key=value
    #[arg(long = "broker-option", value_name = "KEY=VALUE", requires = "brokers")]
    pub broker_options: Vec<String>,
    /// The schema registry of records with Confluent's header
    #[arg(long, value_name = "URL", requires = "brokers", env = REGISTRY, hide_env_values = true)]
    pub registry: Option<String>,
    /// How many of each topic's last records are read
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub records: usize,
}

/// Options of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// Folder of the pack, or one of its feature files, or a line of it: features/shop/orders.feature:12
    pub pack: PathBuf,
    /// Further packs: each is a run of its own, with its own broker and services, and all become one result
    pub more: Vec<PathBuf>,
    /// Of several packs, how many run at a time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    pub jobs: u8,
    #[command(flatten)]
    pub rig: RigArguments,
    #[command(flatten)]
    pub choice: ChoiceArguments,
    /// Exit code 1 if scenarios with a verdict touch fewer than so many percent of the contract's promises
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub min_coverage: Option<u8>,
    /// End the run after so long: what has not ended by then has no verdict
    #[arg(long, value_name = "DURATION", value_parser = eventproof_source::units::parse_duration)]
    pub timeout: Option<std::time::Duration>,
    /// Spread scenarios that disturb something over so many whole systems, each with its own broker, services and data;
    /// system.yaml says how many are allowed (`copies`, 1 if it says nothing)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8), env = "EVENTPROOF_COPIES", conflicts_with = "brokers")]
    pub copies: Option<u8>,
    /// Say what would run, and start nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Keep broker and services up, and run again what a saved file touches, until interrupted
    #[arg(long, conflicts_with_all = ["dry_run", "failed", "shard", "timeout"])]
    pub watch: bool,
}

impl RunArguments {
    /// All packs that are asked for.
    pub fn packs(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.pack).chain(&self.more)
    }
}

/// Which scenarios run, and how.
#[derive(Clone, Debug, Args)]
pub struct ChoiceArguments {
    /// Only scenarios whose name has this in it
    #[arg(long = "name", value_name = "PART")]
    pub names: Vec<String>,
    /// Only the scenario of this name
    #[arg(long = "exact", value_name = "NAME")]
    pub exact: Vec<String>,
    /// Only scenarios with this tag
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Only scenarios that speak of this service: by name, or through an action, a view, a group, a stub, a store or an alert of it
    #[arg(long = "service", value_name = "NAME")]
    pub services: Vec<String>,
    /// Only what did not hold in the last result in the report folder
    #[arg(long)]
    pub failed: bool,
    /// Only one part of so many, such as 2/5
    #[arg(long, value_name = "I/N", value_parser = crate::commands::parse_shard)]
    pub shard: Option<(u64, u64)>,
    /// As written, or shuffled by the seed
    #[arg(long, value_enum, default_value_t)]
    pub order: Order,
    /// Run everything so often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Try a scenario that does not hold so often again, unless its tag @flaky(n) says how often
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub retries: u32,
    /// Exit code 1 if a scenario held only when it was tried again
    #[arg(long)]
    pub fail_on_flaky: bool,
    /// Begin no further scenario once one did not hold
    #[arg(long)]
    pub fail_fast: bool,
    /// Let scenarios be skipped whose tag @needs:NEED the broker does not meet, without losing the verdict
    #[arg(long = "allow-skipped", value_name = "NEED")]
    pub allow_skipped: Vec<String>,
}

/// In which order scenarios are taken up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// As they stand in their files
    #[default]
    Written,
    /// Shuffled by the seed
    Random,
}

/// Options of `prove`.
#[derive(Clone, Debug, Args)]
pub struct ProveArguments {
    /// Folders of packs, each with a faults.yaml
    #[arg(required = true)]
    pub packs: Vec<PathBuf>,
    /// Run every scenario under every fault, not only those that are meant and the controls
    #[arg(long)]
    pub all: bool,
    /// Only these faults
    #[arg(long = "fault", value_name = "SERVICE:NAME")]
    pub faults: Vec<String>,
    /// No fault at all: only the healthy repeats, for the bound that they give
    #[arg(long, conflicts_with_all = ["faults", "all"])]
    pub no_faults: bool,
    /// Repeat the choices of an earlier proof: each run has a seed of its own, drawn from this one
    #[arg(long, env = "EVENTPROOF_SEED")]
    pub seed: Option<u64>,
    /// How often each pack is run without any fault; every second time all processors are kept busy
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub healthy: u32,
    /// How many runs at a time
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub jobs: u8,
    /// How long one run may take
    #[arg(long, value_name = "DURATION", default_value = "10min", value_parser = eventproof_source::units::parse_duration)]
    pub limit: std::time::Duration,
    /// Folder for the reports
    #[arg(long, value_name = "DIR", default_value = "eventproof-report", env = "EVENTPROOF_REPORT")]
    pub report: PathBuf,
}

/// Options of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArguments {
    /// Which broker to look at
    #[arg(long, value_enum, default_value_t, env = "EVENTPROOF_BROKER")]
    pub broker: BrokerName,
    /// Look at a broker that runs already, writing nothing to it: host:port,…
    #[arg(long, value_name = "ADDRESSES", env = "EVENTPROOF_BROKERS", conflicts_with = "broker")]
    pub brokers: Option<String>,
    /// librdkafka option for a broker that runs already, key=value; key=@FILE reads the value from a file
    #[arg(long = "broker-option", value_name = "KEY=VALUE", requires = "brokers")]
    pub broker_options: Vec<String>,
}

/// Options of `compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArguments {
    /// The earlier result (result.json, or intervals.jsonl)
    pub before: PathBuf,
    /// Later results of the same load, each compared with the earlier one
    #[arg(required = true)]
    pub after: Vec<PathBuf>,
    /// A change of so much is none
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = crate::commands::parse_percent)]
    pub tolerance: f64,
    /// A change of latency of less than this is none either, whatever its share
    #[arg(long, value_name = "DURATION", value_parser = eventproof_source::units::parse_duration)]
    pub floor: Option<std::time::Duration>,
    /// Folder for the comparison as HTML, Markdown and JSON; nothing is written if nothing is said
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Options of `load`.
#[derive(Clone, Debug, Args)]
pub struct LoadArguments {
    /// Load profiles, one after another
    #[arg(required = true)]
    pub profiles: Vec<PathBuf>,
    /// Search the highest rate that meets the objectives, from the profile's own on, and confirm it with a run as long as the profile
    #[arg(long)]
    pub find_max: bool,
    /// The rate that a search never goes above, such as 20000/s
    #[arg(long, requires = "find_max", value_name = "RATE", value_parser = eventproof_source::units::parse_rate)]
    pub ceiling: Option<f64>,
    /// How long each step of a search lasts, at least
    #[arg(long, requires = "find_max", value_name = "DURATION", default_value = "5s", value_parser = eventproof_source::units::parse_duration)]
    pub step: std::time::Duration,
    /// Send one part of the load; the others are sent by processes with the same command and another number, such as 2/4.
    /// job/4 takes the number from JOB_COMPLETION_INDEX, as Kubernetes gives it to an Indexed Job
    #[arg(long, value_name = "I/N", env = "EVENTPROOF_SHARD", value_parser = crate::commands::parse_load_shard, conflicts_with = "find_max")]
    pub shard: Option<eventproof_reports::model::Shard>,
    /// The name that the shards of a run have in common, and no other run on this broker
    #[arg(long, value_name = "NAME", env = "EVENTPROOF_RUN", requires = "shard")]
    pub run: Option<String>,
    /// How long the other shards are waited for before the start
    #[arg(long, requires = "shard", value_name = "DURATION", default_value = "5min", value_parser = eventproof_source::units::parse_duration)]
    pub shard_wait: std::time::Duration,
    /// Print a line of key=value pairs for each interval to standard output, for logs
    #[arg(long)]
    pub tail: bool,
    /// Let Prometheus read the load while it runs, at http://ADDRESS/metrics; a port alone is of this machine only
    #[arg(long, value_name = "ADDRESS", value_parser = crate::commands::parse_address)]
    pub metrics: Option<std::net::SocketAddr>,
    #[command(flatten)]
    pub rig: RigArguments,
}
