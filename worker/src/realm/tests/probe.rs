use super::*;
#[test]
fn probe() {
    for line in says(&std::fs::read_to_string("/tmp/probe.js").expect("x")) { eprintln!("{line}"); }
}
