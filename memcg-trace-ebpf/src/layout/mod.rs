//! The kernel's fields, in two ways: `read` takes offsets from a struct that user space fills and
//! reads by a helper; `constants` has offsets within the instructions and loads without a helper,
//! which only the hottest hooks need.

pub mod constants;
pub mod read;
