//! Whether `eventproof compare` tells the truth of real runs: pairs of the same thing, and pairs of which the second is slower by a
//! tenth, on embedded brokers that are told by how much they delay what is produced.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::loads::load;
use super::{Failed, number};

const PAIRS: usize = 20;
/// What the delays are: as it was, and slower by a tenth.
const DELAYS: [(&str, &str); 2] = [("127.0.0.1:19491", "20ms"), ("127.0.0.1:19492", "22ms")];
/// A broker answers the requests of a connection one after the other: each is answered before the next event is due, so that a latency is
/// the delay and no queue. (With one, what a longer delay does is not what it is longer by: bigger batches can make the whole faster.)
const LINES: &str = "producer: {linger: 0ms}\nkeys: 100\nrate: 30/s\nwarm_up: 2s\nevents: 360\npayload_size: 200 B\nslip_limit: 1s\nobjectives:\n  - p50(acknowledgement) < 10s\n  - p95(acknowledgement) < 10s\n";
const UP: Duration = Duration::from_secs(20);

/// A broker that ends with this.
struct Delayed(Child);

impl Delayed {
    fn start(program: &str, (listen, by): (&str, &str)) -> Result<Delayed, Failed> {
        let fault = format!("delay by={by} api=Produce");
        let mut command = Command::new(program);
        command.args(["broker", "--listen", listen, "--fault", &fault]).stdout(Stdio::null()).stderr(Stdio::null());
        let (broker, began) = (Delayed(command.spawn()?), Instant::now());
        while TcpStream::connect(listen).is_err() {
            if began.elapsed() > UP {
                return Err(format!("no broker came up at {listen}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(broker)
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn run(program: &str, words: &[String]) -> Result<(), Failed> {
    let pairs = number(words, "--pairs", PAIRS)?;
    let folder = tempfile::tempdir()?;
    let (mut alarms, mut found, mut unclear) = (0, 0, [0, 0]);
    println!("{:>5} {:>22} {:>22}", "pair", "the same", "slower by a tenth");
    for pair in 1..=pairs {
        // New brokers each time: none has more behind it than another.
        let _as_it_was = Delayed::start(program, DELAYS[0])?;
        let _slower = Delayed::start(program, DELAYS[1])?;
        let run =
            |which: usize, name: &str| load(program, DELAYS[which].0, LINES, folder.path(), &format!("{name}-{pair}"));
        let (before, slower, again) = (run(0, "before")?, run(1, "slower")?, run(0, "again")?);
        let (same, worse) = (compare(program, &before, &again)?, compare(program, &before, &slower)?);
        alarms += usize::from(same == 1);
        found += usize::from(worse == 1);
        [same, worse].iter().zip(&mut unclear).for_each(|(code, unclear)| *unclear += usize::from(*code == 3));
        println!("{pair:>5} {:>22} {:>22}", word(same), word(worse));
    }
    println!("\nthe same: {alarms} false alarms in {pairs} pairs (bar: none), {} not told", unclear[0]);
    println!("slower by a tenth: {found} found in {pairs} (bar: 19 in 20), {} not told", unclear[1]);
    Ok(())
}

/// The exit code of a comparison.
fn compare(program: &str, before: &Path, after: &Path) -> Result<i32, Failed> {
    let output = Command::new(program).arg("compare").arg(before).arg(after).args(["--tolerance", "5%"]).output()?;
    match output.status.code() {
        Some(code @ (0 | 1 | 3)) => Ok(code),
        _ => Err(format!("compare: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn word(code: i32) -> &'static str {
    match code {
        0 => "no worse",
        1 => "WORSE",
        _ => "cannot tell",
    }
}
