//! How a store is to fail, and whom each order met: an order that met nobody has shown nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How a store fails until it is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// Open connections are closed at once, and every new one.
    Down,
    /// What the store says arrives so much later.
    Late(Duration),
    /// The next connections on which something is asked are closed, so many.
    BreaksOff(usize),
}

/// The orders in force, shared by all connections to a store.
pub(super) struct Orders {
    state: Mutex<State>,
    /// Every connection that is open is closed when this is told.
    closing: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    told: u64,
    open: usize,
    orders: Vec<Order>,
}

struct Order {
    /// By which it is ended.
    number: u64,
    fault: StoreFault,
    met: usize,
}

impl Orders {
    pub fn new() -> Arc<Orders> {
        Arc::new(Orders { state: Mutex::default(), closing: watch::Sender::new(()) })
    }

    /// Returns the number by which it is ended. Whoever is connected when a store goes down was met, however short it is down.
    pub fn fail(&self, fault: StoreFault) -> u64 {
        let mut state = self.lock();
        state.told += 1;
        let number = state.told;
        let is_down = fault == StoreFault::Down;
        let met = if is_down { state.open } else { 0 };
        state.orders.push(Order { number, fault, met });
        if is_down {
            self.closing.send_replace(());
        }
        number
    }

    /// Ends a fault, and says whom it met.
    pub fn mend(&self, number: u64) -> Option<(StoreFault, usize)> {
        let mut state = self.lock();
        let at = state.orders.iter().position(|order| order.number == number)?;
        let order = state.orders.remove(at);
        Some((order.fault, order.met))
    }

    /// A new connection may be carried, unless the store is down.
    pub fn admit(self: &Arc<Orders>) -> Option<Open> {
        let mut state = self.lock();
        if state.meet(|order| order.fault == StoreFault::Down) {
            return None;
        }
        state.open += 1;
        Some(Open { orders: self.clone(), closing: self.closing.subscribe() })
    }

    /// Something is asked on a connection: whether it is broken off for that.
    pub fn breaks_off(&self) -> bool {
        let is_left = |order: &Order| matches!(order.fault, StoreFault::BreaksOff(times) if order.met < times);
        self.lock().meet(is_left)
    }

    /// How much later a part of an answer is to arrive; the last order counts.
    pub fn late(&self) -> Duration {
        let mut state = self.lock();
        let late = state.orders.iter_mut().rev().find_map(|order| match order.fault {
            StoreFault::Late(by) => {
                order.met += 1;
                Some(by)
            }
            _ => None,
        });
        late.unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there is such an order; the first of them has met one more.
    fn meet(&mut self, is_such: impl Fn(&Order) -> bool) -> bool {
        let found = self.orders.iter_mut().find(|order| is_such(order));
        found.map(|order| order.met += 1).is_some()
    }
}

/// A connection that is carried.
pub(super) struct Open {
    orders: Arc<Orders>,
    closing: watch::Receiver<()>,
}

impl Open {
    /// Returns once it is to be closed.
    pub async fn is_to_close(&mut self) {
        // Its sender lives in the orders, which this holds.
        let _ = self.closing.changed().await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.orders.lock().open -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mended_is_over_and_nothing_else_is() {
        let orders = Orders::new();
        let (down, late) = (orders.fail(StoreFault::Down), orders.fail(StoreFault::Late(Duration::from_secs(1))));
        assert!(orders.admit().is_none() && orders.admit().is_none());
        assert_eq!(orders.mend(down), Some((StoreFault::Down, 2)));
        assert!(orders.admit().is_some());
        assert_eq!(orders.late(), Duration::from_secs(1));
        assert_eq!(orders.mend(late), Some((StoreFault::Late(Duration::from_secs(1)), 1)));
        assert_eq!((orders.late(), orders.mend(late)), (Duration::ZERO, None));
    }

    #[tokio::test]
    async fn whoever_is_connected_is_met_although_the_store_is_up_again_at_once() {
        let orders = Orders::new();
        let (mut open, gone) = (orders.admit().unwrap(), orders.admit().unwrap());
        drop(gone);
        let down = orders.fail(StoreFault::Down);
        assert_eq!(orders.mend(down), Some((StoreFault::Down, 1)));
        let mut later = orders.admit().unwrap();
        open.is_to_close().await;
        assert!(futures::FutureExt::now_or_never(later.is_to_close()).is_none());
    }

    #[test]
    fn so_many_connections_are_broken_off_and_no_more() {
        let orders = Orders::new();
        let number = orders.fail(StoreFault::BreaksOff(2));
        assert_eq!([(); 3].map(|()| orders.breaks_off()), [true, true, false]);
        assert_eq!(orders.mend(number), Some((StoreFault::BreaksOff(2), 2)));
    }
}
