//! The `poolgate` command.

fn main() {}
