//! eventproof-loadgen
