//! Load profiles: what to send, how fast, what to watch, what to hold.

mod check;
mod given;
mod model;
mod pace;
mod places;
mod read;
mod replay;
mod traffic;

pub use model::{Arm, Pace, Profile, Replay, Requests, Stream, Traffic};
