//! eventproof with the sentences of this crate: the linked crate is all that it takes.

use std::process::ExitCode;

use own_sentences as _;

fn main() -> ExitCode {
    eventproof::main()
}
