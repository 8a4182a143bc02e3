//! Every oracle on made-up histories: the exact words of each way of failing, and what must never change a verdict.

mod anew;
mod before;
mod disturbed;
mod kinds;
mod kit;
mod late;
mod properties;
mod retries;
mod single;
mod stream;
mod truths;
mod unseen;
mod versions;
mod words;
