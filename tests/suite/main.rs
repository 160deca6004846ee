//! The integration suite: the two programs as a user runs them, judged by code that they do not share.
//!
//! Everything here goes through arguments, JSON lines, exit codes and the file system. The small OS of `fixtures/os` is
//! published once for the whole binary; every test has a machine of its own. What needs root, mounts or `strace` and does
//! not have it says so in a line that begins with `SKIPPED`, which `cargo xtask ci` counts.

mod administrator;
mod answers;
mod attributes;
mod behaviours;
mod bundles;
mod checkpoints;
mod commands;
mod config;
mod crash;
mod disk;
mod dist;
mod explain;
mod faults;
mod full;
mod fuzzing;
mod hangup;
mod hostile;
mod http;
mod inside;
mod install;
mod interrupted;
mod json;
mod keys;
mod layouts;
mod library;
mod limits;
mod local;
mod looks;
mod machine;
mod mending;
mod mounts;
mod network;
mod offline;
mod oracles;
mod plain_user;
mod pruned;
mod publisher;
mod real_os;
mod records;
mod refusals;
mod repair;
mod routes;
mod schemas;
mod search;
mod tampering;
mod terminal;
mod trust;
mod update;
mod wide;
mod world;
