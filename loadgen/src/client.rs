//! Where the Kafka client says that the time until the acknowledgement went.

use std::time::Duration;

use eventproof_broker::{ClientTime, ClientTimes};
use eventproof_reports::model::ClientSpan;

/// The parts of the way; none if the client told nothing yet.
pub(crate) fn spans(times: &ClientTimes) -> Vec<ClientSpan> {
    let parts = [
        ("queue", "a record, from being handed over until its batch is made; the linger is in it", times.queue),
        ("requests", "a request, from being made until it is written to the socket", times.requests),
        ("wire", "a request, from being written until it is answered; the broker's own time is in it", times.wire),
        ("throttle", "by how much the broker says that it held the client back", times.throttle),
    ];
    if parts.iter().all(|(.., time)| time.count == 0) {
        return Vec::new();
    }
    parts.into_iter().map(|(name, meaning, time)| span(name, meaning, time)).collect()
}

fn span(name: &str, meaning: &str, time: ClientTime) -> ClientSpan {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    ClientSpan {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        count: time.count,
        mean_ms: ms(time.mean()),
        worst_p99_ms: ms(time.worst_p99),
        max_ms: ms(time.max),
    }
}
