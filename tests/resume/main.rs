//! A training that is stopped, however it is stopped, goes on as if it had never been. Through the real process.

#![cfg(target_os = "linux")]

mod continuity;
mod disks;
mod faults;
mod kills;
mod signals;
mod support;
