//! eventproof-bench
