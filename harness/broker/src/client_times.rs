//! Where the time between a send and its acknowledgement goes, as librdkafka says itself (`statistics.interval.ms`).

use std::time::Duration;

use rdkafka::statistics::{Statistics, Window};

/// What the client said in all of its statistics so far, of all brokers together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClientTimes {
    /// Records: from being handed over until their batch is made (linger among it).
    pub queue: ClientTime,
    /// Requests: from being made until they are written to the socket.
    pub requests: ClientTime,
    /// Requests: from being written until they are answered, the broker's own time among it.
    pub wire: ClientTime,
    /// Answers: how long the broker says that it held the client back.
    pub throttle: ClientTime,
}

/// One span of them. Windows of a second are all that the client gives: their means add up, their percentiles do not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClientTime {
    pub count: u64,
    sum: Duration,
    /// The 99th percentile of the second in which it was the greatest.
    pub worst_p99: Duration,
    pub max: Duration,
}

impl ClientTimes {
    /// Takes in what the client said of one more second.
    pub(crate) fn take(&mut self, said: &Statistics) {
        for broker in said.brokers.values() {
            self.queue.take(broker.int_latency.as_ref(), Duration::from_micros);
            self.requests.take(broker.outbuf_latency.as_ref(), Duration::from_micros);
            self.wire.take(broker.rtt.as_ref(), Duration::from_micros);
            self.throttle.take(broker.throttle.as_ref(), Duration::from_millis);
        }
    }
}

impl ClientTime {
    /// Zero of nothing.
    pub fn mean(&self) -> Duration {
        u32::try_from(self.count).ok().and_then(|count| self.sum.checked_div(count)).unwrap_or_default()
    }

    fn take(&mut self, window: Option<&Window>, unit: fn(u64) -> Duration) {
        let Some(window) = window.filter(|window| window.cnt > 0) else { return };
        let time = |value: i64| unit(u64::try_from(value).unwrap_or_default());
        self.count += u64::try_from(window.cnt).unwrap_or_default();
        self.sum += time(window.sum);
        self.worst_p99 = self.worst_p99.max(time(window.p99));
        self.max = self.max.max(time(window.max));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(count: i64, sum: i64, p99: i64, max: i64) -> Statistics {
        let window = Window { cnt: count, sum, p99, max, ..Window::default() };
        let broker = rdkafka::statistics::Broker {
            int_latency: Some(window.clone()),
            throttle: Some(window),
            ..rdkafka::statistics::Broker::default()
        };
        Statistics { brokers: [("1".to_owned(), broker)].into(), ..Statistics::default() }
    }

    #[test]
    fn means_add_up_and_the_worst_second_stays() {
        let mut times = ClientTimes::default();
        times.take(&said(10, 10_000, 1_500, 2_000));
        times.take(&said(30, 90_000, 9_000, 9_500));
        times.take(&said(0, 0, 50_000, 50_000));
        let queue = times.queue;
        assert_eq!((queue.count, queue.mean()), (40, Duration::from_micros(2_500)));
        assert_eq!((queue.worst_p99, queue.max), (Duration::from_micros(9_000), Duration::from_micros(9_500)));
        assert_eq!(times.throttle.max, Duration::from_millis(9_500), "throttling is told in milliseconds");
        assert_eq!((times.wire, times.wire.mean()), (ClientTime::default(), Duration::ZERO));
    }
}
