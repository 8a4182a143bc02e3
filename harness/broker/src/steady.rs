//! Timed waits that no step of the wall clock stretches.
//!
//! librdkafka's threads wait for one another with C11's `cnd_timedwait`, until an instant of the wall clock. Where that clock is set
//! back by an hour, a wait of 100 ms takes an hour longer: a client is not closed, timers stand still, and eventproof does not end
//! (seen with glibc 2.36: docs/decisions/0032). These two functions stand in the place of the C library's, for the whole program: conditions
//! are made to wait by the monotonic clock, and an instant of the wall clock becomes as far away on that one.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::time::Duration;

use libc::{clockid_t, pthread_cond_t, pthread_condattr_t, pthread_mutex_t, timespec};

/// What `<threads.h>` of the GNU C library calls `thrd_success`, `thrd_error`, `thrd_nomem` and `thrd_timedout`.
const SUCCESS: c_int = 0;
const ERROR: c_int = 2;
const NO_MEMORY: c_int = 3;
const TIMED_OUT: c_int = 4;

/// The longest wait at a time. A step between the caller's look at the wall clock and ours makes an end that is too far away, and
/// this is all that it can cost.
const MOST: Duration = Duration::from_secs(5);

/// C11's, with a condition that waits by the monotonic clock.
///
/// # Safety
/// As the C standard says: `cond` points to a `cnd_t`, which is a `pthread_cond_t` in the GNU C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn cnd_init(cond: *mut pthread_cond_t) -> c_int {
    let mut attributes = MaybeUninit::<pthread_condattr_t>::uninit();
    // SAFETY: the attributes are initialised before they are used, and destroyed once; the condition is the caller's.
    let failed = unsafe {
        libc::pthread_condattr_init(attributes.as_mut_ptr());
        libc::pthread_condattr_setclock(attributes.as_mut_ptr(), libc::CLOCK_MONOTONIC);
        let failed = libc::pthread_cond_init(cond, attributes.as_ptr());
        libc::pthread_condattr_destroy(attributes.as_mut_ptr());
        failed
    };
    status(failed)
}

/// C11's, for a condition of the `cnd_init` above.
///
/// # Safety
/// As the C standard says: `cond` was initialised, `mutex` is an `mtx_t` that this thread holds, `end` is an instant of the wall clock.
#[unsafe(no_mangle)]
unsafe extern "C" fn cnd_timedwait(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    end: *const timespec,
) -> c_int {
    // SAFETY: the caller's pointers are valid by the standard's own conditions.
    unsafe {
        let left = since_zero(&*end).saturating_sub(now(libc::CLOCK_REALTIME));
        let target = now(libc::CLOCK_MONOTONIC).saturating_add(left.min(MOST));
        match status(libc::pthread_cond_timedwait(cond, mutex, &timespec_of(target))) {
            // Woken without a cause, as C allows: whoever waits looks, and waits again.
            TIMED_OUT if left > MOST => SUCCESS,
            ended => ended,
        }
    }
}

fn status(failed: c_int) -> c_int {
    match failed {
        0 => SUCCESS,
        libc::ETIMEDOUT => TIMED_OUT,
        libc::ENOMEM => NO_MEMORY,
        _ => ERROR,
    }
}

fn now(clock: clockid_t) -> Duration {
    let mut shown = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both clocks are there on every Linux, and the result is ours.
    unsafe { libc::clock_gettime(clock, &mut shown) };
    since_zero(&shown)
}

fn since_zero(at: &timespec) -> Duration {
    Duration::new(u64::try_from(at.tv_sec).unwrap_or(0), u32::try_from(at.tv_nsec).unwrap_or(0))
}

fn timespec_of(at: Duration) -> timespec {
    let tv_sec = libc::time_t::try_from(at.as_secs()).unwrap_or(libc::time_t::MAX);
    timespec { tv_sec, tv_nsec: at.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    unsafe extern "C" {
        fn cnd_destroy(cond: *mut pthread_cond_t);
    }

    /// How a wait ends that nobody ends, until so long from now, and how long it takes.
    fn waits(until: impl FnOnce(Duration) -> Duration) -> (c_int, Duration) {
        let mut cond = MaybeUninit::<pthread_cond_t>::uninit();
        let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
        let begun = Instant::now();
        // SAFETY: both are initialised before they are used, and live until the end.
        let ended = unsafe {
            assert_eq!(cnd_init(cond.as_mut_ptr()), SUCCESS);
            libc::pthread_mutex_lock(&mut mutex);
            let end = timespec_of(until(now(libc::CLOCK_REALTIME)));
            let ended = cnd_timedwait(cond.as_mut_ptr(), &mut mutex, &end);
            libc::pthread_mutex_unlock(&mut mutex);
            cnd_destroy(cond.as_mut_ptr());
            ended
        };
        (ended, begun.elapsed())
    }

    #[test]
    fn a_wait_that_is_too_long_by_a_step_is_woken_to_look_again() {
        let (ended, took) = waits(|now| now + Duration::from_secs(3600));
        assert!(ended == SUCCESS && took >= MOST && took < Duration::from_secs(60), "{ended} after {took:?}");
        let (ended, _) = waits(|_| Duration::from_secs(u64::MAX));
        assert_eq!(ended, SUCCESS);
    }

    #[test]
    fn a_wait_takes_as_long_as_its_end_is_away() {
        let (ended, took) = waits(|now| now + Duration::from_millis(80));
        assert_eq!(ended, TIMED_OUT);
        assert!((Duration::from_millis(80)..Duration::from_secs(30)).contains(&took), "{took:?}");
        let (ended, took) = waits(|now| now - Duration::from_secs(3600));
        assert!(ended == TIMED_OUT && took < Duration::from_secs(30), "{ended} after {took:?}");
    }
}
