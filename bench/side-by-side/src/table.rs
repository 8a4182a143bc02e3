//! The table, and whether the bars were met.

use super::programs::Figure;

/// Prints medians with the least and the most, and the ratios of each round: they are paired, so the machine's mood cancels out.
pub fn print(figures: &[Vec<Figure>; 3], records: usize) {
    println!("\n{records} records of {} B a round, {} rounds\n", super::SIZE, figures[0].len());
    println!("{:<38} {:>32} {:>24}", "", "records/s (least, most)", "CPU us a record");
    let names = [
        "bare rdkafka producer and consumer",
        "eventproof load, everything checked",
        "Java ProducerPerformance (sends only)",
    ];
    for (name, of) in names.iter().zip(figures) {
        let (least, middle, most) = spread(of.iter().map(|figure| figure.rate));
        let (_, cpu, _) = spread(of.iter().map(|figure| figure.cpu_us));
        let cpu = if cpu.is_nan() { "not taken".to_owned() } else { format!("{cpu:.2}") };
        println!("{name:<38} {:>32} {cpu:>24}", format!("{middle:.0} ({least:.0}, {most:.0})"));
    }
    let ratio = |of: fn(&Figure) -> f64, to: usize| {
        spread(figures[1].iter().zip(&figures[to]).map(|(ours, theirs)| of(ours) / of(theirs))).1
    };
    let (rate, cpu, java) = (ratio(|f| f.rate, 0), ratio(|f| f.cpu_us, 0), ratio(|f| f.rate, 2));
    println!("\nrecords/s: {rate:.2} of the bare pair's (bar: at least 0.90) {}", word(rate >= 0.9));
    println!("CPU for a record: {cpu:.2} of the bare pair's (bar: at most 1.50) {}", word(cpu <= 1.5));
    println!("records/s: {java:.2} of Java's (bar: more than 1.00) {}", word(java > 1.0));
}

fn word(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// The least, the middle and the most.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}
