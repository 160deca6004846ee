//! The engine of `stateless-update` and `stateless-publish`.
//!
//! The house has floors; a module uses only floors below its own, which `cargo xtask ci` checks. See `ARCHITECTURE.md`.
//!
//! | floor | modules | may touch |
//! |---|---|---|
//! | 6 faces | the two programs | terminal, environment, exit code |
//! | 5 operations | `client`, `publish` | nothing directly |
//! | 4 moves | `fetch`, `stage`, `switch` | joins two doors |
//! | 3 doors | `transport`, `site`, `store`, `tree`, `state`, `trust` | network or disk, one each |
//! | 2 decisions | `plan`, `verify`, `overlay` | nothing: pure functions |
//! | 2 ground | `disk` | directories beneath a root, by handle; the doors stand on it |
//! | 1 formats | `manifest`, `pack`, `delta`, `gzip`, `xz` | the bytes given to them |
//! | 0 words | `types`, `report` | nothing |

pub mod client;
pub mod delta;
pub mod disk;
pub mod fetch;
pub mod gzip;
pub mod manifest;
pub mod overlay;
pub mod pack;
pub mod plan;
pub mod publish;
pub mod report;
pub mod site;
pub mod stage;
pub mod state;
pub mod store;
pub mod switch;
pub mod transport;
pub mod tree;
pub mod trust;
pub mod types;
pub mod verify;
pub mod xz;
